"""Numbers with their nouns."""

from __future__ import annotations

from clr_sweep.common.counts import first, plural


def test_one_has_no_plural() -> None:
    """And thousands stand apart; a part of one is many."""
    found = [plural(number, "trial") for number in (0, 1, 2, 1234, 1.0, 0.5)]
    assert found == ["0 trials", "1 trial", "2 trials", "1,234 trials", "1 trial", "0.5 trials"]
    assert [first(number, "trial") for number in (1, 2)] == ["first trial", "first 2 trials"]

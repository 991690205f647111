"""What a data set holds, in words."""

from __future__ import annotations

from clr_sweep.training.data.contents import contents


def test_names_that_would_break_the_line() -> None:
    """A folder's name may hold a line's end, or bytes that are no text; others stay as they are."""
    names = ["two\nlines", "größe 2", "\udcff"]
    assert contents(names, []) == "classes 0 'two\\nlines', 1 größe 2, 2 '\\udcff'"

"""A range test in words: what it says against the baseline's rate."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from landscapes import classifier, seeds
from range_records import complete_test

from clr_sweep.lr_range_test.report import baseline_warnings


def test_a_baseline_above_the_edge(tmp_path: Path) -> None:
    """Above all that trials may have it is warned of, with a rate that the test suggests."""
    made = complete_test(tmp_path, seeds(3, dies=1.0))
    assert made.suggestion is not None
    highest = made.suggestion.max_lr[1]
    assert baseline_warnings(made, 0.01) == []
    assert baseline_warnings(made, highest) == []
    (warning,) = baseline_warnings(made, 1.5 * highest)
    assert warning.startswith(f"warning: baseline.learning_rate {1.5 * highest:.3g} lies above ev")
    assert f"up to {highest:g}; stability edge at " in warning
    assert warning.endswith(f"the range test suggests {made.suggestion.max:.3g}")


def test_without_an_edge_it_says_that_none_was_seen(tmp_path: Path) -> None:
    """The upper bound of max_lr is then where the loss was lowest, or lost a tenth again."""
    made = complete_test(tmp_path, [classifier(high=0.5)])
    (warning,) = baseline_warnings(made, 2.0)
    assert "; no stability edge seen up to " in warning
    assert baseline_warnings(replace(made, state="running", suggestion=None), 2.0) == []

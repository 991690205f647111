"""Where cycles end: values by hand, and what is refused."""

from __future__ import annotations

import re
from math import inf
from typing import Any

import pytest

from clr_sweep.schedules import cycles


def test_troughs_table() -> None:
    """Troughs of whole, fractional, rounded and very short step sizes."""
    assert cycles.troughs(0, 5) == []
    assert cycles.troughs(9, 5) == []
    assert cycles.troughs(10, 5) == [10]
    assert cycles.troughs(12, 1.75) == [4, 7, 11]
    assert cycles.troughs(3, 0.2) == [1, 2, 3]
    assert cycles.whole_cycles(3, 0.2) == 7
    assert 1.1 * 110 > 121
    assert cycles.troughs(242, 1.1 * 110) == [242]
    assert cycles.whole_cycles(10**15, 938 * 3.7) == 10**15 * 10 // (938 * 74)


@pytest.mark.parametrize(
    ("steps", "step_size", "error", "message"),
    [
        (-1, 4, ValueError, "steps: must be an integer >= 0, got -1"),
        (10.0, 4, TypeError, "steps: must be an integer >= 0, got 10.0 (float)"),
        (True, 4, TypeError, "steps: must be an integer >= 0, got True"),
        (10, -4, ValueError, "step_size: must be a finite number > 0.0, got -4.0"),
        (10, inf, ValueError, "step_size: must be a finite number > 0.0, got inf"),
    ],
)
def test_wrong_counts_are_refused(
    steps: Any, step_size: Any, error: type[Exception], message: str
) -> None:
    """`troughs` and `whole_cycles` refuse what is no count and what is no step size."""
    for function in (cycles.troughs, cycles.whole_cycles):
        with pytest.raises(error, match=re.escape(message)):
            function(steps, step_size)

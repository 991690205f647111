"""The shapes that fall to their end, against tables and against the cosine of the C library."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clr_sweep.schedules import decays

no_deadline = settings(deadline=None)
totals = st.integers(1, 10**7)


def test_one_cycle_by_torchs_defaults() -> None:
    """Of 100 steps up to 1: the start, the peak, the middle of the fall and the end."""
    rates = [
        decays.one_cycle_rate(t, 100, start_lr=0.04, max_lr=1.0, end_lr=4e-6)
        for t in (0, 29, 64, 99, 150)
    ]
    assert rates == pytest.approx([0.04, 1.0, 0.500002, 4e-6, 4e-6], rel=1e-12)


@no_deadline
@given(totals, st.floats(0, 1))
def test_cosine_is_the_librarys(steps: int, part: float) -> None:
    """To a few rounding errors of the value itself, however small it is near the end."""
    step = math.floor(part * steps)
    expected = math.sin(math.pi / 2 * (steps - step) / steps) ** 2
    assert decays.cosine(step, steps) == pytest.approx(expected, rel=2e-15)


@no_deadline
@given(totals)
def test_ends_are_exact(steps: int) -> None:
    """Linear and cosine start at exactly 1 and end at exactly 0; one_cycle ends at exactly 0."""
    for shape in (decays.linear, decays.cosine):
        assert (shape(0, steps), shape(steps, steps), shape(3 * steps, steps)) == (1, 0, 0)
    assert decays.one_cycle(steps - 1, steps) == decays.one_cycle(2 * steps, steps) == 0
    assert decays.one_cycle(0, steps) == 0 or 0.3 * steps <= 1


@no_deadline
@given(st.integers(4, 5000), st.floats(0.05, 0.95))
def test_one_cycle_rises_once_and_falls_once(steps: int, pct_start: float) -> None:
    """One of its two phases stands at 1 while the other moves, and the peak is between them."""
    t = np.arange(steps)
    risen, left = decays.one_cycle_phases(t, steps, pct_start)
    peak = pct_start * steps - 1
    assert ((risen == 1) | (t <= peak)).all()
    assert ((left == 1) | (t >= peak)).all()
    assert (np.diff(risen) >= 0).all()
    assert (np.diff(left) <= 0).all()


@no_deadline
@given(st.lists(st.integers(0, 10**8), min_size=1, max_size=9), totals)
def test_numbers_and_arrays_agree_to_the_bit(steps: list[int], total: int) -> None:
    """Nothing but IEEE 754's exact operations: numbers and arrays are worked on alike."""
    for shape in (decays.linear, decays.cosine, decays.one_cycle):
        array = shape(np.array(steps), total)
        np.testing.assert_array_equal(array, [shape(step, total) for step in steps])


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ((-1, 10), ValueError, "step: must be >= 0, got -1"),
        ((1, 0), ValueError, "steps: must be a finite number > 0.0, got 0.0"),
        ((1, "10"), TypeError, "steps: must be a finite number > 0.0, got '10'"),
        ((1, 10, 1.0), ValueError, "pct_start: must be below 1, got 1.0"),
        ((1, 10, 0.0), ValueError, "pct_start: must be a finite number > 0.0"),
    ],
)
def test_wrong_arguments_are_refused(
    arguments: tuple[Any, ...], error: type[Exception], message: str
) -> None:
    """Each is named, with what is allowed and what was found."""
    with pytest.raises(error) as caught:
        decays.one_cycle(*arguments)
    assert message in str(caught.value)

"""The thinned curve: which steps it shows, and what of them."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from small_trials import small_config

from clr_sweep.training.points import CURVE_POINTS, shown_steps, step_points
from clr_sweep.training.records import StepPoint


@given(
    steps=st.integers(1, 30_000),
    step_size=st.integers(0, 5_000),
)
def test_shown_steps(steps: int, step_size: int) -> None:
    """The thinned curve is small and keeps every peak and trough of cycles one can see."""
    config = small_config().model_copy(
        update={
            "steps": steps,
            "schedule": small_config().schedule.model_copy(update={"step_size": step_size}),
        }
    )
    shown = shown_steps(config)
    assert {0} <= shown <= set(range(steps))
    assert len(shown) <= 2 * CURVE_POINTS + 1
    assert len(shown) >= min(steps, CURVE_POINTS / 2)
    if step_size and steps / step_size <= CURVE_POINTS:
        assert set(range(0, steps, step_size)) <= shown


def test_the_points_of_an_epoch() -> None:
    """The steps shown and the last one, counted from the trial's first step, with their cycles."""
    rates = np.array([0.5, 0.25, 0.125, 0.0625], "float32")
    losses = np.array([2.0, 1.0, 3.0, np.inf], "float32")
    assert step_points(frozenset({0, 8, 9, 50}), 5, 8, rates, losses) == (
        StepPoint(8, 0.5, 2.0, 1),
        StepPoint(9, 0.25, 1.0, 1),
        StepPoint(11, 0.0625, None, 2),
    )
    without = step_points(frozenset({8}), 0, 8, rates, losses)
    assert [point.cycle for point in without] == [None, None]

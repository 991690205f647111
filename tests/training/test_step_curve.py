"""The curve of single steps: what it shows of which steps, and how far it is from the plan."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from small_trials import small_config

from clr_sweep.definition.trial_config import ScheduleConfig
from clr_sweep.schedules import policies
from clr_sweep.training.reports import StepPoint
from clr_sweep.training.step_curve import CURVE_POINTS, deviation, shown_steps, step_points

TRIANGULAR = ScheduleConfig(
    policy="triangular", init_lr=0.1, max_lr=0.5, step_size_factor=1, step_size=4
)


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


def rates(schedule: ScheduleConfig, steps: int) -> np.ndarray:
    return np.asarray(schedule.learning_rate(np.arange(steps))).astype("float32")


@pytest.mark.parametrize("policy", policies.POLICIES)
def test_what_keras_holds_of_the_plan_deviates_by_nothing(policy: str) -> None:
    """float32 is what an optimizer can be given; one step that differs is found."""
    schedule = small_config(policy, factor=2, init_lr=0.001, max_lr=0.3, gamma=0.999).schedule
    used = rates(schedule, 200)
    assert deviation(schedule, used) == 0.0
    used[150] += np.float32(0.25)
    assert deviation(schedule, used) == pytest.approx(0.25, rel=1e-6)
    assert deviation(schedule, used[:150]) == 0.0


def test_a_deviation_of_one_bit_is_seen() -> None:
    """The smallest step that float32 has."""
    used = rates(TRIANGULAR, 8)
    used[3] = np.nextafter(used[3], np.float32(1))
    assert 0 < deviation(TRIANGULAR, used) < 1e-7
    assert deviation(TRIANGULAR, used[:0]) == 0.0

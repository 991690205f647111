"""How far the rates that were used lie from those that were planned."""

from __future__ import annotations

import numpy as np
import pytest
from small_trials import small_config

from clr_sweep.definition.trial_config import ScheduleConfig
from clr_sweep.schedules import policies
from clr_sweep.training.deviation import deviation

TRIANGULAR = ScheduleConfig(
    policy="triangular", init_lr=0.1, max_lr=0.5, step_size_factor=1, step_size=4
)


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

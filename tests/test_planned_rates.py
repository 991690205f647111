"""The planned rates, and how far the rates that were used lie from them."""

from __future__ import annotations

import numpy as np
import pytest

from clr_sweep.planned_rates import deviation, planned_rates, rates_at
from clr_sweep.schedules import policies
from clr_sweep.trial_config import ScheduleConfig

TRIANGULAR = ScheduleConfig(
    policy="triangular", init_lr=0.1, max_lr=0.5, step_size_factor=1, step_size=4
)


def test_the_plan_by_hand() -> None:
    """Up in four steps and down in four, in float64."""
    expected = [0.1, 0.2, 0.3, 0.4, 0.5, 0.4, 0.3, 0.2, 0.1]
    found = planned_rates(TRIANGULAR, 9)
    np.testing.assert_allclose(found, expected, rtol=1e-15)
    assert found.dtype == np.float64
    assert rates_at(TRIANGULAR, 4).shape == ()
    np.testing.assert_array_equal(rates_at(TRIANGULAR, [8, 2]), found[[8, 2]])


@pytest.mark.parametrize("policy", [*policies.POLICIES, policies.CONSTANT])
def test_what_keras_holds_of_the_plan_deviates_by_nothing(policy: str) -> None:
    """float32 is what an optimizer can be given; one step that differs is found."""
    constant = policy == policies.CONSTANT
    schedule = ScheduleConfig(
        policy=policy,  # type: ignore[arg-type]
        init_lr=0.001,
        max_lr=0.001 if constant else 0.3,
        step_size_factor=0 if constant else 2,
        step_size=0 if constant else 37,
        gamma=0.999 if policy == "exp_range" else 1.0,
    )
    used = planned_rates(schedule, 200).astype("float32")
    assert deviation(schedule, used) == 0.0
    used[150] += np.float32(0.25)
    assert deviation(schedule, used) == pytest.approx(0.25, rel=1e-6)
    assert deviation(schedule, used[:150]) == 0.0


def test_a_deviation_of_one_bit_is_seen() -> None:
    """The smallest step that float32 has."""
    used = planned_rates(TRIANGULAR, 8).astype("float32")
    used[3] = np.nextafter(used[3], np.float32(1))
    assert 0 < deviation(TRIANGULAR, used) < 1e-7
    assert deviation(TRIANGULAR, used[:0]) == 0.0

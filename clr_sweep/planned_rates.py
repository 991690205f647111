"""The learning rates that a trial's schedule plans, as arithmetic in float64, without Keras."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from clr_sweep.schedules import policies
from clr_sweep.trial_config import ScheduleConfig


def rates_at(schedule: ScheduleConfig, steps: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """The rates that the schedule has at `steps`, counted from 0, of any shape."""
    rates = policies.learning_rate(
        np.asarray(steps, dtype=np.float64),
        policy=schedule.policy,
        init_lr=schedule.init_lr,
        max_lr=schedule.max_lr,
        step_size=schedule.step_size,
        gamma=schedule.gamma,
    )
    return np.asarray(rates, dtype=np.float64)


def planned_rates(schedule: ScheduleConfig, steps: int) -> npt.NDArray[np.float64]:
    """The rates of the first `steps` optimizer steps, shape (steps,)."""
    return rates_at(schedule, np.arange(steps))


def deviation(schedule: ScheduleConfig, rates: npt.NDArray[np.float32]) -> float:
    """The greatest distance of the rates that the first steps used from those planned.

    Keras holds a rate in float32, so the plan is rounded to it; then 0 means the same to the bit.

    Args:
        rates: of the steps from the first on, in float32, shape (steps,).
    """
    planned = planned_rates(schedule, len(rates)).astype(np.float32)
    distances = np.abs(rates.astype(np.float64) - planned.astype(np.float64))
    return float(distances.max(initial=0.0))

"""How far the rates that a trial used are from those that its schedule plans."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from clr_sweep.definition.trial_config import ScheduleConfig


def deviation(schedule: ScheduleConfig, rates: npt.NDArray[np.float32]) -> float:
    """The greatest distance of the rates that the first steps used from those planned.

    Keras holds a rate in float32, so the plan, which is worked out in float64 without Keras, is
    rounded to it; then 0 means the same to the bit.

    Args:
        rates: of the steps from the first on, in float32, shape (steps,).
    """
    planned = np.asarray(schedule.learning_rate(np.arange(len(rates)))).astype(np.float32)
    distances = np.abs(rates.astype(np.float64) - planned.astype(np.float64))
    return float(distances.max(initial=0.0))

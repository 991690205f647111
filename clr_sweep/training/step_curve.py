"""The curve of a trial's single steps: those that are shown, and how far they are from the plan."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from clr_sweep.definition.trial_config import ScheduleConfig, TrialConfig
from clr_sweep.schedules import cycles
from clr_sweep.training.reports import StepPoint

# A chart freezes at about 10,000 points a run.
CURVE_POINTS = 100


def shown_steps(config: TrialConfig) -> frozenset[int]:
    """The steps of the thinned curve: evenly spread, with every peak and trough among them."""
    stride = max(1, math.ceil(config.steps / CURVE_POINTS))
    steps = set(range(0, config.steps, stride))
    size = config.schedule.step_size
    if size and config.steps / size <= CURVE_POINTS:
        steps |= set(range(size, config.steps, size))
    return frozenset(steps)


def step_points(
    shown: frozenset[int],
    step_size: int,
    start: int,
    rates: npt.NDArray[np.float32],
    losses: npt.NDArray[np.float32],
) -> tuple[StepPoint, ...]:
    """The points of an epoch: the steps that are shown, and its last one.

    Args:
        step_size: half a cycle in steps; 0 without cycles, which then have no number.
        rates: the rate of each of its steps, shape (steps,).
        losses: the loss of each batch, shape (steps,); one that is not finite becomes None.
    """
    return tuple(
        StepPoint(
            step=start + index,
            learning_rate=float(rates[index]),
            batch_loss=float(losses[index]) if math.isfinite(losses[index]) else None,
            cycle=int(cycles.cycle(start + index, step_size)) if step_size else None,
        )
        for index in range(len(rates))
        if start + index in shown or index == len(rates) - 1
    )


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

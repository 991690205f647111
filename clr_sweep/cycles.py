"""Where a trial ends, so that trials are scored at equal phases of their cycles."""

from __future__ import annotations

import math
from dataclasses import dataclass

from clr_sweep.fields import At


@dataclass(frozen=True)
class TrialPlan:
    """The length of a trial.

    Attributes:
        step_size: half a cycle in optimizer steps; 0 without cycles.
        steps: optimizer steps in all.
        epochs: steps in epochs, the last one counted whole even if it is cut short.
        cycles: whole cycles within the steps.
        at_trough: whether the last step completes a cycle, or the schedule's only fall.
    """

    step_size: int
    steps: int
    epochs: int
    cycles: int
    at_trough: bool


def plan_trial(factor: float, steps_per_epoch: int, epochs: int, at: At) -> TrialPlan:
    """The plan for a step-size factor: with `cycle_end` it ends at the last whole cycle.

    Where not one cycle fits into the budget, the whole budget is used; `at_trough` is false and
    such a trial is not comparable with the others.
    """
    step_size = max(1, round(factor * steps_per_epoch))
    budget = epochs * steps_per_epoch
    cycles = budget // (2 * step_size)
    steps = cycles * 2 * step_size if at == "cycle_end" and cycles else budget
    return TrialPlan(
        step_size=step_size,
        steps=steps,
        epochs=math.ceil(steps / steps_per_epoch),
        cycles=steps // (2 * step_size),
        at_trough=steps % (2 * step_size) == 0,
    )


def plan_whole_budget(steps_per_epoch: int, epochs: int) -> TrialPlan:
    """The plan of a policy without a cycle: its end is the budget's end."""
    return TrialPlan(
        step_size=0, steps=epochs * steps_per_epoch, epochs=epochs, cycles=0, at_trough=True
    )

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
    """The plan for a step-size factor: but for `final` it ends at the last whole cycle.

    Where not one cycle fits into the budget, the whole budget is used; `at_trough` is false and
    such a trial is not comparable with the others. A sweep file that allows it is refused
    (`space_checks.cycle_problem`); stored trials of older versions may have it.
    """
    budget = epochs * steps_per_epoch
    step_size = max(1, round(factor * steps_per_epoch))
    if fits(factor, epochs):
        # Half a step that was rounded up must not cost the only cycle.
        step_size = max(1, min(step_size, budget // 2))
    cycles = budget // (2 * step_size)
    steps = cycles * 2 * step_size if at != "final" and cycles else budget
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


def fits(factor: float, epochs: int) -> bool:
    """Whether a whole cycle of this step-size factor lies within so many epochs."""
    return 2 * factor <= epochs


def epochs_needed(factor: float) -> int:
    """The fewest epochs that hold a whole cycle of this step-size factor."""
    return math.ceil(2 * factor)

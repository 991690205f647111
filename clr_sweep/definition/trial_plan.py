"""Where a trial ends, so that trials are scored at equal phases of their cycles."""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction

from clr_sweep.definition.fields import At

# A factor such as 7/3 has no exact float: three cycles of 14/3 epochs must fit into 14.
_TOLERANCE = Fraction(1, 10**9)


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

    Half a cycle is rounded to whole steps: to the nearest number, unless so many whole cycles as
    lie within the epochs would need a step more than the steps of theirs.

    Where not one cycle fits into the budget, the whole budget is used; `at_trough` is false and
    such a trial is not comparable with the others. A sweep file that allows it is refused
    (`space_checks.cycle_problem`); stored trials of older versions may have it.
    """
    budget = epochs * steps_per_epoch
    step_size = max(1, round(factor * steps_per_epoch))
    if promised := cycles_within(factor, epochs):
        # Half a step that was rounded up, in each half of every cycle, must not cost the last one,
        # nor begin an epoch for it.
        held_by = epochs_needed(factor, promised) * steps_per_epoch
        step_size = max(1, min(step_size, held_by // (2 * promised)))
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


def cycles_within(factor: float, epochs: int) -> int:
    """How many whole cycles of this step-size factor lie within so many epochs."""
    return math.floor(epochs * (1 + _TOLERANCE) / (2 * Fraction(factor)))


def fits(factor: float, epochs: int) -> bool:
    """Whether a whole cycle of this step-size factor lies within so many epochs."""
    return cycles_within(factor, epochs) > 0


def epochs_needed(factor: float, cycles: int = 1) -> int:
    """The fewest epochs that hold so many whole cycles of this step-size factor."""
    return math.ceil(2 * cycles * Fraction(factor) / (1 + _TOLERANCE))

"""Trials that somebody enqueued in the study by Optuna's own means: what of them can be trained.

Optuna takes any value, out of the range too, and leaves out in silence what no trial samples. Here
a value out of the range is trained where it would be right in a sweep file, and a trial of which
some value is not is refused with its reason: that trial, never the study.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

from clr_sweep.definition.dimensions import Range, is_number
from clr_sweep.definition.given_values import (
    problems_together,
    sampled_dimensions,
    value_problem,
)
from clr_sweep.definition.problems import sentence, shown, unknown
from clr_sweep.definition.search_space import RATIO, in_whole_numbers
from clr_sweep.definition.space_checks import cycle_problem
from clr_sweep.definition.sweep import Sweep
from clr_sweep.definition.sweep_checks import validation_problems


class EnqueuedTrialError(Exception):
    """A trial that somebody enqueued cannot be trained; it has FAILED, with this reason.

    Args:
        number: of the trial.
        reason: what is wrong with it.
    """

    def __init__(self, number: int, reason: str) -> None:
        self.number, self.reason = number, reason
        super().__init__(f"trial {number} was enqueued and cannot be trained: {reason}")


def enqueued_problems(sweep: Sweep, given: Mapping[str, Any], examples: int) -> list[str]:
    """What is wrong with the values that a trial was enqueued with.

    Args:
        sweep: with the ranges of its range test, if it has one.
        given: the values by Optuna's names of the parameters.
        examples: training examples in all, the validation part included.
    """
    of_optuna = sampled_dimensions(sweep.search_space.dimensions)
    found = [
        sentence((name,), text)
        for name, value in given.items()
        if (text := _problem(name, value, of_optuna)) is not None
    ]
    return found or list(dict.fromkeys(_together(sweep, given, examples)))


def _problem(name: str, value: Any, known: Mapping[str, Any]) -> str | None:
    """What is wrong with a value by itself."""
    if name not in known:
        return unknown("hyperparameter", name, known)
    dimension = known[name]
    if not isinstance(dimension, Range):
        return value_problem(value, dimension)
    if not is_number(value) or not math.isfinite(value):
        return f"must be a number, got {shown(value)}"
    if in_whole_numbers(name, dimension) and value != int(value):
        return f"must be a whole number, got {shown(value)}"
    if dimension.log and value <= 0:
        return f"must be above 0, since it is sampled on a log scale, got {shown(value)}"
    return None


def _together(sweep: Sweep, given: Mapping[str, Any], examples: int) -> Iterator[str]:
    """What would be wrong with a sweep file in which these values were fixed."""
    fixed = {
        name: int(value) if in_whole_numbers(name, sweep.search_space.dimensions[name]) else value
        for name, value in given.items()
        if name != RATIO
    }
    space = {**sweep.search_space.dimensions, "when": sweep.search_space.when}
    ratio = {RATIO: given[RATIO]} if RATIO in given else {}
    cycles = sweep.training.cycle_momentum is not None
    for keys, text in problems_together(fixed | ratio, space, sweep.training.optimizer, cycles):
        yield sentence(keys, text)
    space |= fixed
    values = {f"search_space.{name}": value for name, value in space.items()}
    epochs = {"training.epochs": sweep.training.epochs, "objective.at": sweep.objective.at}
    short = cycle_problem({**values, **epochs}) if "step_size_factor" in fixed else None
    if short is not None:
        yield f"step_size_factor: training.epochs {short}"
    if "batch_size" in fixed:
        narrowed = sweep.search_space.model_copy(update={"batch_size": fixed["batch_size"]})
        changed = sweep.model_copy(update={"search_space": narrowed})
        yield from validation_problems(changed, examples)

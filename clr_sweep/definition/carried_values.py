"""What the values of a trial of another study are worth in a search space: what fits is carried."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from clr_sweep.definition.conditions import Condition, is_among, same
from clr_sweep.definition.dimensions import Range, is_number
from clr_sweep.definition.given_values import (
    as_sampled,
    condition_problem,
    may_be_there,
    problems_together,
    range_problem,
    sampled_dimensions,
)
from clr_sweep.definition.optimizers import OptimizerConfig
from clr_sweep.definition.problems import shown
from clr_sweep.definition.search_space import RATIO, in_whole_numbers

# As Optuna has it: so near to one of a range's steps, in steps, a value is on it.
_ROUNDING = Fraction(1, 10**8)


@dataclass(frozen=True)
class Carried:
    """A trial's values in another search space.

    Attributes:
        given: those that lie in it, by the names under which Optuna samples them.
        sampled: why each of the others that the trial may have is sampled.
        differing: what is fixed, or not there, with another value than the trial's, in words.
    """

    given: Mapping[str, Any]
    sampled: Mapping[str, str]
    differing: tuple[str, ...]


def carried(
    values: Mapping[str, Any],
    searched: tuple[str, ...],
    space: Mapping[str, Any],
    optimizer: OptimizerConfig | None,
    *,
    cycles_momentum: bool,
) -> Carried:
    """What of a trial's values lies in a search space, each by itself and all together.

    No value is changed to fit, but for `init_lr`, which is the same rate written as a ratio where
    the space has it so.

    Args:
        values: of the trial, by name: `max_lr`, `batch_size`, `momentum`, ...
        searched: the names of those that its own study has sampled.
        space: the dimensions by name, and `when`.
        optimizer: `training.optimizer`.
        cycles_momentum: whether `training.cycle_momentum` is given.
    """
    known, when = sampled_dimensions(space), space.get("when") or {}
    open_ones = {name: one for name, one in known.items() if isinstance(one, (Range, tuple))}
    is_ratio_made = RATIO in open_ones and RATIO not in values and "init_lr" in values
    if is_ratio_made and values["init_lr"] > 0:
        values = {**values, RATIO: _ratio(values["max_lr"], values["init_lr"])}
    given: dict[str, Any] = {}
    sampled: dict[str, str] = {}
    for name, dimension in open_ones.items():
        if name not in values:
            sampled[name] = "that trial has none"
        elif why := _outside(name, values[name], dimension):
            sampled[name] = why
        else:
            given[name] = as_sampled(name, values[name], dimension)

    def wrong() -> tuple[str, str] | None:
        for name in given:
            if condition_problem(name, given, known, when) is not None:
                return name, "whether it is there is sampled"
        lost = "max_lr" not in given and not same(known.get("max_lr"), values["max_lr"])
        if is_ratio_made and RATIO in given and lost:
            return RATIO, "max_lr is another"
        problems = list(problems_together(given, space, optimizer, cycles_momentum))
        for name in reversed(given) if problems else ():
            rest = {key: value for key, value in given.items() if key != name}
            if problems[0] not in problems_together(rest, space, optimizer, cycles_momentum):
                return name, problems[0][1]
        return None

    while (found := wrong()) is not None:
        del given[found[0]]
        sampled[found[0]] = found[1]
    return Carried(
        given,
        {name: why for name, why in sampled.items() if may_be_there(name, given, known, when)},
        tuple(_differing(values, searched, known, given, when)),
    )


def _differing(
    values: Mapping[str, Any],
    searched: tuple[str, ...],
    known: Mapping[str, Any],
    given: Mapping[str, Any],
    when: Mapping[str, Condition],
) -> list[str]:
    found = []
    for name, value in values.items():
        dimension = known.get(name)
        if dimension is None:
            # init_lr and its ratio are two ways of writing one thing.
            is_rate = name in ("init_lr", RATIO) and {"init_lr", RATIO} & known.keys()
            if name in searched and not is_rate:
                found.append(f"{name} {shown_value(value)} is not searched here")
        elif isinstance(dimension, (Range, tuple)) or same(value, dimension):
            continue
        elif may_be_there(name, given, known, when):
            found.append(f"{name} {shown_value(value)} is {shown_value(dimension)} here")
    return found


def shown_value(value: Any) -> str:
    """A value in a line: `0.02144`, `triangular`; of a number the first digits."""
    if isinstance(value, float):
        return f"{value:.4g}"
    return value if isinstance(value, str) else shown(value)


def _outside(name: str, value: Any, dimension: Any) -> str:
    """Why a value is not among those of its dimension, in a few words; empty where it is."""
    if isinstance(dimension, tuple):
        if is_among(value, dimension):
            return ""
        return f"{shown_value(value)} is none of {', '.join(map(shown_value, dimension))}"
    if range_problem(name, _on_grid(value, dimension), dimension) is None:
        return ""
    kind = "" if dimension.step is None else f" in steps of {dimension.step}"
    if in_whole_numbers(name, dimension):
        kind += " in whole numbers"
    return f"{shown_value(value)} is not within {dimension.low} to {dimension.high}{kind}"


def _on_grid(value: Any, dimension: Range) -> Any:
    """A value without what float arithmetic has added to it, where the range goes in steps."""
    if dimension.step is None or not is_number(value):
        return value
    low, step = Fraction(str(dimension.low)), Fraction(str(dimension.step))
    nearest = low + round((Fraction(value) - low) / step) * step
    return float(nearest) if abs(nearest - Fraction(value)) < step * _ROUNDING else value


def _ratio(max_lr: float, init_lr: float) -> float:
    """The ratio that gives the same init_lr, or, if there is none, the one nearest to it."""
    ratio = max_lr / init_lr
    near = (ratio, math.nextafter(ratio, 0), math.nextafter(ratio, math.inf))
    return next((one for one in near if max_lr / one == init_lr), ratio)

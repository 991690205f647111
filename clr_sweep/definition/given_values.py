"""Values that somebody gives a trial's parameters, held against the search space."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from fractions import Fraction
from typing import Any

from clr_sweep.common.nearest import hint, nearest
from clr_sweep.definition.conditions import Condition, is_among, same, whole_condition
from clr_sweep.definition.dimensions import Range, RatioRange, is_number
from clr_sweep.definition.fields import DEFAULT_POLICIES
from clr_sweep.definition.optimizers import OptimizerConfig
from clr_sweep.definition.problems import Problem, shown, unknown
from clr_sweep.definition.search_space import RATES, RATIO, dimensions_of, in_whole_numbers
from clr_sweep.definition.space_checks import momentum_problems, space_problems
from clr_sweep.definition.study_config import Given
from clr_sweep.schedules.policies import CYCLICAL, DECAYING

# Parameters that belong to some policies alone.
_OF_POLICIES: Mapping[str, Condition] = {
    **{key: {"policy": tuple(CYCLICAL)} for key in ("init_lr", RATIO, "step_size_factor")},
    "gamma": {"policy": tuple(DECAYING)},
}


def sampled_dimensions(space: Mapping[str, Any]) -> dict[str, Any]:
    """The dimensions under the names by which Optuna samples them.

    Args:
        space: the dimensions by their names in the file; None where one is not given.
    """
    known = dimensions_of(space)
    if isinstance(ratio := known.get("init_lr"), RatioRange):
        del known["init_lr"]
        known[RATIO] = ratio.ratio
    return known


def starting_problems(
    trials: tuple[Given, ...],
    space: Mapping[str, Any],
    optimizer: OptimizerConfig | None,
    *,
    cycles_momentum: bool,
    faulty: Collection[str] = (),
    undecided: Collection[str] = (),
) -> Iterator[Problem]:
    """What is wrong with `study.start_with`, by the places below it.

    Unlike a trial that is enqueued by hand, none of them may leave the space.

    Args:
        space: the dimensions by name, and `from`, those that could be read.
        optimizer: `training.optimizer`, if it could be read.
        cycles_momentum: whether `training.cycle_momentum` is given.
        faulty: the names of dimensions that are wrong themselves, or could not be read: what is
            given of these cannot be judged.
        undecided: the same of those whose conditions are wrong.
    """
    for place, given in enumerate(trials):
        found = list(_alone(given, space, faulty, undecided))
        if not found:
            together = problems_together(given, space, optimizer, cycles_momentum, undecided)
            found = [(keys, text) for keys, text in together if not {*keys[:1]} & {*faulty}]
        yield from (((str(place), *keys), text) for keys, text in found)


def problems_together(
    given: Given,
    space: Mapping[str, Any],
    optimizer: OptimizerConfig | None,
    cycles_momentum: bool,
    undecided: Collection[str] = (),
) -> Iterator[Problem]:
    """What would be wrong with a sweep file in which these values were fixed, and is not so yet."""
    if (ratio := given.get(RATIO)) is not None and is_number(ratio) and float(ratio) <= 1:
        yield (RATIO,), f"must be above 1, so that init_lr is below max_lr, got {ratio:g}"
    fixed = {name: value for name, value in given.items() if name != RATIO}
    dimensions, when = sampled_dimensions(space), space.get("when") or {}
    # Such as gamma, where the policy that is given has none.
    absent = {
        name
        for name in dimensions
        if name not in undecided and not may_be_there(name, given, dimensions, when)
    }
    there = {name: dimension for name, dimension in space.items() if name not in absent}
    held = {**there, **fixed}
    known = set(space_problems(space, optimizer, None, undecided))
    # The same in other words, where the optimizer that is given knows other arguments.
    said = {keys for keys, _ in known if not {*keys} & given.keys()}
    for keys, text in space_problems(held, optimizer, None, undecided):
        if (keys, text) not in known and keys not in said:
            yield keys, text
    if cycles_momentum and optimizer is not None:
        before = set(momentum_problems(space, optimizer))
        yield from (one for one in momentum_problems(held, optimizer) if one not in before)


def as_sampled(name: str, value: Any, dimension: Any) -> Any:
    """A value as the sampler of its dimension would have given it."""
    if isinstance(dimension, tuple):
        return next((choice for choice in dimension if same(value, choice)), value)
    if isinstance(dimension, Range):
        return int(value) if in_whole_numbers(name, dimension) else float(value)
    return value


def value_problem(value: Any, dimension: Any) -> str | None:
    """What is wrong with a value of a parameter that is a choice, or fixed."""
    if isinstance(dimension, tuple):
        if is_among(value, dimension):
            return None
        near = hint(value, [one for one in dimension if isinstance(one, str)])
        return f"must be one of {', '.join(map(shown, dimension))}, got {shown(value)}{near}"
    if same(value, dimension):
        return None
    return f"is {shown(dimension)} in every trial, got {shown(value)}"


def range_problem(name: str, value: Any, dimension: Range) -> str | None:
    """What is wrong with a value of a parameter that is sampled from a range."""
    whole = in_whole_numbers(name, dimension)
    if not is_number(value):
        return f"must be a number, got {shown(value)}"
    if whole and value != int(value):
        return f"must be a whole number, got {shown(value)}"
    if not dimension.low <= value <= dimension.high:
        return (
            f"must be within its range in the search space, {dimension.describe(whole=whole)}, "
            f"got {shown(value)}"
        )
    step = dimension.step or (1 if whole else None)
    if step is None:
        return None
    low, here, apart = (Fraction(str(number)) for number in (dimension.low, value, step))
    if ((here - low) / apart).denominator == 1:
        return None
    return f"must be {dimension.low} and a whole number of steps of {step}, got {shown(value)}"


def condition_problem(
    name: str, given: Given, known: Mapping[str, Any], when: Mapping[str, Condition]
) -> str | None:
    """What is wrong with giving a parameter that the trial may not have.

    Args:
        given: what is given to the trial.
        known: the dimensions, as `sampled_dimensions` has them.
        when: `search_space.when`.
    """
    for other, allowed in _needs(name, when).items():
        values = _may_be(other, given, known)
        having = [str(one) for one in values if is_among(one, allowed)]
        if len(having) == len(values):
            continue
        if other in given or not having:
            return f"has no effect with the {other} {', '.join(map(str, values))}: leave it out"
        return f"has an effect with {', '.join(having)} alone: give the {other} too, one of these"
    return None


def may_be_there(
    name: str, given: Given, known: Mapping[str, Any], when: Mapping[str, Condition]
) -> bool:
    """Whether a trial that is given these values may have a parameter; see `condition_problem`."""
    return all(
        any(is_among(one, allowed) for one in _may_be(other, given, known))
        for other, allowed in _needs(name, when).items()
    )


def _needs(name: str, when: Mapping[str, Condition]) -> Condition:
    return {**_OF_POLICIES.get(name, {}), **whole_condition(name, when)}


def _may_be(name: str, given: Given, known: Mapping[str, Any]) -> tuple[Any, ...]:
    """The values that a parameter may have beside those that are given."""
    there = given.get(name, known.get(name, DEFAULT_POLICIES))
    return there if isinstance(there, tuple) else (there,)


def _alone(
    given: Given, space: Mapping[str, Any], faulty: Collection[str], undecided: Collection[str]
) -> Iterator[Problem]:
    known, when = sampled_dimensions(space), space.get("when") or {}
    for name, value in given.items():
        if name in faulty or (name not in known and nearest(name, [*faulty, *known]) in faulty):
            continue
        if name in RATES and space.get("from") is not None:
            text = "must be left out: the range test gives its range, and its own first trial"
        elif name == "init_lr" and RATIO in known:
            text = f"is sampled as a part of max_lr: give {RATIO}, which is max_lr / init_lr"
        elif name not in known:
            text = unknown("hyperparameter", name, known)
        else:
            dimension = known[name]
            found = (
                range_problem(name, value, dimension)
                if isinstance(dimension, Range)
                else value_problem(value, dimension)
            )
            is_decided = name not in undecided and _needs(name, when).keys().isdisjoint(faulty)
            if found is None and is_decided:
                found = condition_problem(name, given, known, when)
            text = found or ""
        if text:
            yield (name,), text

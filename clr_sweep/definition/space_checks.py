"""What is wrong with a search space, beyond the form of each of its dimensions."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from clr_sweep.definition.arguments import Real, Single
from clr_sweep.definition.conditions import Condition, is_among, whole_condition
from clr_sweep.definition.dimensions import Range, RatioRange, bounds, is_number, largest_below
from clr_sweep.definition.fields import DEFAULT_POLICIES
from clr_sweep.definition.mlflow_names import name_problem
from clr_sweep.definition.optimizers import (
    CLIPPING,
    NOT_TAKEN,
    OPTIMIZERS,
    OptimizerConfig,
    argument_problem,
    clipping_problem,
    momentum_argument,
    momentum_problem,
    optimizer_problem,
)
from clr_sweep.definition.own_names import OWN
from clr_sweep.definition.problems import Problem, shown, unknown
from clr_sweep.definition.search_space import SCHEDULE_KEYS, dimensions_of, rates_problems
from clr_sweep.definition.trial_plan import epochs_needed, fits
from clr_sweep.definition.unknown_hyperparameters import unknown_hyperparameter
from clr_sweep.schedules.momentum import CYCLED
from clr_sweep.schedules.policies import CYCLICAL, DECAYING

# Keras holds a rate in float32, which ends there; a factor above it would not end in a lifetime.
_LARGEST_RATE, _SMALLEST_RATE = 1e30, 1e-30
_LIMITS = {
    # A rate of 0 trains nothing, but as the lower bound of a cycle it is Smith's own choice.
    "init_lr": Real(low=0, high=_LARGEST_RATE),
    "max_lr": Real(low=0, high=_LARGEST_RATE, above=True),
    "step_size_factor": Real(low=0, high=1e6, above=True),
    "gamma": Real(low=0, high=1, above=True),
}


def space_problems(
    space: Mapping[str, Any],
    optimizer: OptimizerConfig | None,
    model_arguments: tuple[str, ...] | None,
    undecided: Collection[str] = (),
) -> Iterator[Problem]:
    """What is wrong with the dimensions of a search space, taken together.

    Args:
        space: the dimensions by name, and `from`, those that could be read; None where one is
            not given.
        optimizer: `training.optimizer`, if it could be read.
        model_arguments: of the model's function, where they are known without importing it.
        undecided: the names of those whose conditions are wrong: which trials have them is not
            known.
    """
    yield from rates_problems(space)
    when = space.get("when") or {}
    space = dimensions_of(space)
    numeric = {key: dimension for key, dimension in space.items() if key in _LIMITS}
    problems = {key: list(_numeric_problems(key, value)) for key, value in numeric.items()}
    for key, texts in problems.items():
        yield from (((key,), text) for text in texts)
    fit = {key: value for key, value in numeric.items() if not problems[key]}
    if "init_lr" in fit and "max_lr" in fit and (text := _meeting(fit["init_lr"], fit["max_lr"])):
        yield ("max_lr",), text
    policy = _values(space.get("policy", DEFAULT_POLICIES))
    if isinstance(fit.get("gamma"), (Range, tuple)) and not set(DECAYING) & set(policy):
        yield (
            ("gamma",),
            f"must be a single value, or left out, where policy names neither of "
            f"{' and '.join(DECAYING)}, the only ones to use it",
        )
    further = {key: value for key, value in space.items() if key not in SCHEDULE_KEYS}
    yield from _further_problems(further, optimizer, model_arguments, when, undecided)


def momentum_problems(space: Mapping[str, Any], optimizer: OptimizerConfig) -> Iterator[Problem]:
    """What in a search space does not go with `training.cycle_momentum`.

    Args:
        space: the dimensions by name, those that could be read.
        optimizer: `training.optimizer`.
    """
    policy = _values(space.get("policy", DEFAULT_POLICIES))
    if still := [name for name in policy if name not in CYCLED]:
        yield (
            ("policy",),
            f"cannot be searched with training.cycle_momentum: the rate of {', '.join(still)} "
            f"has no rise that momentum could mirror (that of {', '.join(CYCLED)} has)",
        )
    chosen = _values(space["optimizer"]) if "optimizer" in space else (optimizer.name,)
    for name in chosen:
        if name not in OPTIMIZERS:
            continue
        argument = momentum_argument(name)
        key = "optimizer" if argument is None else argument
        if key in space and (text := momentum_problem((name,), space)):
            yield (key,), f"does not go with training.cycle_momentum, which {text}"


def cycle_problem(values: Mapping[str, Any]) -> str | None:
    """What is wrong with `training.epochs` where some factor cannot finish a cycle within them.

    It belongs to files that are to be run: a study of an older version may hold such trials.

    Args:
        values: of the file, by dotted key, those that could be read.
    """
    epochs, factor = values.get("training.epochs"), values.get("search_space.step_size_factor")
    named = values.get("search_space.policy", ())
    cyclic = set(CYCLICAL) & ({named} if isinstance(named, str) else set(named))
    if epochs is None or factor is None or not cyclic or values.get("objective.at") == "final":
        return None
    if any(_numeric_problems("step_size_factor", factor)):
        return None
    largest = bounds(factor)[1]
    if fits(largest, epochs):
        return None
    return (
        f"must be at least {epochs_needed(largest)}, two times the largest step_size_factor "
        f"({largest:g}), so that every trial finishes a whole cycle, got {epochs}: give more "
        f"epochs, a step_size_factor of at most {epochs / 2:g}, or objective.at: final, with which "
        "a trial ends wherever its cycle stands"
    )


def _values(dimension: Any) -> tuple[Any, ...]:
    """The values, or the bounds, of a dimension."""
    if isinstance(dimension, Range):
        return dimension.low, dimension.high
    return dimension if isinstance(dimension, tuple) else (dimension,)


def _numeric_problems(key: str, dimension: Any) -> Iterator[str]:
    if isinstance(dimension, RatioRange):
        if key != "init_lr":
            yield "must be numbers: a ratio is for init_lr alone"
        return
    wrong = [value for value in _values(dimension) if not is_number(value)]
    if wrong:
        listed = isinstance(dimension, tuple)
        wanted = "must hold numbers alone" if listed else "must be a number or a range of numbers"
        yield f"{wanted}, got {shown(wrong[0])}"
        return
    limits = _LIMITS[key]
    # Of the bounds of a range, the lower one breaks the lower limit and is named first.
    outside = [value for value in _values(dimension) if not limits.holds(value)]
    if outside:
        yield f"must be {limits.wanted(outside[0])}, got {outside[0]:g}"
    elif key == "max_lr" and bounds(dimension)[0] < _SMALLEST_RATE:
        yield f"must be at least {_SMALLEST_RATE:g}, got {bounds(dimension)[0]:g}"


def _meeting(init_lr: Any, max_lr: Any) -> str | None:
    """What is wrong if a sampled init_lr could reach a sampled max_lr."""
    if isinstance(init_lr, RatioRange):
        return None
    (init_low, init_high), max_low = bounds(init_lr), bounds(max_lr)[0]
    below = largest_below(max_low)
    # Two ranges may touch: `suggest` leaves the common bound to max_lr.
    may_touch = isinstance(init_lr, Range) and init_lr.step is None and init_low < below
    if init_high <= below or (may_touch and init_high <= max_low):
        return None
    return (
        f"must lie above init_lr, got max_lr from {max_low:g} and init_lr up to {init_high:g}: "
        "make the two disjoint, or give init_lr as a part of max_lr "
        "(init_lr: {ratio: {low: 3, high: 100, log: true}})"
    )


def _further_problems(
    further: Mapping[str, Any],
    optimizer: OptimizerConfig | None,
    model_arguments: tuple[str, ...] | None,
    when: Mapping[str, Condition],
    undecided: Collection[str],
) -> Iterator[Problem]:
    chosen = _values(further["optimizer"]) if "optimizer" in further else ()
    named = [name for name in chosen if isinstance(name, str) and name in OPTIMIZERS]
    misspelt = len(named) < len(chosen)
    if "optimizer" not in further and optimizer is not None:
        named = [optimizer.name]
    own_arguments = optimizer.arguments if optimizer is not None and optimizer.is_own else {}
    for key, dimension in further.items():
        if isinstance(dimension, RatioRange):
            yield (key,), "must be a range, a list or a value: a ratio is for init_lr alone"
        elif key == "optimizer":
            yield from _optimizer_problems(dimension, named, optimizer, further)
        else:
            whole = whole_condition(key, when)
            having = [name for name in named if name in whole.get("optimizer", named)]
            taking = [name for name in named if key in OPTIMIZERS.get(name, {})]
            if misspelt and not taking and any(key in one for one in OPTIMIZERS.values()):
                continue  # it may be of the one that was meant
            if misspelt or key in undecided:
                having = taking or named
            if text := _further_problem(key, dimension, having, own_arguments, model_arguments):
                yield (key,), text + _of_some(key, having)
    given = list(optimizer.arguments) if optimizer is not None else []
    searched = [key for key in further if key not in given]
    if clipping_problem(given) is None:
        together = (
            clipping_problem([*given, *(key for key in searched if _may_meet(one, key, when))])
            for one in searched
            if one in CLIPPING and one not in undecided
        )
        yield from (((), text) for text in dict.fromkeys(together) if text)


def _of_some(key: str, optimizers: list[str]) -> str:
    """How an argument is written that some of the optimizers have, and some have not."""
    having = [name for name in optimizers if key in OPTIMIZERS.get(name, {})]
    if not 0 < len(having) < len(optimizers):
        return ""
    return (
        f"; if it is searched with {', '.join(having)} alone, search_space.when says so: "
        f"{{{key}: {{optimizer: [{', '.join(having)}]}}}}"
    )


def _for_some(key: str, value: Any, optimizers: list[str], is_searched: bool) -> str:
    """What to do with an argument that is given to all optimizers, where some do not have it."""
    having = [name for name in optimizers if key in OPTIMIZERS[name]]
    if len(having) == len(optimizers):
        return ""
    names, instead = ", ".join(having), ""
    if having and not is_searched:
        instead = (
            f" and let search_space give it to {names}, {key}: {json.dumps(value)} with when: "
            f"{{{key}: {{optimizer: [{names}]}}}}"
        )
    baseline = "the baseline then has its optimizer's default"
    return f"; take it out of training.optimizer{instead}; {baseline}"


def _may_meet(one: str, other: str, when: Mapping[str, Condition]) -> bool:
    """Whether a trial may have both."""
    ours, theirs = whole_condition(one, when), whole_condition(other, when)
    return all(
        any(is_among(value, theirs[key]) for value in ours[key])
        for key in ours.keys() & theirs.keys()
    )


def _optimizer_problems(
    dimension: Any,
    named: list[str],
    optimizer: OptimizerConfig | None,
    further: Mapping[str, Any],
) -> Iterator[Problem]:
    if isinstance(dimension, Range):
        yield ("optimizer",), f"must be a list of optimizers, got a range from {dimension.low}"
        return
    for value in _values(dimension):
        if not isinstance(value, str):
            yield ("optimizer",), f"must be a list of optimizers, got {shown(value)}"
        elif OWN.fullmatch(value):
            yield (
                ("optimizer",),
                f"cannot be {value}: Keras' optimizers alone are searched by name; name yours in "
                f"training.optimizer, with an argument that tells which it makes, and search that",
            )
        elif (text := optimizer_problem(value)) is not None:
            yield ("optimizer",), text
    arguments = {} if optimizer is None else optimizer.arguments
    for argument, value in arguments.items():
        if problem := argument_problem(named, argument, (value,)):
            text = f"training.optimizer gives the argument {argument} to all: {problem}"
            yield ("optimizer",), text + _for_some(argument, value, named, argument in further)


def _further_problem(
    key: str,
    dimension: Any,
    optimizers: list[str],
    own_arguments: Mapping[str, Any],
    model_arguments: tuple[str, ...] | None,
) -> str | None:
    values = _values(dimension)
    if key == "batch_size":
        wrong = [v for v in values if isinstance(v, bool) or not isinstance(v, int) or v < 1]
        return f"must be whole numbers above 0, got {shown(wrong[0])}" if wrong else None
    if key == "epochs":
        return "cannot be searched: it is the budget, training.epochs, the same for every trial"
    if key.startswith("model."):
        argument = key.removeprefix("model.")
        if not argument.isidentifier():
            return "must be named 'model.' and an argument of the model's function"
        if model_arguments is not None and argument not in model_arguments:
            return unknown("argument of the model", argument, model_arguments)
        return name_problem(argument, "an argument")
    # Of an optimizer of the user's own, those that the baseline has a value of.
    known = dict.fromkeys(name for one in optimizers for name in OPTIMIZERS.get(one, own_arguments))
    if key in NOT_TAKEN or key in known:
        single = any(isinstance(OPTIMIZERS.get(one, {}).get(key), Single) for one in optimizers)
        if single and isinstance(dimension, Range):
            return "must be a value or a list of values, got a range"
        return argument_problem(optimizers, key, values)
    if not optimizers:
        return None  # which arguments there are hangs on the optimizer, which is wrong itself
    return unknown_hyperparameter(key, optimizers, list(known), model_arguments)

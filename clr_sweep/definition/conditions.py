"""Hyperparameters that only some trials have: `search_space.when` says with which values of others.

A hyperparameter whose condition does not hold is not sampled: it stands where `training` and
`model` put it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Annotated, Any

from pydantic import BeforeValidator, StrictStr, WithJsonSchema

from clr_sweep.common.nearest import hint
from clr_sweep.definition.dimensions import Choice, Range, RatioRange, expected, is_scalar
from clr_sweep.definition.problems import Problem, shown, unknown

Condition = Mapping[str, tuple[Any, ...]]
"""The values that others have to have, by their names."""


def _listed(value: Any) -> Any:
    """A single value stands for a list of it."""
    if not isinstance(value, dict) or not value:
        raise expected("a mapping such as {optimizer: [sgd]}")
    return {key: [one] if is_scalar(one) else one for key, one in value.items()}


_SCALAR = {"type": ["boolean", "number", "string"]}
_VALUES = {"anyOf": [{"type": "array", "items": _SCALAR, "minItems": 1}, _SCALAR]}
Conditions = dict[
    StrictStr,
    Annotated[
        dict[StrictStr, Choice],
        BeforeValidator(_listed),
        WithJsonSchema({"type": "object", "additionalProperties": _VALUES, "minProperties": 1}),
    ],
]


def same(value: Any, other: Any) -> bool:
    """Whether two values of a file are the same; true is not 1."""
    return bool(value == other) and isinstance(value, bool) == isinstance(other, bool)


def is_among(value: Any, values: Iterable[Any]) -> bool:
    """Whether one of the values is the same."""
    return any(same(value, one) for one in values)


def holds(condition: Condition, values: Mapping[str, Any]) -> bool:
    """Whether a trial with these values has a hyperparameter of this condition."""
    return all(
        name in values and is_among(values[name], allowed) for name, allowed in condition.items()
    )


def whole_condition(name: str, when: Mapping[str, Condition]) -> dict[str, tuple[Any, ...]]:
    """The condition of a hyperparameter with those of all that it hangs on, itself in a circle.

    Of one that can never hold some values are empty.
    """
    found: dict[str, tuple[Any, ...]] = {}
    seen, left = {name}, [name]
    while left:
        for other, allowed in when.get(left.pop(), {}).items():
            before = found.get(other, allowed)
            found[other] = tuple(one for one in before if is_among(one, allowed))
            if other not in seen:
                seen.add(other)
                left.append(other)
    return found


def parents_first(names: Mapping[str, Any], when: Mapping[str, Condition]) -> list[str]:
    """The names in their order, but for those that hang on a later one: they follow it."""
    ordered: list[str] = []

    def add(name: str) -> None:
        if name in names and name not in ordered:
            for other in when.get(name, {}):
                add(other)
            ordered.append(name)

    for name in names:
        add(name)
    return ordered


def condition_words(condition: Condition) -> str:
    """In words, after what it is a condition of: `where optimizer is sgd`; empty without one."""
    parts = [f"{name} is {' or '.join(map(str, values))}" for name, values in condition.items()]
    return f"where {' and '.join(parts)}" if parts else ""


def condition_problems(
    when: Mapping[str, Condition],
    space: Mapping[str, Any],
    unconditional: tuple[str, ...],
    unread: Collection[str] = (),
) -> Iterator[Problem]:
    """What is wrong with `search_space.when`.

    Args:
        space: the dimensions by name, those that could be read.
        unconditional: the names of those that every trial has.
        unread: the names of dimensions that could not be read, which is said of these.
    """
    known = [*space, *unread]
    for name, condition in when.items():
        if name in unconditional:
            yield (name,), "cannot hang on another: every trial has it, if its policy uses it"
        elif name not in known:
            yield (name,), unknown("hyperparameter", name, known)
        elif name in whole_condition(name, when):
            yield (name,), "hangs on itself"
        else:
            problems = list(_problems(condition, space, unread))
            yield from (((name, *keys), text) for keys, text in problems)
            whole = whole_condition(name, when)
            is_told = not problems and whole.keys().isdisjoint(unread)
            if is_told and (text := _never_or_always(name, when, space)):
                yield (name,), text


def _problems(
    condition: Condition, space: Mapping[str, Any], unread: Collection[str]
) -> Iterator[Problem]:
    for other, allowed in condition.items():
        if other in unread:
            continue
        dimension = space.get(other)
        if dimension is None:
            yield (other,), unknown("hyperparameter", other, [*space, *unread])
        elif isinstance(dimension, (Range, RatioRange)):
            yield (other,), f"must have its values listed in the search space, {other} is a range"
        else:
            there = dimension if isinstance(dimension, tuple) else (dimension,)
            names = [one for one in there if isinstance(one, str)]
            for value in allowed:
                if not is_among(value, there):
                    text = f"is never {shown(value)} in the search space, but "
                    yield (other,), text + ", ".join(map(shown, there)) + hint(value, names)


def _never_or_always(
    name: str, when: Mapping[str, Condition], space: Mapping[str, Any]
) -> str | None:
    whole = whole_condition(name, when)
    if empty := [other for other, allowed in whole.items() if not allowed]:
        return f"never holds: what it hangs on is there with other values of {empty[0]}"
    sizes = {
        other: len(space[other]) if isinstance(space.get(other), tuple) else 1 for other in whole
    }
    if all(len(allowed) == sizes[other] for other, allowed in whole.items()):
        return "always holds: leave it out"
    return None

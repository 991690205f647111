"""A part of a data set: one array, or several by name, which are as long as one another.

Where a part is stored, digested or fed to a graph, it is flat: arrays by key, `x_train` of one
array and `x_train.image`, `x_train.meta` of several. What takes or gives a part as a model's
function or Keras does has a dict of them by name. `flat` and `nested` lead from one to the other.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar, cast

import numpy.typing as npt

from clr_sweep.common.nearest import hint

Array = npt.NDArray[Any]
Part = Array | dict[str, Array]
"""One array, or several by name."""

PARTS = ("x_train", "y_train", "x_test", "y_test")

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*")
_T = TypeVar("_T")
_Found = TypeVar("_Found")


def flat(parts: Mapping[str, _T | Mapping[str, _T]]) -> dict[str, _T]:
    """What is held in parts, by key: in the parts' order, and in that of the names in each."""
    found: dict[str, _T] = {}
    for part, held in parts.items():
        if isinstance(held, Mapping):
            found |= {f"{part}.{name}": held[name] for name in sorted(held, key=str)}
        else:
            found[part] = held
    return found


def nested(found: Mapping[str, _T]) -> dict[str, _T | dict[str, _T]]:
    """What `flat` was made of."""
    parts: dict[str, _T | dict[str, _T]] = {}
    for key, value in found.items():
        part, name = split(key)
        if name is None:
            parts[part] = value
        else:
            cast("dict[str, _T]", parts.setdefault(part, {}))[name] = value
    return parts


def split(key: str) -> tuple[str, str | None]:
    """The part of a key, and the name in it: None where the part is one array."""
    part, dot, name = key.partition(".")
    return part, name if dot else None


def is_key(key: str) -> bool:
    """Whether it is the key of an array of a data set."""
    return split(key)[0] in PARTS and name_problem(key) is None


def name_problem(key: str) -> str | None:
    """What is wrong with the name in a key, which names a file too; None where nothing is."""
    _, name = split(key)
    if name is None or _NAME.fullmatch(name):
        return None
    return f"{key}: must have a name of letters, digits, - and _, got {name!r}"


def each(part: _T | Mapping[str, _T], function: Callable[[_T], _Found]) -> Any:
    """What a function makes of the array, or of each by its name."""
    if isinstance(part, Mapping):
        return {name: function(held) for name, held in part.items()}
    return function(part)


def by_name(part: _T | Mapping[str, _T]) -> Mapping[str | None, _T]:
    """The arrays by their names; None is that of the only one, which has none."""
    return cast("Mapping[str | None, _T]", part if isinstance(part, Mapping) else {None: part})


def rows(part: Part, some: Any) -> Any:
    """These examples of a part: of each array, where it has several."""
    return each(part, lambda array: array[some])


def examples(part: Part) -> int:
    """How many a part holds."""
    return len(next(iter(by_name(part).values())))


def key_problems(keys: Iterable[str]) -> list[str]:
    """What is wrong with the keys of the arrays that make a data set, but for their arrays."""
    found: dict[str, list[str | None]] = {part: [] for part in PARTS}
    for key in keys:
        part, name = split(key)
        found.setdefault(part, []).append(name)
    problems = []
    for part, names in found.items():
        if not names:
            problems.append(f"{part}: is missing")
        elif None in names and len(names) > 1:
            named = next(name for name in names if name is not None)
            problems.append(
                f"{part}: must be one array, or several by name, got both {part} and "
                f"{part}.{named}: leave one out, or give it a name too"
            )
        of_names = (name_problem(f"{part}.{name}") for name in names if name is not None)
        problems += [problem for problem in of_names if problem is not None]
    if problems:
        return problems
    for kind in ("x", "y"):
        problems += _names_problems(f"{kind}_train", f"{kind}_test", found)
    return problems


def _names_problems(train: str, test: str, found: Mapping[str, list[str | None]]) -> list[str]:
    """What one of two parts holds and the other does not."""
    problems = []
    for part, other in ((test, train), (train, test)):
        for name in found[other]:
            if name not in found[part]:
                there = [one for one in found[part] if one is not None]
                key = part if name is None else f"{part}.{name}"
                beside = other if name is None else f"{other}.{name}"
                near = "" if name is None else hint(name, there)
                problems.append(f"{key}: is missing, and {beside} is there{near}")
    return problems

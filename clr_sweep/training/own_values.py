"""What a function of the user's gives us as numbers: taken as what they are, or refused by name."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

from clr_sweep.common.errors import InputError
from clr_sweep.definition.problems import shown


def whole_number(value: Any) -> int | None:
    """A whole number of any kind, such as NumPy's; None of what is none: a float, a bool."""
    if isinstance(value, bool):
        return None
    try:
        return operator.index(value)
    except TypeError:
        return None


def numbers_by_name(
    found: Any, place: str, example: str, problem: Callable[[str], str | None]
) -> dict[str, float]:
    """What is given as numbers by name.

    Args:
        place: where it comes from, and what has to be, for messages: `report: metrics must be`.
        example: what it may be.
        problem: what is wrong with one of the names, if anything.

    Raises:
        InputError: it is nothing of the kind; or with all that is wrong in it, by name.
    """
    try:
        items = [*found.items()]
    except (AttributeError, TypeError) as error:
        raise InputError(
            f"{place}: must be numbers by name, such as {example}, got {shown(found)}"
        ) from error
    values, problems = {}, []
    for name, value in items:
        number = _number(value)
        if not isinstance(name, str):
            problems.append(f"{place}: the name of each must be a text, got {shown(name)}")
        elif (wrong := problem(name)) is not None:
            problems.append(f"{place}: {wrong}")
        elif number is None:
            problems.append(
                f"{place}: {name} must be a number that a float can be, got {shown(value)}"
            )
        else:
            values[str(name)] = number
    if problems:
        raise InputError(problems)
    return values


_NO_NUMBERS = (str, bytes, bytearray, memoryview, complex)
_KINDS_OF_NONE = frozenset("USTcmM")
"""NumPy's kinds of the same, and of times."""


def _number(value: Any) -> float | None:
    """Of an array of one too; a text is none, nor a complex number, though `float` takes some."""
    try:
        one = _alone(value)
        return None if isinstance(one, _NO_NUMBERS) else float(one)
    except Exception:  # whatever a class of the user's raises where it is no number
        return None


def _alone(value: Any) -> Any:
    """What an array of one holds, and whatever is no array; a text of what cannot be a number."""
    if not hasattr(value, "reshape") and hasattr(value, "numpy"):  # a tensor of TensorFlow's
        value = value.numpy()
    kind = getattr(getattr(value, "dtype", None), "kind", "")
    if kind in _KINDS_OF_NONE:
        return ""
    if kind == "O":
        return value.item()
    # `item` would take what is behind a mask; since NumPy 2.4 `float` takes one without axes alone.
    return value.reshape(()) if getattr(value, "shape", ()) else value

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


def _number(value: Any) -> float | None:
    """Of whatever kind of array; a text is none, though Python would read it."""
    if isinstance(value, (str, bytes, bytearray)):
        return None
    try:
        return float(value)
    except Exception:  # whatever a class of the user's raises where it is no number
        return None

"""What an argument of one of Keras' or Optuna's classes may be, known without importing them."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import inf
from typing import Any

from clr_sweep.definition.dimensions import is_number
from clr_sweep.definition.problems import shown


@dataclass(frozen=True)
class Real:
    """An argument that is a real number from `low` to `high`.

    Attributes:
        below: `high` itself is not allowed.
        above: `low` itself is not allowed.
    """

    low: float = 0.0
    high: float = inf
    above: bool = False
    below: bool = False

    def holds(self, value: float) -> bool:
        """Whether the argument may have this value."""
        over = value > self.low if self.above else value >= self.low
        return over and (value < self.high if self.below else value <= self.high)

    def wanted(self, value: float) -> str:
        """What is asked for, said to somebody who gave this value."""
        if self.low == -inf:
            return f"at most {self.high:g}"
        low = f"above {self.low:g}" if self.above else f"at least {self.low:g}"
        if self.high == inf or (value <= self.low and self.high > 1):
            return low
        return f"{low} and {'below' if self.below else 'at most'} {self.high:g}"


@dataclass(frozen=True)
class Single:
    """An argument that is no real number: one of several values may be searched, no range.

    Attributes:
        words: what it must be.
        holds: whether a value is that.
    """

    words: str
    holds: Callable[[Any], bool]


def _compiles(value: Any) -> bool:
    try:
        return isinstance(value, str) and bool(re.compile(value))
    except re.error:
        return False


SWITCH = Single("true or false", lambda value: isinstance(value, bool))
WHOLE = Single("a whole number above 0", lambda value: type(value) is int and value > 0)
PATTERN = Single("a regular expression, as a text", _compiles)
Argument = Real | Single


def value_problem(kind: Argument, value: Any, of: str = "") -> str | None:
    """What is wrong with a value for an argument of this kind, if anything.

    Args:
        of: what has the argument, where the message says it: `the optimizer sgd`.
    """
    if isinstance(kind, Single):
        return None if kind.holds(value) else f"must be {kind.words}, got {shown(value)}"
    if not is_number(value):
        return f"must be a number, got {shown(value)}"
    if not kind.holds(value):
        where = f" for {of}" if of else ""
        return f"must be {kind.wanted(value)}{where}, got {shown(value)}"
    return None


def as_keras_takes_them(known: Mapping[str, Argument], arguments: Any) -> Any:
    """The arguments with whole numbers as floats where Keras wants a real number.

    Keras refuses `momentum=0`. What is no argument or no number is left for the checks.
    """
    if not isinstance(arguments, Mapping):
        return arguments
    return {
        key: float(value) if isinstance(known.get(key), Real) and is_number(value) else value
        for key, value in arguments.items()
    }

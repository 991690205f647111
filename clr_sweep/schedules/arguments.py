"""Checks of a schedule's arguments: every number is finite and within its range, or refused."""

from __future__ import annotations

import sys
from fractions import Fraction
from typing import Any, TypeAlias

Steps: TypeAlias = Any
"""One step or many: a Python number, a NumPy array or a float64 tensor.

The libraries share no static type; a function that takes Steps returns the same kind, in float64.
"""


# What float32 holds.
_LARGEST_RATE = (2.0 - 2.0**-23) * 2.0**127
# Between these, cycles are counted to the last step of 64 bits, in float32 too.
_SHORTEST, _LONGEST = 1e-18, 1e36


def finite_number(
    place: str,
    value: Any,
    *,
    above: float | None = None,
    at_least: float | None = None,
    at_most: float | None = None,
    limit: str = "",
) -> float:
    """Returns `value` as a Python float, or refuses it.

    Args:
        place: the argument's name, put first in the message.
        value: a Python number, a NumPy scalar, or a 0-d array, tensor or variable. Booleans and
            strings are refused: neither is ever meant as a number.
        above: `value` must be greater than this.
        at_least: `value` must be this or greater.
        at_most: `value` must be this or less.
        limit: what the bound is called in the message, such as "init_lr"; its value follows.

    Raises:
        TypeError: `value` is not one number.
        ValueError: `value` is not finite or out of range.
    """
    bounds = [
        f"{sign} {f'{limit} ({bound!r})' if limit else repr(bound)}"
        for sign, bound in ((">", above), (">=", at_least), ("<=", at_most))
        if bound is not None
    ]
    allowed = " ".join(["must be a finite number", " and ".join(bounds)]).rstrip()
    number = _as_float(value)
    if number is None:
        raise TypeError(f"{place}: {allowed}, got {value!r} ({type(value).__name__})")
    if (
        number - number != 0  # NaN and the infinities
        or (above is not None and number <= above)
        or (at_least is not None and number < at_least)
        or (at_most is not None and number > at_most)
    ):
        raise ValueError(f"{place}: {allowed}, got {number!r}")
    return number


def learning_rate(place: str, value: Any, **bounds: Any) -> float:
    """Returns a rate as a float that float32 holds, in which rates are handed out.

    Args:
        place, value, bounds: as `finite_number` has them; so are the errors.

    Raises:
        ValueError: in float32 it would be infinite.
    """
    rate = finite_number(place, value, **bounds)
    if rate > _LARGEST_RATE:
        raise ValueError(f"{place}: must be at most {_LARGEST_RATE!r} (float32), got {rate!r}")
    return rate


def learning_rates(
    init_place: str, init_value: Any, max_place: str, max_value: Any
) -> tuple[float, float]:
    """Returns both bounds of a cycle as floats, 0 <= lower <= upper; errors as `finite_number`."""
    init_lr = finite_number(init_place, init_value, at_least=0.0)
    max_lr = learning_rate(max_place, max_value, at_least=init_lr, limit=init_place)
    return init_lr, max_lr


def half_cycle(place: str, value: Any) -> float:
    """Returns a half cycle in steps as a float > 0; errors as `finite_number`.

    Raises:
        ValueError: it is too short or too long for the place of a step in it to be a number.
    """
    number = finite_number(place, value, above=0.0)
    if not _SHORTEST <= number <= _LONGEST:
        raise ValueError(f"{place}: must be from {_SHORTEST} to {_LONGEST} steps, got {number!r}")
    return number


def decay(place: str, value: Any) -> float:
    """Returns the factor per step of exp_range, in (0, 1]; errors as `finite_number`.

    Above 1 the amplitude would grow without bound and leave the given maximum.
    """
    return finite_number(place, value, above=0.0, at_most=1.0)


def part(place: str, value: Any) -> float:
    """Returns a part of a whole, in (0, 1); errors as `finite_number`."""
    number = finite_number(place, value, above=0.0, at_most=1.0)
    if number == 1.0:
        raise ValueError(f"{place}: must be below 1, got {number!r}")
    return number


def text(place: str, value: Any) -> str:
    """Returns a text as it is.

    Raises:
        TypeError: `value` is no text.
    """
    if not isinstance(value, str):
        raise TypeError(f"{place}: must be a string, got {value!r} ({type(value).__name__})")
    return value


def whole_number(place: str, value: Any) -> int:
    """Returns a count >= 0 as a Python int.

    Raises:
        TypeError: `value` is not an integer; a float is refused even where it is integral.
        ValueError: `value` is negative.
    """
    if is_boolean(value) or not hasattr(value, "__index__"):
        raise TypeError(f"{place}: must be an integer >= 0, got {value!r} ({type(value).__name__})")
    number = int(value.__index__())
    if number < 0:
        raise ValueError(f"{place}: must be an integer >= 0, got {number}")
    return number


def as_float64(place: str, value: Any) -> Any:
    """Returns numbers and arrays in float64, and a float64 tensor as it is.

    Without this, gamma ** int64 fails or truncates, and float32 forgets steps above 2**24. JAX has
    no float64 unless it was told so (JAX_ENABLE_X64): its arrays come in the widest that it has.
    """
    if is_boolean(value):
        raise TypeError(f"{place}: must be a number, got {value!r}")
    if isinstance(value, int | float | Fraction):
        number = value if isinstance(value, float) else float(value)
        if not number >= 0.0:
            raise ValueError(f"{place}: must be >= 0, got {value!r}")
        return number
    # NumPy, and what behaves like it: pandas, JAX. TensorFlow's tensors do where it was asked of
    # them, and are tensors all the same.
    if hasattr(value, "astype") and not _is_of(value, "tensorflow", "Tensor", "Variable"):
        values = value.astype(float)
        # While JAX traces an array it has no values, so its range cannot be looked at here.
        if not _is_of(value, "jax.core", "Tracer") and not (values >= 0.0).all():
            raise ValueError(f"{place}: must be >= 0 everywhere, got {value!r}")
        return values
    # Nor may those of a tensor be.
    if "float64" not in str(getattr(value, "dtype", "")):
        raise TypeError(
            f"{place}: must be a number, a NumPy array or a float64 tensor, got {value!r} "
            f"({type(value).__name__})"
        )
    return value


def is_boolean(value: Any) -> bool:
    """Tells booleans of Python, NumPy and TensorFlow, all of which convert to 0 and 1."""
    return isinstance(value, bool) or "bool" in str(getattr(value, "dtype", ""))


def _is_of(value: Any, module: str, *types: str) -> bool:
    """Tells whether a value is of one of a library's types, without importing the library."""
    library = sys.modules.get(module)
    # Another thread may be importing it just now: of a type that is not there yet no value is.
    found = (getattr(library, name, None) for name in types)
    return isinstance(value, tuple(one for one in found if one is not None))


def _as_float(value: Any) -> float | None:
    """Returns the one number that `value` is, or None."""
    if is_boolean(value) or isinstance(value, str | bytes | bytearray):
        return None
    if getattr(getattr(value, "dtype", None), "kind", "f") in "SU":  # NumPy would parse it
        return None
    try:
        # An array of one element converts too, but is not one number.
        return float(value) if tuple(getattr(value, "shape", ())) == () else None
    except (TypeError, ValueError, OverflowError):
        return None

"""The checks of numbers: what counts as one number, and what is refused."""

from __future__ import annotations

import re
import sys
from decimal import Decimal
from fractions import Fraction
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from clr_sweep.schedules import arguments


@pytest.mark.parametrize(
    "value",
    [0.5, Fraction(1, 2), Decimal("0.5"), np.float16(0.5), np.float64(0.5), np.array(0.5)],
    ids=repr,
)
def test_whatever_is_one_number_becomes_a_python_float(value: Any) -> None:
    """NumPy scalars, 0-d arrays and exact numbers are taken; JSON needs plain floats."""
    number = arguments.finite_number("rate", value)
    assert type(number) is float
    assert number == 0.5


@pytest.mark.parametrize(
    "value",
    [
        True,
        np.True_,
        np.array(True),
        "0.5",
        b"0.5",
        np.array("0.5"),
        np.str_("0.5"),
        [0.5],
        np.array([0.5]),
        1j,
        None,
        abs,
        10**400,
    ],
    ids=lambda value: f"{type(value).__name__}-{str(value)[:8]}",
)
def test_what_is_not_one_number_is_refused(value: Any) -> None:
    """Booleans, strings, arrays with an axis and the like are never read as numbers."""
    with pytest.raises(TypeError, match=r"^rate: must be a finite number, got"):
        arguments.finite_number("rate", value)


def test_bounds_are_named() -> None:
    """A value out of range is refused with every bound, and the name a bound goes by."""
    assert arguments.finite_number("x", 1, above=0, at_most=1) == 1.0
    for value in (0, 1.5, float("nan"), float("inf")):
        message = f"x: must be a finite number > 0 and <= 1, got {float(value)!r}"
        with pytest.raises(ValueError, match=re.escape(message)):
            arguments.finite_number("x", value, above=0, at_most=1)
    with pytest.raises(ValueError, match=r"top: must be a finite number >= bottom \(2\.0\)"):
        arguments.learning_rates("bottom", 2, "top", 1)
    assert arguments.learning_rates("bottom", 2, "top", 2) == (2.0, 2.0)


def test_arrays_of_jax_traced_or_not() -> None:
    """A traced array has `astype`, as NumPy's has, but no values that could be looked at."""
    import jax

    steps = jax.numpy.arange(4)
    wanted = np.arange(4.0)
    for found in (
        arguments.as_float64("step", steps),
        jax.jit(lambda step: arguments.as_float64("step", step))(steps),
    ):
        assert "float" in str(found.dtype)
        np.testing.assert_array_equal(found, wanted)
    with pytest.raises(ValueError, match="step: must be >= 0 everywhere, got"):
        arguments.as_float64("step", -steps)


def test_while_another_thread_imports_tensorflow(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is in `sys.modules` then, and has no tensors yet: MLflow imports it beside a search."""
    monkeypatch.setitem(sys.modules, "tensorflow", ModuleType("tensorflow"))
    found = arguments.as_float64("step", np.arange(3))
    assert found.dtype == np.float64
    np.testing.assert_array_equal(found, [0.0, 1.0, 2.0])

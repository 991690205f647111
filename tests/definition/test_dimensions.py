"""Ranges, ratios, choices and fixed values: what they may be, and how they are described."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from clr_sweep.common.errors import FieldProblemsError
from clr_sweep.definition.dimensions import (
    TAGS,
    Dimension,
    Number,
    Range,
    RatioRange,
    Scalar,
    bounds,
    describe,
    largest_below,
)

DIMENSION: TypeAdapter[Any] = TypeAdapter(Dimension)
NUMBER: TypeAdapter[Any] = TypeAdapter(Number)
SCALAR: TypeAdapter[Any] = TypeAdapter(Scalar)


def problems(content: Any, kind: TypeAdapter[Any] = DIMENSION) -> list[str]:
    """The messages that a value is refused with."""
    with pytest.raises(ValidationError) as caught:
        kind.validate_python(content)
    messages = []
    for detail in caught.value.errors():
        error = detail.get("ctx", {}).get("error")
        messages += [str(error)] if isinstance(error, FieldProblemsError) else [detail["msg"]]
    return messages


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"low": 2, "high": 2}, "low: must be below high, which is 2, got 2 (for one fixed"),
        ({"low": 3, "high": 2}, "is 2, got 3 (the other way round: low: 2, high: 3)"),
        ({"low": 0, "high": 1, "log": True}, "low: must be above 0 where log is true, got 0"),
        ({"low": -1, "high": 1, "log": True}, "low: must be above 0 where log is true, got -1"),
        ({"low": 0, "high": 1, "step": 0}, "step: must be above 0, got 0"),
        ({"low": 0, "high": 1, "step": -0.5}, "step: must be above 0, got -0.5"),
        ({"low": 1, "high": 2, "step": 1, "log": True}, "step: must be left out where log is"),
        ({"low": 0, "high": 1, "step": 0.3}, "step: must go a whole number of times"),
        ({"low": 0.0, "high": 1e300, "step": 1e-5}, "step: must go a whole number of times"),
        ({"low": -1.5e308, "high": 1.5e308}, "high: must be a number of sensible size"),
        ({"ratio": {"low": 1, "high": 10}}, "ratio.low: must be at least 1.001, got 1"),
        ({"ratio": 10}, "a range such as {low: 3, high: 100, log: true}"),
        ([], "at least 1 item"),
        ([1, 1.0], "each value stands once"),
        ([True, True], "each value stands once"),
        ([1, True], "or of true and false, not of both: true is no number"),
        ([0.5, 0.0, False], "or of true and false, not of both: true is no number"),
        ([[1]], "a finite number, a text, or true or false"),
        (None, "a list of values, or a range such as"),
        (math.nan, "a list of values, or a range such as"),
        ({"low": math.nan, "high": 1}, "a finite number"),
        ({"low": 0, "high": math.inf}, "a finite number"),
        ({"low": False, "high": True}, "a finite number"),
        ({"low": 0, "high": 10**400}, "a finite number"),
    ],
)
def test_what_is_refused(content: Any, message: str) -> None:
    """Each dimension that cannot be sampled is refused, with what it should be."""
    assert message in "; ".join(problems(content))


def test_all_problems_of_a_range_are_named() -> None:
    """A range that is wrong in two ways is told both."""
    (message,) = problems({"low": 0, "high": -1, "log": True, "step": 1})
    assert message.count("must be") == 3
    assert message.startswith("low: must be below high, which is -1, got 0 (the other way")


@pytest.mark.parametrize(
    "content",
    [
        {"low": 0.1, "high": 0.7, "step": 0.2},  # 0.6 / 0.2 is 2.9999999999999996
        {"low": 0, "high": 0.3, "step": 0.1},
        {"low": 1e-4, "high": 1e-2, "step": 1e-4},
        {"low": 0, "high": 10**9, "step": 1},
        {"low": -5, "high": 2**53},
    ],
)
def test_ranges_that_are_right(content: dict[str, Any]) -> None:
    """Steps are counted in decimals, as they are written, so that a right one is never refused."""
    assert DIMENSION.validate_python(content) == Range(**content)


@pytest.mark.parametrize(
    ("content", "whole"),
    [
        ({"low": 2, "high": 8}, True),
        ({"low": 2, "high": 8, "step": 2}, True),
        ({"low": 2.0, "high": 8}, False),
        ({"low": 2, "high": 8.0}, False),
        ({"low": 2, "high": 8, "step": 0.5}, False),
    ],
)
def test_whole_numbers_are_those_written_so(content: dict[str, Any], whole: bool) -> None:
    """A range is of whole numbers if all its numbers are written as whole numbers."""
    assert Range(**content).is_integer is whole


@given(st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False))
def test_numbers_stay_as_they_are(value: float) -> None:
    """A whole number is taken where a number is asked for, and stays whole; a float a float."""
    for kind in (NUMBER, SCALAR, DIMENSION):
        read = kind.validate_python(value)
        assert (read, type(read)) == (value, type(value))


@pytest.mark.parametrize("value", [True, "1", None, math.nan, -math.inf, 10**16, [1], {}])
def test_what_is_no_number(value: Any) -> None:
    """Booleans, texts and what no float holds are no numbers; nothing is converted."""
    assert problems(value, NUMBER) == ["a finite number"]


@pytest.mark.parametrize("value", ["a", True, False, 0, -1.5])
def test_a_scalar_is_any_single_value(value: Any) -> None:
    """A fixed value may be a text or a switch too, and true is not 1."""
    assert DIMENSION.validate_python(value) is value


def test_a_choice_is_read_from_lists_of_files_and_of_json() -> None:
    """A list becomes a tuple, from JSON too, and keeps the types of its values."""
    assert DIMENSION.validate_python([1, 2.0, "a", False]) == (1, 2.0, "a", False)
    assert DIMENSION.validate_json('["sgd", 2]') == ("sgd", 2)


@pytest.mark.parametrize(
    ("dimension", "whole", "text"),
    [
        (Range(low=2, high=8), True, "2 to 8 (whole numbers)"),
        (Range(low=2, high=8), False, "2 to 8 (real numbers)"),
        (Range(low=0, high=8, step=2), True, "0 to 8 (whole numbers in steps of 2)"),
        (Range(low=0.1, high=1, log=True), False, "0.1 to 1 (real numbers, log scale)"),
        (
            RatioRange(ratio=Range(low=3, high=100)),
            False,
            "max_lr / ratio, ratio 3 to 100 (real numbers)",
        ),
        ((1, True, "sgd"), False, "one of 1, true, sgd"),
        ((0.5,), False, "0.5"),
        (False, False, "false (fixed)"),
        (0.9, False, "0.9 (fixed)"),
    ],
)
def test_describe(dimension: Any, whole: bool, text: str) -> None:
    """`check` prints a dimension as it would be written, and says what is sampled from it."""
    assert describe(dimension, whole=whole) == text


def test_bounds() -> None:
    """The bounds are those of a range, of a list in any order, and a fixed value twice."""
    assert bounds(Range(low=2, high=8)) == (2.0, 8.0)
    assert bounds((0.5, 0.1, 0.3)) == (0.1, 0.5)
    assert bounds(4) == (4.0, 4.0)


@given(st.floats(1e-30, 1e30))
def test_largest_below_is_below_in_float32_too(rate: float) -> None:
    """What is below a rate stays below it when Keras rounds both, and there is nothing between."""
    below = largest_below(rate)
    assert np.float32(below) < np.float32(rate)
    assert np.nextafter(np.float32(below), np.float32(np.inf)) == np.float32(rate)


def test_tags_cannot_be_keys() -> None:
    """The names that pydantic puts into a place look like no key that anybody writes."""
    assert all(not tag.replace(".", "").isidentifier() for tag in TAGS)

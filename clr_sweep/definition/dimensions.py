"""One dimension of a search space: a range, a choice, or a fixed value."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from typing import Annotated, Any, ClassVar, Self

import numpy as np
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    PlainValidator,
    StrictBool,
    Tag,
    WithJsonSchema,
    model_validator,
)
from pydantic_core import PydanticCustomError

from clr_sweep.common.errors import FieldProblemsError
from clr_sweep.definition.problems import Problem

# Whole numbers above it have no float of their own, and the samplers work in floats.
LARGEST_WHOLE = 2**53
# A range may not have more steps: the samplers count them in float arithmetic.
MOST_STEPS = 10**9
SMALLEST_RATIO = 1.001


class Frozen(BaseModel):
    """Base of all records read from files: immutable, strict, and closed to unknown keys."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)
    not_taken: ClassVar[Mapping[str, str]] = {}
    """Keys that somebody may look for here, each with what stands in its place."""
    other_words: ClassVar[Mapping[str, str]] = {}
    """What else its keys are called, by other programs or other keys, each with the key."""
    stands_for: ClassVar[tuple[str, ...]] = ()
    """Its keys that a value alone in its place may be for; the first that takes it is meant."""

    def by_key(self) -> dict[str, Any]:
        """Its values by the keys that they have in a file: `from` is a keyword of Python's."""
        fields = type(self).model_fields
        return {(name in fields and fields[name].alias) or name: value for name, value in self}

    @classmethod
    def from_json(cls, content: Any) -> Self:
        """The record whose `model_dump(mode="json")` this is; a tuple is a list there."""
        return cls.model_validate_json(json.dumps(content))


def expected(text: str, names: Sequence[str] = ()) -> PydanticCustomError:
    """The error of a validator that wanted `text`; the message says what it got instead.

    Args:
        names: those that are allowed, where it is names: the message shows the nearest one.
    """
    return PydanticCustomError("expected", "{text}", {"text": text, "names": list(names)})


def is_number(value: Any) -> bool:
    """Whether it is a finite number; true and false are none."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return False
    return abs(value) <= LARGEST_WHOLE if isinstance(value, int) else math.isfinite(value)


def _number(value: Any) -> int | float:
    if not is_number(value):
        raise expected("a finite number")
    number: int | float = value
    return number


def is_scalar(value: Any) -> bool:
    """Whether it is a single value of a file: a finite number, a text, true or false."""
    return isinstance(value, (bool, str)) or is_number(value)


def _scalar(value: Any) -> Any:
    if not is_scalar(value):
        raise expected("a finite number, a text, or true or false")
    return value


def _single_value(value: Any) -> Any:
    if not is_scalar(value):
        raise expected(
            "a finite number or another single value, a list of values, or a range such as "
            "{low: 0.001, high: 0.1, log: true}"
        )
    return value


# Validated by functions, not as unions: a union reports a problem for each of its members. A
# whole number stays one: it decides whether a range is searched in whole numbers.
Number = Annotated[int | float, PlainValidator(_number), WithJsonSchema({"type": "number"})]
_SCALAR_SCHEMA = WithJsonSchema({"type": ["boolean", "number", "string"]})
Scalar = Annotated[bool | int | float | str, PlainValidator(_scalar), _SCALAR_SCHEMA]
_SingleValue = Annotated[bool | int | float | str, PlainValidator(_single_value), _SCALAR_SCHEMA]


class Range(Frozen):
    """All numbers from `low` to `high`, both included.

    Where whole numbers have a meaning (`step_size_factor`, `batch_size`, arguments of the model)
    bounds that are written as whole numbers (`low: 2, high: 8`) stand for whole numbers, others
    (`low: 2.0, high: 8.0`) for real numbers.

    Attributes:
        high: the largest value, above `low`.
        log: sample the logarithm uniformly; `low` has to be above 0.
        step: distance between neighbouring values, counted from `low`.
    """

    other_words = {
        **dict.fromkeys(("min", "minimum", "lower", "from", "start"), "low"),
        **dict.fromkeys(("max", "maximum", "upper", "to", "end", "stop"), "high"),
    }
    low: Number
    high: Number
    log: StrictBool = False
    step: Number | None = None

    @property
    def is_integer(self) -> bool:
        """Whether all that it holds is written as whole numbers."""
        return all(isinstance(v, int) for v in (self.low, self.high, self.step) if v is not None)

    @model_validator(mode="after")
    def _check(self) -> Self:
        if problems := list(self._problems()):
            raise FieldProblemsError(problems)
        return self

    def _problems(self) -> Iterator[Problem]:
        if self.low >= self.high:
            cure = "for one fixed value write the value alone"
            if self.low > self.high:
                cure = f"the other way round: low: {self.high}, high: {self.low}"
            yield ("low",), f"must be below high, which is {self.high}, got {self.low} ({cure})"
        elif not math.isfinite(float(self.high) - float(self.low)):
            yield ("high",), f"must be a number of sensible size, got {self.high}"
        if self.log and self.low <= 0:
            yield ("low",), f"must be above 0 where log is true, got {self.low}"
        if self.step is None:
            return
        if self.log:
            yield ("step",), f"must be left out where log is true, got {self.step}"
        elif self.step <= 0:
            yield ("step",), f"must be above 0, got {self.step}"
        elif self.low < self.high:
            # As decimals, as they are written: 0.3 / 0.1 is no whole number in binary.
            low, high, step = (Fraction(str(v)) for v in (self.low, self.high, self.step))
            count = (high - low) / step
            if count.denominator != 1 or count > MOST_STEPS:
                yield (
                    ("step",),
                    f"must go a whole number of times (at most {MOST_STEPS:.0e}) into "
                    f"high - low = {float(high - low):g}, got {self.step}",
                )

    def describe(self, *, whole: bool = False) -> str:
        """In words; `whole` tells that whole numbers are sampled from it."""
        kind = "whole numbers" if whole else "real numbers"
        extra = ", log scale" if self.log else f" in steps of {self.step}" if self.step else ""
        return f"{self.low} to {self.high} ({kind}{extra})"


def _as_range(value: Any) -> Any:
    if not isinstance(value, (dict, Range)):
        raise expected("a range such as {low: 3, high: 100, log: true}")
    return value


class RatioRange(Frozen):
    """`init_lr` as a part of `max_lr`: init_lr = max_lr / ratio, so that the two never meet."""

    ratio: Annotated[Range, BeforeValidator(_as_range)]

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.ratio.low < SMALLEST_RATIO:
            text = f"must be at least {SMALLEST_RATIO}, got {self.ratio.low}"
            raise FieldProblemsError([(("ratio", "low"), text)])
        return self


def _shape_of(value: Any) -> str:
    if isinstance(value, dict):
        return _RATIO_TAG if "ratio" in value else _RANGE_TAG
    if isinstance(value, (Range, RatioRange)):
        return _RATIO_TAG if isinstance(value, RatioRange) else _RANGE_TAG
    return _CHOICE_TAG if isinstance(value, (list, tuple)) else _VALUE_TAG


def _without_repeats(values: tuple[Any, ...]) -> tuple[Any, ...]:
    if len({(isinstance(value, bool), value) for value in values}) < len(values):
        raise expected("a list in which each value stands once")
    if len(set(values)) < len(values):  # to Python, and so to Optuna, 1 is true and 0 is false
        raise expected("a list of numbers or of true and false, not of both: true is no number")
    return values


# Tags are part of where pydantic says that a problem is, so none may look like a key of a file.
_RANGE_TAG, _RATIO_TAG, _CHOICE_TAG, _VALUE_TAG = "(range)", "(ratio)", "(choice)", "(value)"
TAGS: dict[str, type[Frozen] | None] = {
    _RANGE_TAG: Range,
    _RATIO_TAG: RatioRange,
    _CHOICE_TAG: None,
    _VALUE_TAG: None,
}
"""The tags of the union `Dimension`, with the records that they stand for."""

Choice = Annotated[
    tuple[Scalar, ...], Field(min_length=1, strict=False), AfterValidator(_without_repeats)
]
Dimension = Annotated[
    Annotated[Range, Tag(_RANGE_TAG)]
    | Annotated[RatioRange, Tag(_RATIO_TAG)]
    | Annotated[Choice, Tag(_CHOICE_TAG)]
    | Annotated[_SingleValue, Tag(_VALUE_TAG)],
    Discriminator(_shape_of),
]


def with_arguments(name: str, arguments: Mapping[str, Scalar]) -> str:
    """A model or an optimizer with its arguments, in words."""
    return f"{name} ({listed(arguments)})" if arguments else name


def listed(values: Mapping[str, Scalar]) -> str:
    """Values under their names, in words: `max_lr 0.1, policy triangular`."""
    return ", ".join(f"{key} {_text(value)}" for key, value in values.items())


def describe(
    dimension: Range | RatioRange | tuple[Any, ...] | bool | int | float | str,
    *,
    whole: bool = False,
) -> str:
    """A dimension in words, as `clr-sweep check` prints it.

    Args:
        whole: whole numbers are sampled from it, if it is a range.
    """
    if isinstance(dimension, Range):
        return dimension.describe(whole=whole)
    if isinstance(dimension, RatioRange):
        return f"max_lr / ratio, ratio {dimension.ratio.describe()}"
    if isinstance(dimension, tuple):
        choices = ", ".join(map(_text, dimension))
        return choices if len(dimension) == 1 else f"one of {choices}"
    return f"{_text(dimension)} (fixed)"


def bounds(dimension: Range | tuple[Any, ...] | Any) -> tuple[float, float]:
    """Smallest and largest value of a numeric dimension."""
    if isinstance(dimension, Range):
        return float(dimension.low), float(dimension.high)
    values = dimension if isinstance(dimension, tuple) else (dimension,)
    return float(min(values)), float(max(values))


def largest_below(rate: float) -> float:
    """The largest number that is below `rate` in float32 too, where Keras holds a rate."""
    return float(np.nextafter(np.float32(rate), np.float32(-np.inf)))


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)

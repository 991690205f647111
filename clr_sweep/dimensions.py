"""One dimension of a search space: a range, a choice, or a fixed value."""

from __future__ import annotations

import math
from typing import Annotated, Any, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Discriminator,
    Field,
    StrictBool,
    StrictInt,
    StrictStr,
    Tag,
    model_validator,
)


class Frozen(BaseModel):
    """Base of all records read from files: immutable, strict, and closed to unknown keys."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


Float = Annotated[float, Field(strict=True, allow_inf_nan=False)]
# An integer literal stays an integer: it decides whether a range is searched in whole numbers.
Number = Annotated[StrictInt | Float, Field(union_mode="left_to_right")]
Scalar = Annotated[StrictBool | StrictInt | Float | StrictStr, Field(union_mode="left_to_right")]


class Range(Frozen):
    """All numbers from `low` to `high`, both included.

    Whole numbers if both bounds are written as whole numbers (`low: 2, high: 8`), else real
    numbers (`low: 2.0, high: 8.0`).

    Attributes:
        low: the smallest value.
        high: the largest value, above `low`.
        log: sample the logarithm uniformly; `low` has to be above 0.
        step: distance between neighbouring values, counted from `low`.
    """

    low: Number
    high: Number
    log: StrictBool = False
    step: Number | None = None

    @property
    def is_integer(self) -> bool:
        return all(isinstance(v, int) for v in (self.low, self.high, self.step) if v is not None)

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.low >= self.high:
            raise ValueError(
                f"low must be below high, got low: {self.low}, high: {self.high} "
                "(for one fixed value write the value alone)"
            )
        if self.log and self.low <= 0:
            raise ValueError(f"log: true needs low above 0, got low: {self.low}")
        if self.step is not None:
            if self.log:
                raise ValueError("log: true and step exclude each other, got both")
            if self.step <= 0:
                raise ValueError(f"step must be above 0, got {self.step}")
            count = (self.high - self.low) / self.step
            if not math.isclose(count, round(count), abs_tol=1e-9):
                raise ValueError(
                    f"step must divide high - low, got step: {self.step} "
                    f"for low: {self.low}, high: {self.high}"
                )
        return self

    def describe(self) -> str:
        kind = "whole numbers" if self.is_integer else "real numbers"
        extra = ", log scale" if self.log else f", step {self.step}" if self.step else ""
        return f"{self.low} to {self.high} ({kind}{extra})"


class RatioRange(Frozen):
    """`init_lr` as a part of `max_lr`: init_lr = max_lr / ratio, so that the two never meet."""

    ratio: Range

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.ratio.low <= 1:
            raise ValueError(f"ratio: low must be above 1, got {self.ratio.low}")
        return self

    def describe(self) -> str:
        return f"max_lr / ratio, ratio {self.ratio.describe()}"


def _shape_of(value: Any) -> str:
    if isinstance(value, dict):
        return "ratio" if "ratio" in value else "range"
    if isinstance(value, (Range, RatioRange)):
        return "ratio" if isinstance(value, RatioRange) else "range"
    return "choice" if isinstance(value, (list, tuple)) else "value"


Choice = Annotated[tuple[Scalar, ...], Field(min_length=1, strict=False)]
Dimension = Annotated[
    Annotated[Range, Tag("range")]
    | Annotated[RatioRange, Tag("ratio")]
    | Annotated[Choice, Tag("choice")]
    | Annotated[Scalar, Tag("value")],
    Discriminator(_shape_of),
]
DIMENSION_TAGS = frozenset({"range", "ratio", "choice", "value"})


def describe(dimension: Range | RatioRange | tuple[Any, ...] | Any) -> str:
    """A dimension in words, as `clr-sweep check` prints it."""
    if isinstance(dimension, (Range, RatioRange)):
        return dimension.describe()
    if isinstance(dimension, tuple):
        return "one of " + ", ".join(map(str, dimension))
    return f"fixed at {dimension}"


def bounds(dimension: Range | tuple[Any, ...] | Any) -> tuple[float, float]:
    """Smallest and largest value of a numeric dimension."""
    if isinstance(dimension, Range):
        return float(dimension.low), float(dimension.high)
    values = dimension if isinstance(dimension, tuple) else (dimension,)
    return float(min(values)), float(max(values))

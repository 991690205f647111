"""How a range test is done, as a sweep file says it."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, StrictInt, model_validator

from clr_sweep.dimensions import Frozen
from clr_sweep.errors import FieldProblemsError
from clr_sweep.fields import AboveZero, Count

Ramp = Literal["exponential", "linear"]
RuleName = Literal["smith", "quarter", "steepest", "valley", "minimum"]


class RangeTestConfig(Frozen):
    """A range test: one rise of the learning rate, once for each seed.

    Attributes:
        low: the rate of the first step.
        high: the rate of the last step, unless the training diverges before.
        epochs: over which the rate rises.
        seeds: trainings, each with weights and an order of the data of its own.
        ramp: `exponential`, the same number of steps for each decade; `linear`, Smith's.
        rule: how a pair of bounds is read off the curves; see `rules`.
    """

    low: AboveZero = 1e-5
    high: AboveZero = 10.0
    epochs: Count = 3
    seeds: Annotated[StrictInt, Field(ge=1, le=100)] = 3
    ramp: Ramp = "exponential"
    rule: RuleName = "smith"

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.high < 10 * self.low:
            text = f"must be at least ten times low, which is {self.low}, got {self.high}"
            raise FieldProblemsError([(("high",), text)])
        return self

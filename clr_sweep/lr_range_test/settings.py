"""How a range test is done, as a sweep file says it."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, StrictInt, model_validator

from clr_sweep.common.errors import FieldProblemsError
from clr_sweep.definition.dimensions import Frozen
from clr_sweep.definition.fields import AboveZero, Count

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
        min_seeds: so many seeds at least have to show a pair; None stands for more than half.
    """

    low: AboveZero = 1e-5
    high: AboveZero = 10.0
    epochs: Count = 3
    seeds: Annotated[StrictInt, Field(ge=1, le=100)] = 3
    ramp: Ramp = "exponential"
    rule: RuleName = "smith"
    min_seeds: Annotated[StrictInt, Field(ge=1, le=100)] | None = None

    @property
    def needed(self) -> int:
        """Of how many seeds a pair has to come."""
        return self.seeds // 2 + 1 if self.min_seeds is None else self.min_seeds

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.high < 10 * self.low:
            text = f"must be at least ten times low, which is {self.low}, got {self.high}"
            raise FieldProblemsError([(("high",), text)])
        if self.min_seeds is not None and self.min_seeds > self.seeds:
            text = f"must be at most seeds, which is {self.seeds}, got {self.min_seeds}"
            raise FieldProblemsError([(("min_seeds",), text)])
        return self

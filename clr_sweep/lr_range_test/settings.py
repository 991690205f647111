"""How a range test is done, as a sweep file says it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal

from pydantic import Field, StrictInt

from clr_sweep.definition.fields import AboveZero, Count
from clr_sweep.definition.problems import Problem
from clr_sweep.definition.sections import Section

Ramp = Literal["exponential", "linear"]
RuleName = Literal["smith", "quarter", "steepest", "valley", "minimum"]


class RangeTestConfig(Section):
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

    stands_for = ("rule", "ramp")
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

    @classmethod
    def together(cls, values: Mapping[str, Any]) -> Iterator[Problem]:
        """See `Section`."""
        low, high = values.get("low"), values.get("high")
        if low is not None and high is not None and high < 10 * low:
            yield ("high",), f"must be at least ten times low, which is {low}, got {high}"
        least, seeds = values.get("min_seeds"), values.get("seeds")
        if least is not None and seeds is not None and least > seeds:
            yield ("min_seeds",), f"must be at most seeds, which is {seeds}, got {least}"

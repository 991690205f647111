"""The rate of a range test as a Keras schedule: one rise, from a low to a high rate."""

from __future__ import annotations

from typing import Any, SupportsFloat

import keras

from clr_sweep.schedules import arguments
from clr_sweep.schedules.keras.base import Float64Schedule
from clr_sweep.schedules.ramp import ramp


@keras.saving.register_keras_serializable(package="clr_sweep")
class RampLearningRate(Float64Schedule):
    """A learning rate that rises once, for Smith's range test; see `ramp.ramp`.

    The arithmetic runs in float64; the rate comes out in float32.

    Args:
        low: the rate of the first step, > 0.
        high: the rate of the last step, and of those after it, > low.
        steps: of the whole ramp, in optimizer steps (batches), >= 2.
        kind: "exponential" (the same number of steps for each decade) or "linear" (Smith's).
        name: a name for the schedule.

    Raises:
        TypeError: an argument is of the wrong type.
        ValueError: an argument is out of range, or `kind` is unknown.

    Example:
        >>> schedule = RampLearningRate(0.25, 1.0, steps=4, kind="linear")
        >>> [float(schedule(step)) for step in range(5)]
        [0.25, 0.5, 0.75, 1.0, 1.0]
    """

    _saved = ("low", "high", "steps", "kind")

    def __init__(
        self,
        low: SupportsFloat,
        high: SupportsFloat,
        steps: int,
        kind: str = "exponential",
        name: str = "RampLearningRate",
    ) -> None:
        super().__init__(name)
        # Checks them all; the first step's rate is not needed.
        ramp(0, low=low, high=high, steps=steps, kind=kind)
        self.low, self.high = float(low), float(high)
        self.steps = arguments.whole_number("steps", steps)
        self.kind = kind

    def _rate(self, step: Any) -> Any:
        return ramp(step, low=self.low, high=self.high, steps=self.steps, kind=self.kind)

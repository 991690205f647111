"""The rate of a range test as arithmetic: one rise, from a low to a high rate."""

from __future__ import annotations

from typing import SupportsFloat

from clr_sweep.schedules import arguments
from clr_sweep.schedules.arguments import Steps
from clr_sweep.schedules.policies import interpolate

RAMPS = ("exponential", "linear")
"""The ways in which the rate of a range test rises."""


def ramp(
    step: Steps, *, low: SupportsFloat, high: SupportsFloat, steps: int, kind: str = "exponential"
) -> Steps:
    """Returns the rate of a range test, which rises once from `low` to `high`.

    Formula, with u = step / (steps - 1), held at 1 past the end:

        linear         low + (high - low) * u          (Smith, arXiv:1506.01186, section 3.3)
        exponential    low * (high / low)^u            (the same number of steps for each decade)

    Args:
        step: optimizer steps, >= 0, counted from 0.
        low: the rate at step 0, > 0.
        high: the rate at the last step, > low.
        steps: of the whole ramp, >= 2.
        kind: one of RAMPS.

    Raises:
        TypeError: an argument is not a number.
        ValueError: an argument is out of range, or `kind` is unknown.

    Example:
        >>> [round(ramp(t, low=0.01, high=1.0, steps=3), 6) for t in range(4)]
        [0.01, 0.1, 1.0, 1.0]
    """
    low = arguments.finite_number("low", low, above=0.0)
    high = arguments.learning_rate("high", high, above=low, limit="low")
    last = arguments.finite_number("steps", steps, at_least=2.0) - 1.0
    if kind not in RAMPS:
        raise ValueError(f"kind: must be one of {', '.join(RAMPS)}, got {kind!r}")
    step = arguments.as_float64("step", step)
    # min(step, last) in operations that numbers, arrays and tensors share, exact at both ends.
    part = (step + last - abs(step - last)) / (2.0 * last)
    if kind == "linear":
        return interpolate(low, high, part)
    return low * (high / low) ** part

"""Where a step lies in its cycle, as arithmetic on the optimizer's step, counted from 0.

With t the optimizer step and S the step size, a HALF cycle in steps:

    cycle    = floor(1 + t / (2 S))
    x        = |t / S - 2 cycle + 1|
    position = max(0, 1 - x)
"""

from __future__ import annotations

from fractions import Fraction
from math import ceil, floor
from typing import SupportsFloat

from clr_sweep.schedules import arguments
from clr_sweep.schedules.arguments import Steps

_TOLERANCE = Fraction(1, 10**6)
"""In steps: a trough this little after an integer step counts as reached at that step."""


def cycle(step: Steps, step_size: SupportsFloat) -> Steps:
    """Returns the number of the cycle that a step lies in, from 1.

    Formula: floor(1 + step / (2 * step_size)). A trough belongs to the cycle it begins.

    Args:
        step: optimizer steps, >= 0.
        step_size: half a cycle, in steps, > 0.

    Raises:
        TypeError: an argument is not a number.
        ValueError: `step` is negative or `step_size` is not a finite number > 0.

    Example:
        >>> cycle(0, 40), cycle(79, 40), cycle(80, 40)
        (1.0, 1.0, 2.0)
    """
    step = arguments.as_float64("step", step)
    period = 2.0 * arguments.half_cycle("step_size", step_size)
    # The remainder is exact in floating point and the plain quotient is not: just below a
    # boundary it can round up into the next cycle. So the remainder is taken off first, and the
    # half before the floor rounds what is then a whole number but for one rounding error.
    return ((step - step % period) / period + 0.5) // 1.0 + 1.0


def position(step: Steps, step_size: SupportsFloat) -> Steps:
    """Returns the height on the triangle: 0 at a trough, 1 at a peak, linear between them.

    Formula: max(0, 1 - |step / step_size - 2 * cycle + 1|), worked out from the remainder of
    the step in its cycle, which stays exact however far the run has come. Arguments and errors as
    `cycle`.

    Example:
        >>> position(0, 40), position(10, 40), position(40, 40), position(80, 40)
        (0.0, 0.25, 1.0, 0.0)
    """
    step = arguments.as_float64("step", step)
    step_size = arguments.half_cycle("step_size", step_size)
    return (step_size - abs(step % (2.0 * step_size) - step_size)) / step_size


def whole_cycles(steps: int, step_size: SupportsFloat) -> int:
    """Returns how many whole cycles `steps` optimizer steps complete.

    Rounds as `troughs` does: it is the number of multiples of a cycle in (0, steps].

    Args:
        steps: optimizer steps done, >= 0.
        step_size: half a cycle, in steps, > 0.

    Raises:
        TypeError: `steps` is not an integer or `step_size` is not a number.
        ValueError: `steps` is negative or `step_size` is not a finite number > 0.

    Example:
        >>> whole_cycles(9380, 3748), whole_cycles(80, 40), whole_cycles(79, 40)
        (1, 1, 0)
    """
    return floor((arguments.whole_number("steps", steps) + _TOLERANCE) / _period(step_size))


def troughs(steps: int, step_size: SupportsFloat) -> list[int]:
    """Returns the optimizer steps in (0, steps] at which a whole cycle has ended.

    The k-th cycle ends at 2 * step_size * k. Where that is not a whole number it is rounded UP,
    to the first step by which the cycle has ended; where it lies within a millionth of a step
    above a whole number (a step size such as 1.1 * 110 = 121.00000000000001), to that number.
    `t` in the result means t steps done, so `learning_rate(t, ...)` is at, or just past, the
    trough. Arguments and errors as `whole_cycles`.

    Returns:
        Steps in ascending order, each once.

    Example:
        >>> troughs(250, 40), troughs(20, 2.75)
        ([80, 160, 240], [6, 11, 17])
    """
    # In fractions: k times a rounded period drifts, and over a long run by whole steps.
    period = _period(step_size)
    ends = (ceil(period * k - _TOLERANCE) for k in range(1, whole_cycles(steps, step_size) + 1))
    # Cycles shorter than a step end at the same step.
    return list(dict.fromkeys(max(1, end) for end in ends))


def _period(step_size: SupportsFloat) -> Fraction:
    """Returns a whole cycle in steps, exactly."""
    return 2 * Fraction(arguments.half_cycle("step_size", step_size))

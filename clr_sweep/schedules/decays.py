"""The shapes of the rates that fall to their end, as arithmetic on the optimizer's step.

With t the optimizer step, T the steps in all, and cos2(p) = (1 + cos(pi p)) / 2, which falls
from 1 at p = 0 to 0 at p = 1:

    linear     1 - t / T
    cosine     cos2(t / T)
    one_cycle  1 - cos2(t / E) up to step E = pct_start T - 1, then cos2((t - E) / (T - 1 - E))

Each is a height: 0 where the rate is lowest, 1 where it is highest. Past its last step a shape
stays where it ended. Sources: `torch.optim.lr_scheduler`'s LinearLR to 0, CosineAnnealingLR to 0
(Loshchilov and Hutter, arXiv:1608.03983, without restarts) and OneCycleLR (Smith and Topin,
arXiv:1708.07120), whose phases end one step early as here.

The sine that the cosine needs is a polynomial of `+` and `*`, which every machine rounds alike: so
NumPy and a graph of TensorFlow agree on the rate of each step. Libraries' sines need not.
"""

from __future__ import annotations

from math import factorial, pi
from typing import SupportsFloat

from clr_sweep.schedules import arguments
from clr_sweep.schedules.arguments import Steps

PCT_START = 0.3
"""The part of one_cycle's steps in which the rate rises; PyTorch's default."""
DIV_FACTOR = 25.0
"""one_cycle starts at its highest rate / DIV_FACTOR; PyTorch's default."""
FINAL_DIV_FACTOR = 1e4
"""one_cycle ends at the rate it started at / FINAL_DIV_FACTOR; PyTorch's default."""

# Of sin(pi / 2 x) / x in powers of x^2; what is left out is below 2e-18 for x up to 1.
_SINE = [(-1) ** k * (pi / 2) ** (2 * k + 1) / factorial(2 * k + 1) for k in range(12)]


def linear(step: Steps, steps: SupportsFloat) -> Steps:
    """Returns the height of the policy linear: 1 at step 0, 0 after `steps` of them.

    Args:
        step: optimizer steps, >= 0, counted from 0.
        steps: optimizer steps in all, > 0.

    Raises:
        TypeError: an argument is not a number.
        ValueError: `step` is negative or `steps` is not a finite number > 0.

    Example:
        >>> linear(0, 4), linear(3, 4), linear(4, 4), linear(9, 4)
        (1.0, 0.25, 0.0, 0.0)
    """
    steps = arguments.half_cycle("steps", steps)
    step = arguments.as_float64("step", step)
    return _if_positive(steps - step) / steps


def cosine(step: Steps, steps: SupportsFloat) -> Steps:
    """Returns the height of the policy cosine; arguments and errors as `linear`.

    Example:
        >>> cosine(0, 4), round(cosine(2, 4), 12), cosine(4, 4)
        (1.0, 0.5, 0.0)
    """
    return _sine_squared(linear(step, steps))


def one_cycle(step: Steps, steps: SupportsFloat, pct_start: SupportsFloat = PCT_START) -> Steps:
    """Returns the height of the policy one_cycle: from 0 up to 1 and, longer, down to 0.

    Args:
        step: optimizer steps, >= 0, counted from 0.
        steps: optimizer steps in all, > 0: the last one, `steps` - 1, is at height 0.
        pct_start: the part of the steps in which it rises, in (0, 1). Where it is no whole step
            the shape falls from the first step on.

    Raises:
        TypeError: an argument is not a number.
        ValueError: `step` is negative, or another argument is out of range.

    Example:
        >>> one_cycle(0, 100), one_cycle(29, 100), round(one_cycle(64, 100), 12), one_cycle(99, 100)
        (0.0, 1.0, 0.5, 0.0)
    """
    risen, left = one_cycle_phases(step, steps, pct_start)
    return risen * left


def one_cycle_phases(
    step: Steps, steps: SupportsFloat, pct_start: SupportsFloat = PCT_START
) -> tuple[Steps, Steps]:
    """Returns how far one_cycle has risen, 0 to 1, and what is left of its fall, 1 to 0.

    While the one changes the other is exactly 1. Arguments and errors as `one_cycle`.
    """
    steps = arguments.half_cycle("steps", steps)
    part = arguments.part("pct_start", pct_start)
    step = arguments.as_float64("step", step)
    peak = part * steps - 1.0
    fall = steps - 1.0 - peak
    risen = step**0.0
    if peak > 0.0:
        risen = _sine_squared(1.0 - _if_positive(peak - step) / peak)
    return risen, _sine_squared(_if_positive(fall - _if_positive(step - peak)) / fall)


def one_cycle_rate(
    step: Steps,
    steps: SupportsFloat,
    *,
    start_lr: float,
    max_lr: float,
    end_lr: float,
    pct_start: SupportsFloat = PCT_START,
) -> Steps:
    """Returns the rate of one_cycle: from start_lr up to max_lr, then down to end_lr.

    Args:
        step, steps, pct_start: as `one_cycle` has them; so are the errors.
        start_lr: the rate at step 0.
        max_lr: the highest rate, at least the two others.
        end_lr: the rate at the last step.

    Example:
        >>> rate = one_cycle_rate(64, 100, start_lr=0.04, max_lr=1.0, end_lr=4e-6)
        >>> round(rate, 12)
        0.500002
    """
    risen, left = one_cycle_phases(step, steps, pct_start)
    return end_lr + (max_lr - end_lr) * left - (max_lr - start_lr) * (1.0 - risen)


def _sine_squared(x: Steps) -> Steps:
    """Returns sin(pi / 2 x)^2, which is cos2(1 - x), for x in [0, 1].

    The square keeps the small heights near the end as exact as the large ones; 1 + cos(...) would
    leave nothing but rounding errors there.
    """
    square = x * x
    sine = _SINE[-1] * square
    for coefficient in reversed(_SINE[1:-1]):
        sine = (sine + coefficient) * square
    sine = (sine + _SINE[0]) * x
    return sine * sine


def _if_positive(value: Steps) -> Steps:
    """Returns the value where it is above 0, and 0 elsewhere: exactly."""
    return (value + abs(value)) / 2.0

"""Momentum cycled inversely to the learning rate, as arithmetic on the optimizer's step.

    momentum = high - (high - low) * height * scale

with `height` and `scale` those of the rate's policy (`policies`): high while the rate is lowest,
low at its peak. Source: Smith, arXiv:1803.09820, as in `torch.optim.lr_scheduler`: CyclicLR's
`cycle_momentum`, whose triangular2 and exp_range narrow the momentum's range as they narrow the
rate's, and OneCycleLR's. PyTorch has no exp_range_bounds; its scale is that of exp_range.
"""

from __future__ import annotations

from typing import SupportsFloat

from clr_sweep.schedules import arguments, policies
from clr_sweep.schedules.arguments import Steps

CYCLED = (*policies.CYCLICAL, "one_cycle")
"""The policies whose rate rises from its lowest: only these have what momentum can mirror."""


def momentum(
    step: Steps,
    *,
    policy: str,
    low: SupportsFloat,
    high: SupportsFloat,
    step_size: SupportsFloat | None = None,
    gamma: SupportsFloat = 1.0,
    steps: SupportsFloat | None = None,
) -> Steps:
    """Returns the momentum that the optimizer uses at a step, in float64.

    Args:
        step: optimizer steps, >= 0, counted from 0.
        policy: one of CYCLED.
        low: the momentum where the rate is highest, >= 0.
        high: the momentum where the rate is lowest, from `low` to 1.
        step_size: as `policies.learning_rate` has it; so are gamma and steps.

    Returns:
        The momentum, of the shape and kind of `step`.

    Raises:
        TypeError: an argument is missing or not a number.
        ValueError: the policy does not cycle momentum, or an argument is out of range.

    Example:
        >>> [round(momentum(t, policy="triangular", low=0.85, high=0.95, step_size=2), 3)
        ...  for t in range(5)]
        [0.95, 0.9, 0.85, 0.9, 0.95]
    """
    if policy not in CYCLED:
        raise ValueError(f"policy: must be one of {', '.join(CYCLED)}, got {policy!r}")
    low = arguments.finite_number("low", low, at_least=0.0)
    high = arguments.finite_number("high", high, at_least=low, at_most=1.0, limit="")
    place = policies.height(step, policy=policy, step_size=step_size, steps=steps)
    if policy != "one_cycle":
        place = place * policies.scale(step, policy=policy, step_size=step_size, gamma=gamma)
    return high - (high - low) * place

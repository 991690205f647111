"""The policies of a learning rate as arithmetic on the optimizer's step.

With t the optimizer step, and its cycle and position as `cycles` has them:

    policy             rate
    triangular         init_lr + (max_lr - init_lr) * position
    triangular2        init_lr + (max_lr - init_lr) * position * 2^-(cycle - 1)
    exp_range          init_lr + (max_lr - init_lr) * position * gamma^t
    exp_range_bounds   gamma^t * (init_lr + (max_lr - init_lr) * position)

Source: L. N. Smith, Cyclical Learning Rates for Training Neural Networks, arXiv:1506.01186. There
exp_range decays each boundary, which is exp_range_bounds here; exp_range decays the amplitude
alone, as bckenstler/CLR, TensorFlow Addons and PyTorch have it. The policies without a cycle are
constant and those of `decays`: linear, cosine and one_cycle.

Everything is built from `abs`, `//`, `%`, `+`, `-`, `*`, `/` and `**`, so one formula serves
Python numbers, NumPy arrays and tensors. Numbers and arrays of any integer or float type are
worked on in float64 (JAX's in float32 where it has no other); a tensor must be float64 already.
Steps are counted from 0.
"""

from __future__ import annotations

from typing import SupportsFloat

from clr_sweep.schedules import arguments, cycles, decays
from clr_sweep.schedules.arguments import Steps

CYCLICAL = ("triangular", "triangular2", "exp_range", "exp_range_bounds")
"""The policies whose rate rises and falls again and again."""

CONSTANT = "constant"
"""The policy whose rate is init_lr at every step."""

ACYCLIC = (CONSTANT, "linear", "cosine", "one_cycle")
"""The policies without a cycle: those with an end take all the steps of a training."""

POLICIES = CYCLICAL + ACYCLIC
"""All policies."""

DECAYING = ("exp_range", "exp_range_bounds")
"""The policies with a gamma."""


def triangular(cycle: Steps) -> Steps:
    """Returns the scale of the policy triangular: 1 in every cycle (numbered from 1).

    Example:
        >>> triangular(7)
        1.0
    """
    return arguments.as_float64("cycle", cycle) ** 0.0


def triangular2(cycle: Steps) -> Steps:
    """Returns the scale of the policy triangular2: 2^-(cycle - 1), halved with each cycle.

    The power of one half underflows to 0 in long runs, where 2^(cycle - 1) would overflow.

    Args:
        cycle: numbers of cycles, from 1.

    Example:
        >>> triangular2(1), triangular2(3), triangular2(5000)
        (1.0, 0.25, 0.0)
    """
    return 0.5 ** (arguments.as_float64("cycle", cycle) - 1.0)


def exp_range(gamma: SupportsFloat, step: Steps) -> Steps:
    """Returns the scale of the policy exp_range: gamma^step.

    Args:
        gamma: the factor per step, in (0, 1].
        step: optimizer steps, >= 0.

    Raises:
        TypeError: an argument is not a number.
        ValueError: `gamma` is not in (0, 1] or `step` is negative.

    Example:
        >>> exp_range(0.5, 3)
        0.125
    """
    return arguments.decay("gamma", gamma) ** arguments.as_float64("step", step)


def height(
    step: Steps,
    *,
    policy: str,
    step_size: SupportsFloat | None = None,
    steps: SupportsFloat | None = None,
) -> Steps:
    """Returns the place of a step on its policy's own shape, in [0, 1], before any decay by cycles.

    0 is where the rate is lowest: a trough, the start and the end of one_cycle, the end of linear
    and cosine; 1 where it is highest. A constant rate is at 0 throughout. Arguments and errors as
    `learning_rate`.

    Example:
        >>> height(10, policy="exp_range", step_size=40), height(0, policy="cosine", steps=100)
        (0.25, 1.0)
    """
    _check_policy(policy)
    if policy in CYCLICAL:
        return cycles.position(step, _given("step_size", step_size, policy))
    if policy == CONSTANT:
        return 0.0 * arguments.as_float64("step", step)
    return getattr(decays, policy)(step, _given("steps", steps, policy))


def scale(
    step: Steps, *, policy: str, step_size: SupportsFloat | None = None, gamma: SupportsFloat = 1.0
) -> Steps:
    """Returns what the height is multiplied with at a step: 1 where the policy does not decay.

    Of exp_range_bounds it is the factor of the whole rate. Arguments and errors as `learning_rate`.
    """
    _check_policy(policy)
    if policy == "triangular2":
        return triangular2(cycles.cycle(step, _given("step_size", step_size, policy)))
    return exp_range(gamma if policy in DECAYING else 1.0, step)


def learning_rate(
    step: Steps,
    *,
    policy: str,
    init_lr: SupportsFloat,
    max_lr: SupportsFloat | None = None,
    step_size: SupportsFloat | None = None,
    gamma: SupportsFloat = 1.0,
    steps: SupportsFloat | None = None,
) -> Steps:
    """Returns the learning rate that the optimizer uses at a step, in float64.

    Args:
        step: optimizer steps, >= 0, counted from 0.
        policy: one of POLICIES.
        init_lr: the lowest rate, >= 0: at the troughs, or where linear, cosine and one_cycle end;
            with CONSTANT, at every step.
        max_lr: the highest rate, >= init_lr. Not read with CONSTANT. one_cycle starts at max_lr /
            decays.DIV_FACTOR.
        step_size: half a cycle, in steps, > 0, whole or not. Needed by every cyclical policy,
            not read by any other.
        gamma: the factor per step of exp_range and exp_range_bounds, in (0, 1]; not read by any
            other policy.
        steps: steps in all, > 0. Needed by linear, cosine and one_cycle, not read by any other.

    Returns:
        The rate, or the array of rates, of the shape and kind of `step`.

    Raises:
        TypeError: an argument is missing or not a number.
        ValueError: an unknown policy, or an argument out of range.

    Example:
        >>> [learning_rate(t, policy="triangular2", init_lr=0.0, max_lr=1.0, step_size=2)
        ...  for t in range(9)]
        [0.0, 0.5, 1.0, 0.5, 0.0, 0.25, 0.5, 0.25, 0.0]
    """
    _check_policy(policy)
    if policy == CONSTANT:
        rate = arguments.learning_rate("init_lr", init_lr, at_least=0.0)
        return triangular(arguments.as_float64("step", step)) * rate
    init_lr, max_lr = arguments.learning_rates(
        "init_lr", init_lr, "max_lr", _given("max_lr", max_lr, policy)
    )
    if policy == "one_cycle":
        start_lr = max_lr / decays.DIV_FACTOR
        total = _given("steps", steps, policy)
        return decays.one_cycle_rate(step, total, start_lr=start_lr, max_lr=max_lr, end_lr=init_lr)
    place = height(step, policy=policy, step_size=step_size, steps=steps)
    if policy in ("triangular", "linear", "cosine"):
        return interpolate(init_lr, max_lr, place)
    factor = scale(step, policy=policy, step_size=step_size, gamma=gamma)
    if policy == "exp_range_bounds":
        return factor * interpolate(init_lr, max_lr, place)
    return interpolate(init_lr, max_lr, place * factor)


def lowest_rate(policy: str, max_lr: float) -> float:
    """Returns the lowest rate of a policy without a cycle, whose highest is `max_lr`."""
    lowest = {CONSTANT: max_lr, "linear": 0.0, "cosine": 0.0}
    return lowest.get(policy, max_lr / decays.DIV_FACTOR / decays.FINAL_DIV_FACTOR)


def interpolate(init_lr: float, max_lr: float, height: Steps) -> Steps:
    """Returns init_lr + (max_lr - init_lr) * height: exactly init_lr at height 0.

    Example:
        >>> interpolate(1.0, 3.0, 0.5)
        2.0
    """
    return init_lr + (max_lr - init_lr) * height


def _check_policy(policy: str) -> None:
    if policy not in POLICIES:
        raise ValueError(f"policy: must be one of {', '.join(POLICIES)}, got {policy!r}")


def _given(place: str, value: SupportsFloat | None, policy: str) -> SupportsFloat:
    if value is None:
        raise TypeError(f"{place}: must be given with policy {policy!r}")
    return value

"""The exact rate at which a trial ends, as a number or in terms of the bounds that are sampled."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from clr_sweep.config import SearchSpace
from clr_sweep.cycles import TrialPlan
from clr_sweep.schedules import policies


def final_rates(space: SearchSpace, plan: TrialPlan) -> dict[str, str]:
    """The rate that each cyclical policy of the space has reached when a trial of this plan ends.

    It is the rate at step `plan.steps`, counted from 0: at a trough exactly init_lr. Heights are
    exact fractions. Where all that decides it is fixed, it is a number, to nine digits, as many
    as Keras' float32 has; else an expression in `init_lr`, `max_lr` and `gamma`.
    """
    named = (space.policy,) if isinstance(space.policy, str) else space.policy
    return {policy: _rate(space, plan, policy) for policy in named if policy in policies.POLICIES}


def _rate(space: SearchSpace, plan: TrialPlan, policy: str) -> str:
    low, high, gamma = (_fixed(value) for value in (space.init_lr, space.max_lr, space.gamma))
    size, steps = plan.step_size, plan.steps
    height = Fraction(size - abs(steps % (2 * size) - size), size)
    if not height:
        return _text(low, "init_lr")
    if low is not None and high is not None and (policy != "exp_range" or gamma is not None):
        rate = policies.learning_rate(
            steps,
            policy=policy,
            init_lr=low,
            max_lr=high,
            step_size=size,
            gamma=1.0 if gamma is None else gamma,
        )
        return f"{rate:.9g}"
    if policy == "triangular2":
        height /= 2 ** (steps // (2 * size))
    init_lr, max_lr = _text(low, "init_lr"), _text(high, "max_lr")
    if policy == "exp_range" and gamma != 1:
        decay = f"{_text(gamma, 'gamma')}^{steps}"
        factor = decay if height == 1 else f"{_decimal(height)} x {decay}"
    elif height == 1:
        return max_lr
    else:
        factor = _decimal(height)
    return f"{init_lr} + {factor} x ({max_lr} - {init_lr})"


def _fixed(dimension: Any) -> float | None:
    """The value of a dimension that leaves nothing open, else None."""
    values = dimension if isinstance(dimension, tuple) else (dimension,)
    if len(values) > 1 or not isinstance(values[0], int | float):
        return None
    return float(values[0])


def _text(value: float | None, name: str) -> str:
    return name if value is None else f"{value:.9g}"


def _decimal(height: Fraction) -> str:
    """0.75 rather than 3/4, but 2/3 where no short decimal is exact."""
    decimal = f"{float(height):.6g}"
    return decimal if Fraction(decimal) == height else str(height)

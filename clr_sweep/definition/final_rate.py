"""The exact rate at which a trial ends, as a number or in terms of the bounds that are sampled."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from clr_sweep.definition.search_space import SearchSpace
from clr_sweep.definition.trial_plan import TrialPlan
from clr_sweep.schedules import policies


def final_rates(space: SearchSpace, plan: TrialPlan) -> dict[str, str]:
    """The rate that each cyclical policy of the space has reached when a trial of this plan ends.

    It is the rate at step `plan.steps`, counted from 0: at a trough exactly init_lr. Heights are
    exact fractions. Where all that decides it is fixed, it is a number, to nine digits, as many
    as Keras' float32 has; else an expression in `init_lr`, `max_lr` and `gamma`.
    """
    return {policy: _rate(space, plan, policy) for policy in space.cyclical_policies}


def _rate(space: SearchSpace, plan: TrialPlan, policy: str) -> str:
    low, high, gamma = (_fixed(value) for value in (space.init_lr, space.max_lr, space.gamma))
    size, steps = plan.step_size, plan.steps
    if policy not in policies.DECAYING:
        gamma = 1.0
    height = Fraction(size - abs(steps % (2 * size) - size), size)
    if low is not None and gamma is not None and (high is not None or not height):
        rate = policies.learning_rate(
            steps,
            policy=policy,
            init_lr=low,
            max_lr=low if high is None else high,
            step_size=size,
            gamma=gamma,
        )
        return f"{rate:.9g}"
    if policy == "triangular2":
        height /= 2 ** (steps // (2 * size))
    init_lr, max_lr = _text(low, "init_lr"), _text(high, "max_lr")
    decay = "" if gamma == 1 else f"{_text(gamma, 'gamma')}^{steps}"
    if policy == "exp_range_bounds" and decay:
        rate = _between(init_lr, max_lr, height, "")
        return f"{decay} x {rate if not height or height == 1 else f'({rate})'}"
    return _between(init_lr, max_lr, height, decay)


def _between(init_lr: str, max_lr: str, height: Fraction, decay: str) -> str:
    """The rate at a height between the bounds, its amplitude multiplied by `decay`, if any."""
    if not height:
        return init_lr
    if height == 1 and not decay:
        return max_lr
    factors = [_decimal(height)] * (height != 1) + [decay] * bool(decay)
    return f"{init_lr} + {' x '.join(factors)} x ({max_lr} - {init_lr})"


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

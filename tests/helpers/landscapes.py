"""Range tests on landscapes whose stability edge is known, in NumPy: no training, no time."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from clr_sweep.lr_range_test.curve import Curve
from clr_sweep.schedules.ramp import ramp


def quadratic(
    curvature: float,
    *,
    momentum: float = 0.0,
    noise: float = 0.1,
    seed: int = 0,
    steps: int = 1200,
    low: float = 1e-3,
    high: float = 10.0,
    kind: str = "exponential",
    start: float = 1.0,
) -> Curve:
    """SGD on curvature / 2 * (w - target)^2, whose target is drawn anew for each batch.

    Its edge is 2 (1 + momentum) / curvature: above it every step makes w larger.

    Args:
        noise: standard deviation of the target, with w beginning at `start`.
        low, high: of the ramp, in edges.
    """
    random, edge = np.random.default_rng(seed), 2.0 * (1 + momentum) / curvature
    rates = ramp(np.arange(steps), low=low * edge, high=high * edge, steps=steps, kind=kind)
    marks = np.linspace(0, steps, 41).round().astype(int)
    w, velocity, losses, values = start, 0.0, [], [-0.5 * curvature * start**2]
    with np.errstate(over="ignore", invalid="ignore"):
        for step, rate in enumerate(rates):
            gap = w - noise * random.standard_normal()
            losses.append(0.5 * curvature * gap * gap)
            velocity = momentum * velocity - rate * curvature * gap
            w = w + velocity
            if step + 1 in marks:
                values.append(-0.5 * curvature * w * w)
    with np.errstate(invalid="ignore"):
        return Curve(seed, steps, rates, np.array(losses), marks, {"val_score": np.array(values)})


def classifier(
    learns: float = 0.02,
    stops: float = 0.3,
    dies: float = 1.0,
    *,
    seed: int = 0,
    steps: int = 2400,
    low: float = 1e-5,
    high: float = 10.0,
    kind: str = "exponential",
    batch_noise: float = 0.05,
    jumps: float = 0.003,
    guessing: float = 2.3,
    lowest: float = 0.5,
) -> Curve:
    """What a small classifier shows: it learns, stops to improve, and dies (loss of guessing).

    Args:
        learns: the rate at which its accuracy has gained a fifth of all that it gains.
        stops: the rate at which it is best; then it falls slowly.
        dies: its stability edge.
    """
    random = np.random.default_rng(seed)
    rates = ramp(np.arange(steps), low=low, high=high, steps=steps, kind=kind)

    def learnt(at: np.ndarray) -> np.ndarray:
        height = np.log(at / learns) / np.log(stops / learns)
        rising = 1 / (1 + np.exp(-(4 * height - np.log(4.0))))
        falling = np.where(at > stops, 0.1 * np.log(np.maximum(at / stops, 1)), 0)
        return np.where(at < dies, rising - falling, 0.0)

    losses = guessing - (guessing - lowest) * learnt(rates)
    losses = losses + batch_noise * random.standard_normal(steps)
    marks = np.linspace(0, steps, 41).round().astype(int)
    at = rates[np.maximum(marks - 1, 0)]
    accuracies = 0.1 + 0.7 * learnt(at) + jumps * random.standard_normal(len(marks))
    return Curve(seed, steps, rates, losses, marks, {"val_accuracy": accuracies})


def stuck(at: float = 1.5e-4, *, seed: int = 0, steps: int = 2400, rises: float = 0.03) -> Curve:
    """A classifier that does not learn: its loss, that of guessing, only steps up a little.

    Args:
        at: the rate at which the loss steps up.
        rises: how far.
    """
    random = np.random.default_rng(seed)
    rates = ramp(np.arange(steps), low=1e-5, high=10.0, steps=steps, kind="exponential")
    losses = 2.3 + rises * (rates > at) + 0.002 * random.standard_normal(steps)
    marks = np.linspace(0, steps, 41).round().astype(int)
    # It says one class of everything, and now and then another one.
    accuracies = np.where(rates[np.maximum(marks - 1, 0)] > 2e-4, 0.13, 0.1)
    return Curve(seed, steps, rates, losses, marks, {"val_accuracy": accuracies})


def seeds(count: int = 3, **settings: float) -> Sequence[Curve]:
    """Several classifiers that differ in their noise alone."""
    return [classifier(seed=seed, **settings) for seed in range(count)]  # type: ignore[arg-type]

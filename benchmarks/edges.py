"""How often the range test finds a stability edge that is known: `python -m benchmarks.edges`.

SGD on curvature / 2 * (w - target)^2, the target drawn anew for each batch, while the rate rises
from a thousandth of the edge to ten times of it. With momentum m the edge is 2 (1 + m) / curvature.
Prints the table of docs/range-test.md.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from clr_sweep.lr_range_test.divergence import divergence
from clr_sweep.schedules.ramp import ramp

Array = npt.NDArray[np.float64]

MOMENTA, NOISES, STEPS = (0.0, 0.5, 0.9, 0.99), (0.02, 0.1, 0.3), (400, 1200, 3000)
SEEDS = 100
_LOW, _HIGH = 1e-3, 10.0  # of the ramp, in edges: four decades


@dataclass(frozen=True)
class Found:
    """What was found over the seeds, in parts of them.

    Attributes:
        near: within 20% of the edge.
        below: at less than half of it.
        none: no edge.
        medians: of three seeds at a time, what a range test goes by, within 20%.
    """

    near: float
    below: float
    none: float
    medians: float


def losses(momentum: float, noise: float, steps: int, seeds: int) -> tuple[Array, Array]:
    """Rates, in edges, and the losses of each seed, shape (seeds, steps).

    Args:
        noise: standard deviation of the target; w begins at 1.
    """
    edge = 2 * (1 + momentum)
    rates = ramp(
        np.arange(steps), low=_LOW * edge, high=_HIGH * edge, steps=steps, kind="exponential"
    )
    targets = [noise * np.random.default_rng(seed).standard_normal(steps) for seed in range(seeds)]
    found = np.empty((seeds, steps))
    w, velocity = np.ones(seeds), np.zeros(seeds)
    with np.errstate(over="ignore", invalid="ignore"):
        for step, target in enumerate(np.array(targets).T):
            found[:, step] = 0.5 * (w - target) ** 2
            velocity = momentum * velocity - rates[step] * (w - target)
            w = w + velocity
    return rates / edge, found


def measure(momentum: float, noise: float, steps: int, seeds: int = SEEDS) -> Found:
    """How often the edge, which is at 1, is found."""
    rates, curves = losses(momentum, noise, steps, seeds)
    found = [divergence(curve, rates, steps) for curve in curves]
    edges = np.array([np.nan if one is None else rates[min(one.edge, steps - 1)] for one in found])
    threes = np.median(edges[: seeds // 3 * 3].reshape(-1, 3), axis=1)
    return Found(
        near=float((np.abs(edges - 1) <= 0.2).mean()),
        below=float((edges < 0.5).mean()),
        none=float(np.isnan(edges).mean()),
        medians=float((np.abs(threes - 1) <= 0.2).mean()),
    )


def table(seeds: int = SEEDS) -> Iterator[str]:
    """The lines of the table: seeds within 20% of the edge, and below half of it."""
    yield (
        "| momentum | noise | "
        + " | ".join(f"{steps // 4} steps a decade" for steps in STEPS)
        + " |"
    )
    yield "|---|---|" + "---|" * len(STEPS)
    for momentum in MOMENTA:
        for noise in NOISES:
            cells = [_cell(measure(momentum, noise, steps, seeds)) for steps in STEPS]
            yield f"| {momentum:g} | {noise:g} | {' | '.join(cells)} |"


def _cell(found: Found) -> str:
    none = f", {found.none:.0%} none" if found.none else ""
    return f"{found.near:.0%} ({found.medians:.0%}), {found.below:.0%} low{none}"


if __name__ == "__main__":
    print("\n".join(table()))

"""One training whose rate rises once: when it is evaluated, when it ends, and what is recorded.

How a step is taken is the caller's: by a sweep's own loop, or by a model in hand.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from clr_sweep.lr_range_test.curve import Curve
from clr_sweep.lr_range_test.divergence import divergence
from clr_sweep.lr_range_test.settings import RangeTestConfig
from clr_sweep.training.requests import CHUNK, EVALUATIONS

# The training goes on for so much of the ramp once it has diverged, so that the figure shows it.
_BEYOND = 0.05

Train = Callable[[int, int, int], tuple[Any, Any]]
"""Takes the steps `first` to `last` (not included) of an epoch, counted from 1.

Returns the rate that each step used and the loss of its batch before the update, each of shape
(steps,); nothing after a loss that is not finite.
"""


def planned_steps(test: RangeTestConfig, steps_per_epoch: int) -> int:
    """Steps of the whole ramp."""
    return max(2, test.epochs * steps_per_epoch)


@dataclass
class Ramped:
    """A training on the ramp.

    Args:
        seed: of the curve.
        test: the epochs over which the rate rises.
        steps_per_epoch: of a whole epoch.
        train: takes steps, whose rates rise.
        evaluate: the metrics at this moment, by name.
    """

    seed: int
    test: RangeTestConfig
    steps_per_epoch: int
    train: Train
    evaluate: Callable[[], Mapping[str, float]]
    _rates: list[Any] = field(default_factory=list)
    _losses: list[Any] = field(default_factory=list)
    _evaluated: list[int] = field(default_factory=list)
    _metrics: dict[str, list[float]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._planned = planned_steps(self.test, self.steps_per_epoch)
        self._marks = {round(self._planned * i / EVALUATIONS) for i in range(1, EVALUATIONS + 1)}

    def curve(self) -> Curve:
        """Train, to the top of the ramp or until the training has clearly diverged."""
        self._evaluate(0)
        for epoch in range(1, self.test.epochs + 1):
            if not self._epoch(epoch):
                break
        return self._recorded()

    def _epoch(self, epoch: int) -> bool:
        """Whether to go on after it."""
        steps = self.steps_per_epoch
        start, first = (epoch - 1) * steps, 0
        while first < steps:
            ends = [mark - start for mark in self._marks if mark - start > first]
            last = min([first + CHUNK, steps, *ends])
            rates, losses = self.train(epoch, first, last)
            self._rates.append(rates)
            self._losses.append(losses)
            if not np.isfinite(losses[-1]):
                return False
            if start + last in self._marks:
                self._evaluate(start + last)
            if self._has_diverged():
                return False
            first = last
        return True

    def _evaluate(self, step: int) -> None:
        self._evaluated.append(step)
        for name, value in self.evaluate().items():
            self._metrics.setdefault(name, []).append(value)

    def _has_diverged(self) -> bool:
        curve = self._recorded()
        found = divergence(curve.losses, curve.rates, self._planned)
        return found is not None and len(curve.losses) > found.step + _BEYOND * self._planned

    def _recorded(self) -> Curve:
        return Curve(
            seed=self.seed,
            planned=self._planned,
            rates=np.concatenate(self._rates).astype("float64"),
            losses=np.concatenate(self._losses).astype("float64"),
            evaluated=np.array(self._evaluated, dtype=np.int64),
            metrics={name: np.array(values) for name, values in self._metrics.items()},
        )

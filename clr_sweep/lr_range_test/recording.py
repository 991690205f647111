"""One seed of a range test: a training whose rate rises once, from low to high.

It runs in a process of its own, on a model built for it, so that nothing of it (optimizer slots,
the step counter, batch normalisation's means, seed generators, the order of the data) reaches a
later training. Rate and loss of every step are recorded inside the graph, each loss beside the
rate of its own step.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from clr_sweep.lr_range_test.curve import Curve
from clr_sweep.lr_range_test.divergence import divergence
from clr_sweep.schedules.keras import RampLearningRate
from clr_sweep.training.compiling import check_objective
from clr_sweep.training.data.materialized import Dataset
from clr_sweep.training.durable import replaced
from clr_sweep.training.inspection import CHUNK
from clr_sweep.training.loop import epoch_order
from clr_sweep.training.requests import EVALUATED, EVALUATIONS, RangeTestJob
from clr_sweep.training.set_up import set_up

# The training goes on for so much of the ramp once it has diverged, so that the figure shows it.
_BEYOND = 0.05


def record_curve(job: RangeTestJob, data: Dataset) -> Curve:
    """Train one seed with a rising rate and write its curve, whole or not at all.

    The same job and data give the same curve to the bit on the same machine. It ends before the
    top of the ramp where the training has clearly diverged.

    Raises:
        InputError: the model does not measure the objective's metric.
        DiskFullError: the disk has no space left.
    """
    curve = _Recording(job, data).run()
    job.file.parent.mkdir(parents=True, exist_ok=True)
    with replaced(job.file) as part, part.open("wb") as opened:
        np.savez_compressed(opened, identity=job.identity, **curve.arrays())
    return curve


@dataclass
class _Recording:
    job: RangeTestJob
    data: Dataset
    rates: list[Any] = field(default_factory=list)
    losses: list[Any] = field(default_factory=list)
    evaluated: list[int] = field(default_factory=list)
    metrics: dict[str, list[float]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.ready = set_up(self.job.config, self.data, self.job.search_path, self._ramp)
        self.loop, held_out = self.ready.loop, self.ready.validation_rows
        # Evenly spread: the examples of a file may be sorted by their labels.
        shown = np.linspace(0, len(held_out) - 1, min(EVALUATED, len(held_out))).astype(int)
        self.rows = held_out[shown]
        self.marks = {round(self.planned * i / EVALUATIONS) for i in range(1, EVALUATIONS + 1)}

    def _ramp(self, steps_per_epoch: int) -> RampLearningRate:
        test = self.job.test
        self.planned = max(2, test.epochs * steps_per_epoch)
        return RampLearningRate(float(test.low), float(test.high), self.planned, test.ramp)

    def run(self) -> Curve:
        self._evaluate(0)
        check_objective(self.job.config, [name.removeprefix("val_") for name in self.metrics])
        for epoch in range(1, self.job.test.epochs + 1):
            if not self._epoch(epoch):
                break
        return self._curve()

    def _epoch(self, epoch: int) -> bool:
        """Whether to go on after it."""
        order = epoch_order(self.ready.train_rows, self.job.config.seed, epoch)
        steps = self.ready.steps_per_epoch
        start, first = (epoch - 1) * steps, 0
        while first < steps:
            ends = [mark - start for mark in self.marks if mark - start > first]
            last = min([first + CHUNK, steps, *ends])
            rates, losses = self.loop.train(order, first, last)
            self.rates.append(rates)
            self.losses.append(losses)
            if not np.isfinite(losses[-1]):
                return False
            if start + last in self.marks:
                self._evaluate(start + last)
            if self._has_diverged():
                return False
            first = last
        return True

    def _evaluate(self, step: int) -> None:
        self.evaluated.append(step)
        for name, value in self.loop.evaluate(self.rows).items():
            self.metrics.setdefault(f"val_{name}", []).append(value)

    def _has_diverged(self) -> bool:
        curve = self._curve()
        found = divergence(curve.losses, curve.rates, self.planned)
        return found is not None and len(curve.losses) > found.step + _BEYOND * self.planned

    def _curve(self) -> Curve:
        return Curve(
            seed=self.job.config.seed,
            planned=self.planned,
            rates=np.concatenate(self.rates).astype("float64"),
            losses=np.concatenate(self.losses).astype("float64"),
            evaluated=np.array(self.evaluated, dtype=np.int64),
            metrics={name: np.array(values) for name, values in self.metrics.items()},
        )

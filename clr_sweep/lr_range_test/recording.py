"""One seed of a sweep's range test: a training whose rate rises once, from low to high.

It runs in a process of its own, on a model built for it, so that nothing of it (optimizer slots,
the step counter, batch normalisation's means, seed generators, the order of the data) reaches a
later training. Rate and loss of every step are recorded inside the graph, each loss beside the
rate of its own step.
"""

from __future__ import annotations

import functools
from dataclasses import replace
from typing import Any

import numpy as np

from clr_sweep.lr_range_test.curve import Curve
from clr_sweep.lr_range_test.ramped import Ramped, planned_steps
from clr_sweep.lr_range_test.scale import scale_problems
from clr_sweep.schedules.keras import RampLearningRate
from clr_sweep.training.compiling import check_objective
from clr_sweep.training.data.materialized import Dataset
from clr_sweep.training.data.splits import epoch_order, evenly_spread
from clr_sweep.training.durable import replaced
from clr_sweep.training.requests import EVALUATED, RangeTestJob
from clr_sweep.training.set_up import set_up


def record_curve(job: RangeTestJob, data: Dataset) -> Curve:
    """Train one seed with a rising rate and write its curve, whole or not at all.

    The same job and data give the same curve to the bit on the same machine. It ends before the
    top of the ramp where the training has clearly diverged.

    Raises:
        InputError: the model does not measure the objective's metric.
        DiskFullError: the disk has no space left.
    """
    curve = _recorded(job, data)
    job.file.parent.mkdir(parents=True, exist_ok=True)
    with replaced(job.file) as part, part.open("wb") as opened:
        np.savez_compressed(opened, identity=job.identity, **curve.arrays())
    return curve


def _recorded(job: RangeTestJob, data: Dataset) -> Curve:
    test, seed = job.test, job.config.seed

    def ramp(steps_per_epoch: int) -> RampLearningRate:
        steps = planned_steps(test, steps_per_epoch)
        return RampLearningRate(float(test.low), float(test.high), steps, test.ramp)

    ready = set_up(job.config, data, job.search_path, ramp)
    loop, rows = ready.loop, evenly_spread(ready.validation_rows, EVALUATED)
    order = functools.lru_cache(1)(lambda epoch: epoch_order(ready.train_rows, seed, epoch))

    def train(epoch: int, first: int, last: int) -> tuple[Any, Any]:
        return loop.train(order(epoch), first, last)

    def evaluate() -> dict[str, float]:
        found = loop.evaluate(rows)
        check_objective(job.config, found)
        return {f"val_{name}": value for name, value in found.items()}

    curve = Ramped(seed, test, ready.steps_per_epoch, train, evaluate).curve()
    if not job.looks_at_scale:
        return curve
    return replace(curve, scale=scale_problems(ready.model, data.x_train, data.y_train))

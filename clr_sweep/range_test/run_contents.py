"""What the run of a range test holds in MLflow: it is written by this, and checked by it."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from clr_sweep.range_test.curve import Curve
from clr_sweep.range_test.rules import read
from clr_sweep.tracking import tags
from clr_sweep.tracking.trial_contents import Point
from clr_sweep.training.records import RangeTestRecord

FIGURE, NUMBERS = "figures/range_test.png", "range_test.yaml"
# A chart freezes at about 10,000 points a run.
_POINTS = 300


def parameters(record: RangeTestRecord) -> dict[str, object]:
    """The parameters of a range test's run: how it was done, and what its bounds hold for."""
    training = record.config.training
    return {
        "ramp": record.test.ramp,
        "low": record.test.low,
        "high": record.test.high,
        "epochs": record.test.epochs,
        "seeds": record.test.seeds,
        "rule": record.test.rule,
        "batch_size": training.batch_size,
        "optimizer": training.optimizer.name,
        "precision": training.precision,
        "model": record.config.model.name,
        "dataset": record.config.dataset.name,
        **training.optimizer.arguments,
    }


def warnings(record: RangeTestRecord) -> str:
    """The tag that says what speaks against the bounds, a line each; empty where nothing does."""
    found = record.suggestion
    return "\n".join(found.warnings if found else ())[: tags.TAG_LIMIT]


def points(record: RangeTestRecord) -> Iterator[Point]:
    """Every value that the run of a complete test holds, by optimizer step.

    Of each step that is shown the mean over the seeds that were still training; the seeds' own
    curves are artifacts.
    """
    found = record.suggestion
    if found is None:
        return
    for name, value in (("suggested_init_lr", found.base), ("suggested_max_lr", found.max)):
        yield Point(name, value, 0)
    curves = record.curves()
    longest = max(curves, key=lambda curve: len(curve.rates))
    steps = range(0, len(longest.rates), max(1, -(-longest.planned // _POINTS)))
    smoothed = [read(curve, record.metric, record.sign).losses for curve in curves]
    for step in steps:
        rate = float(longest.rates[step])
        yield Point("learning_rate", rate, step)
        yield Point("log10_learning_rate", math.log10(rate), step)
        for name, values in (
            ("batch_loss", [curve.losses for curve in curves]),
            ("smoothed_loss", smoothed),
        ):
            there = [float(v[step]) for v in values if step < len(v) and np.isfinite(v[step])]
            if there:
                yield Point(name, float(np.mean(there)), step)
    yield from _evaluations(curves)


def artifacts(record: RangeTestRecord) -> list[str]:
    """The files that the run of a complete test holds."""
    return [FIGURE, NUMBERS, *(f"curves/{file.name}" for file in record.files)]


def _evaluations(curves: tuple[Curve, ...]) -> Iterator[Point]:
    for name in curves[0].metrics:
        found: dict[int, list[float]] = {}
        for curve in curves:
            for step, value in zip(curve.evaluated, curve.metrics[name], strict=True):
                if np.isfinite(value):
                    found.setdefault(int(step), []).append(float(value))
        for step, values in sorted(found.items()):
            yield Point(name, float(np.mean(values)), step)

"""What the tests of comparisons share: trials of any metric, and what is said of a difference."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

from clr_sweep.definition.sweep import Objective
from clr_sweep.results.comparison import Comparison
from clr_sweep.training.records import TrialRecord


def gain(found: Comparison, metric: str) -> float | None:
    """By how much the best trial is better."""
    difference = found.difference(metric)
    assert difference is not None
    return difference.gain


def measured(
    build: Any, number: int | None, metric: str, direction: str, *, of: str = "mean_squared_error",
    metrics: Sequence[str] = (), **values: float,
) -> TrialRecord:  # fmt: skip
    """A complete trial, or the baseline, with these metrics alone."""
    config = build.config(
        "constant" if number is None else "triangular2", 0.01 if number is None else 0.0012,
        metrics=tuple(metrics), loss=of,
    )  # fmt: skip
    objective = Objective(metric=metric, direction=direction)  # type: ignore[arg-type]
    config = config.model_copy(update={"objective": objective})
    record = build.trial(number, config=config)
    test = {name: value for name, value in values.items() if name.startswith("test_")}
    rest = {name: value for name, value in values.items() if name not in test}
    return dataclasses.replace(
        record, value=values[metric], metrics=rest, test_metrics=test,
        reports=tuple(dataclasses.replace(report, metrics=rest) for report in record.reports),
    )  # fmt: skip

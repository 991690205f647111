"""What docs/results.md says of results that others published, and of those that were run here."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterable

import numpy as np

from benchmarks.documented import sums
from benchmarks.documented.blocks import table
from benchmarks.documented.kept import read
from benchmarks.documented.seeds import kept_tests
from clr_sweep.results import words
from clr_sweep.schedules import policies
from clr_sweep.training.records import StudyRecord, TrialRecord

TUTORIAL = ("tutorial_constant", "tutorial", "tutorial_aligned")
"""Its sweeps: without cycles, as it is, and with tested bounds and cycles that end in time."""
# Printed in the tutorial (https://www.tensorflow.org/addons/tutorials/optimizers_cyclicallearningrate).
_TUTORIAL_THERE = {"tutorial_constant": 0.7466, "tutorial": 0.6921}
# Printed in https://keras.io/examples/vision/mixup, of the run without mixup: at the ends of these
# epochs, and on the test set.
_KERAS_IO_THERE, _KERAS_IO_TEST = {1: 0.7305, 5: 0.8435, 10: 0.8715}, 0.8645


def rates_of(trial: TrialRecord) -> np.ndarray:
    """The rate of each step, float64 of shape (steps,)."""
    schedule = trial.config.schedule
    return policies.learning_rate(
        np.arange(trial.config.steps), init_lr=schedule.init_lr, max_lr=schedule.max_lr,
        gamma=schedule.gamma, **schedule.shape,
    )  # fmt: skip


def _tutorial(_sweep: str) -> str:
    without = [trial.value or 0.0 for trial in _seeds("tutorial_constant")]
    rows = []
    for sweep in TUTORIAL:
        trials = _seeds(sweep)
        values = [trial.value or 0.0 for trial in trials]
        there = _TUTORIAL_THERE.get(sweep)
        gains = [100 * (one - other) for one, other in zip(values, without, strict=True)]
        rows.append([
            words.bounds(trials[0]), "-" if there is None else words.value(there),
            *_spread(values),
            "-" if sweep == "tutorial_constant" else
            f"{statistics.mean(gains):+.2f} ({min(gains):+.2f} to {max(gains):+.2f})",
        ])  # fmt: skip
    head = ["schedule", "there", "here, mean of 5", "deviation, points", "lowest to highest"]
    return table([*head, "points against constant, seed by seed"], rows)


def _tutorial_rates(_sweep: str) -> str:
    rows = []
    without = rates_of(_seeds("tutorial_constant")[0]).sum()
    for sweep in TUTORIAL:
        trial = _seeds(sweep)[0]
        rates, size = rates_of(trial), trial.config.schedule.step_size
        rows.append([
            words.bounds(trial), f"{len(rates) / (2 * size):.2f}" if size else "-",
            f"{rates.sum():.1f}", f"{rates.sum() / without:.2f}", words.rate(float(rates[-1])),
        ])  # fmt: skip
    head = ["schedule", "cycles", "sum of the rates of all steps", "part of constant's"]
    return table([*head, "last rate"], rows)


def _keras_io(sweep: str) -> str:
    tests = kept_tests()
    rows, found = [], []
    for trial in _seeds(sweep):
        at = {report.epoch: report.metrics["val_accuracy"] for report in trial.reports}
        assert trial.number is not None
        found.append([*(at[epoch] for epoch in _KERAS_IO_THERE), tests[trial.number]])
        rows.append([f"seed {trial.number}", *map(words.value, found[-1])])
    means = [statistics.mean(column) for column in zip(*found, strict=True)]
    spreads = [statistics.stdev(column) for column in zip(*found, strict=True)]
    rows += [
        ["mean", *map(words.value, means)],
        ["standard deviation, points", *(f"{100 * spread:.2f}" for spread in spreads)],
        ["keras.io", *map(words.value, [*_KERAS_IO_THERE.values(), _KERAS_IO_TEST])],
    ]
    head = [f"validation, epoch {epoch}" for epoch in _KERAS_IO_THERE]
    return table(["", *head, "test"], rows)


def _rate_curve(sweep: str) -> str:
    rows = []
    for trial in by_rate(read(sweep).study):
        diverged = trial.state == "diverged"
        rows.append([
            words.rate(trial.config.schedule.max_lr),
            "diverged" if diverged else words.value(trial.value or 0.0),
            f"no finite loss from step {trial.divergence.step:,} on, in epoch "
            f"{trial.divergence.epoch}" if trial.divergence else "",
        ])  # fmt: skip
    if not any(row[-1] for row in rows):
        return table(["constant rate", "validation accuracy"], [row[:-1] for row in rows])
    return table(["constant rate", "validation accuracy", ""], rows)


def by_rate(study: StudyRecord) -> list[TrialRecord]:
    """The trials, the smallest rate first."""
    return sorted(study.trials, key=lambda trial: trial.config.schedule.max_lr)


def _seeds(sweep: str) -> tuple[TrialRecord, ...]:
    """The trials of a sweep of one configuration, which differ in their seeds alone."""
    study = read(sweep).study
    assert sums.is_one_point(study)
    return study.trials


def _spread(values: Iterable[float]) -> list[str]:
    known = list(values)
    return [
        words.value(statistics.mean(known)),
        f"{100 * statistics.stdev(known):.2f}",
        f"{words.value(min(known))} to {words.value(max(known))}",
    ]


BLOCKS: dict[tuple[str, str], tuple[Callable[[str], str], str]] = {
    ("docs/results.md", "tutorial"): (_tutorial, "tutorial"),
    ("docs/results.md", "tutorial-rates"): (_tutorial_rates, "tutorial"),
    ("docs/results.md", "keras-io"): (_keras_io, "keras_io"),
    ("docs/results.md", "rate-curve"): (_rate_curve, "rate_curve"),
}

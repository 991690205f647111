"""Draws where the recorded trials diverged or collapsed: `python -m benchmarks.recorded.figure`.

Makes `docs/images/divergence.png` from the recorded curves. The loss before the first step was not
recorded; guessing among the ten classes, ln 10, stands in its place.
"""

from __future__ import annotations

import math
from pathlib import Path

from benchmarks.recorded.curves import RecordedTrial, read
from clr_sweep.definition.loading import load_sweep
from clr_sweep.definition.trial_config import TrialConfig
from clr_sweep.results import style
from clr_sweep.results.figures import divergence_figure
from clr_sweep.training.records import StudyRecord, TrialRecord
from clr_sweep.training.reports import EpochReport, StepPoint

PROJECT = Path(__file__).parents[2]
IMAGE = PROJECT / "docs" / "images" / "divergence.png"
_GUESSING = math.log(10)


def recorded_study() -> StudyRecord:
    """The recorded trials as a study would have stored them."""
    trials = tuple(_record(trial) for trial in read())
    return StudyRecord("recorded", "val_accuracy", "maximize", trials, None)


def _record(trial: RecordedTrial) -> TrialRecord:
    sweep = load_sweep(PROJECT / "sweeps" / "fashion_mnist.yaml")
    config = TrialConfig(
        dataset=sweep.dataset, model=sweep.model, training=sweep.training, schedule=trial.schedule,
        objective=sweep.objective, steps=trial.ends[-1], seed=0, split_seed=0,
    )  # fmt: skip
    reports = []
    for i, end in enumerate(trial.ends):
        metrics = {name: curve[i] for name, curve in trial.curves.items()}
        losses = [_GUESSING, metrics["loss"]] if i == 0 else [metrics["loss"]]
        points = tuple(StepPoint(end, 0.0, loss) for loss in losses)
        reports.append(EpochReport(i + 1, end, metrics, 0.0, 0.0, points))
    state = "complete" if trial.value is not None else "diverged"
    return TrialRecord(
        "trial", trial.number, state, None, config, Path(), value=trial.value,
        reports=tuple(reports),
    )  # fmt: skip


if __name__ == "__main__":
    style.save(divergence_figure(recorded_study()), IMAGE)
    print(IMAGE.relative_to(PROJECT))

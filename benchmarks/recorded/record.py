"""Puts the curves of a study's ended trials into one compressed file.

    python -m benchmarks.recorded.record sqlite:///optuna.db recorded

reads the study `recorded` in that storage and writes `fashion_mnist.json.gz` beside this file. The
study is the default sweep with `sampler: random, pruner: none`, so that its trials are exchangeable
and whole.
"""

from __future__ import annotations

import sys
from pathlib import Path

from benchmarks.recorded.curves import FILE, RecordedTrial, write
from clr_sweep.search.reading import read_study
from clr_sweep.search.storage import load_study, open_storage
from clr_sweep.training.records import TrialRecord


def main(storage: str, name: str, file: Path = FILE) -> None:
    study = read_study(load_study(open_storage(storage, must_exist=True), name))
    trials = [_recorded(trial) for trial in study.trials if trial.state in ("complete", "diverged")]
    write(trials, file)
    print(f"{len(trials)} trials in {file} ({file.stat().st_size / 1024:.0f} KiB)")


def _recorded(trial: TrialRecord) -> RecordedTrial:
    assert trial.number is not None
    names = ("val_accuracy", "val_loss", "accuracy", "loss")
    return RecordedTrial(
        number=trial.number,
        params=dict(trial.params),
        schedule=trial.config.schedule,
        ends=[report.step for report in trial.reports],
        curves={
            name: [round(report.metrics.get(name, float("nan")), 6) for report in trial.reports]
            for name in names
        },
        value=trial.value,
    )


if __name__ == "__main__":
    main(*sys.argv[1:3])

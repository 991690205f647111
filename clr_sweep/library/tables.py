"""Trials, epochs and steps as pandas' tables."""

from __future__ import annotations

from typing import Any

import pandas as pd

from clr_sweep.results.curves import epochs_done, steps_done
from clr_sweep.results.words import further
from clr_sweep.schedules.policies import DECAYING
from clr_sweep.search.lost_files import refuse_lost
from clr_sweep.training.folder import TrialFolder
from clr_sweep.training.records import StudyRecord, TrialRecord


def trials_table(study: StudyRecord) -> pd.DataFrame:
    """The trials, one a row, by their numbers; see `Study.trials`."""
    rows = [_row(trial) for trial in study.trials]
    index = pd.Index([trial.number for trial in study.trials], name="number", dtype="int64")
    if not rows:
        return pd.DataFrame(index=index, columns=["state", "value"])
    first = ("state", "value", "policy", "init_lr", "max_lr", "step_size_factor", "gamma")
    last = ("epochs", "steps", "cpu_seconds", "wall_seconds", "reason")
    found = dict.fromkeys(name for row in rows for name in row)
    columns = [*first, *(name for name in found if name not in (*first, *last)), *last]
    table = pd.DataFrame(rows, index=index, columns=columns)
    # Of the policies in it none may decay.
    return table.drop(columns=[] if table["gamma"].notna().any() else ["gamma"])


def epochs_table(trial: TrialRecord) -> pd.DataFrame:
    """What a trial measured at the end of each epoch; see `Trial.epochs_table`."""
    if not trial.reports:
        refuse_lost(trial, "epochs.jsonl")
    rows = [
        {"step": report.step, **report.metrics, "cpu_seconds": report.cpu_seconds}
        for report in trial.reports
    ]
    index = pd.Index([report.epoch for report in trial.reports], name="epoch", dtype="int64")
    return pd.DataFrame(rows, index=index)


def steps_table(trial: TrialRecord) -> pd.DataFrame:
    """The rate and the loss of every step of a trial that has ended; see `Trial.steps_table`."""
    folder = TrialFolder(trial.folder)
    if (curve := folder.curve()) is None:
        refuse_lost(trial, folder.curve_file.name)
    rates, losses = curve or ((), ())
    columns: dict[str, Any] = {"learning_rate": rates, "batch_loss": losses}
    if (momenta := folder.momenta()) is not None:
        columns["momentum"] = momenta
    return pd.DataFrame(columns, index=pd.RangeIndex(len(rates), name="step"))


def _row(trial: TrialRecord) -> dict[str, Any]:
    schedule = trial.config.schedule
    return {
        "state": trial.state,
        "value": trial.value,
        "policy": schedule.policy,
        "init_lr": schedule.init_lr,
        "max_lr": schedule.max_lr,
        "step_size_factor": schedule.step_size_factor if schedule.is_cyclical else None,
        "gamma": schedule.gamma if schedule.policy in DECAYING else None,
        **further(trial),
        **trial.metrics,
        **trial.test_metrics,
        "epochs": epochs_done(trial),
        "steps": steps_done(trial),
        "cpu_seconds": trial.cpu_seconds,
        "wall_seconds": trial.wall_seconds,
        "reason": trial.reason,
    }

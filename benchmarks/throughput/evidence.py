"""What a contestant did, from what it left: read after the clock has stopped."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlparse

from benchmarks.throughput.workload import Workload


@dataclass(frozen=True)
class Evidence:
    """Of each trial, in their order.

    Attributes:
        epochs: validated.
        val_accuracy: after the last of them.
        models: how many of the trials have their model logged.
    """

    epochs: list[int]
    val_accuracy: list[float]
    models: int

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def evidence(contestant: str, folder: Path, workload: Workload) -> Evidence:
    """What the contestant left in its folder.

    Raises:
        SystemExit: it did not do the work: a trial is missing, short or without its model, or
            the trials of this project are not the fixed ones.
    """
    found = dict(_bare(folder) if contestant == "limit" else _tracked(folder))
    wanted = [str(params["max_lr"]) for params in workload.trials]
    if sorted(found) != sorted(wanted):
        raise SystemExit(
            f"{contestant}: must have trained the trials of max_lr {', '.join(sorted(wanted))}, "
            f"but {folder} holds {', '.join(sorted(found)) or 'none'}"
        )
    curves = [found[key][0] for key in wanted]
    models = sum(found[key][1] for key in wanted)
    for key, curve in zip(wanted, curves, strict=True):
        if len(curve) != workload.epochs or not all(map(math.isfinite, curve)):
            raise SystemExit(
                f"{contestant}: the trial of max_lr {key} must have {workload.epochs} epochs, "
                f"each with its val_accuracy, got {curve}"
            )
    if contestant != "limit" and models != len(wanted):
        raise SystemExit(
            f"{contestant}: must log the model of each of {len(wanted)} trials, logged {models}"
        )
    if contestant == "ours":
        check_own_study(folder, workload)
    return Evidence([len(c) for c in curves], [c[-1] for c in curves], models)


def check_own_study(folder: Path, workload: Workload) -> None:
    """That this project's sweep ran the very parameters that the others were given.

    Raises:
        SystemExit: it sampled others.
    """
    import optuna

    storage = f"sqlite:///{folder / 'optuna.db'}"
    (summary,) = optuna.get_all_study_summaries(storage)
    study = optuna.load_study(study_name=summary.study_name, storage=storage)
    ran = [trial.params for trial in study.get_trials(deepcopy=False)]
    if ran != [dict(params) for params in workload.trials[1:]]:
        raise SystemExit(f"ours: must run {list(workload.trials[1:])}, the study has {ran}")


def _bare(folder: Path) -> Iterator[tuple[str, tuple[list[float], bool]]]:
    for file in sorted(folder.glob("outcomes-*.json")):
        for key, curve in json.loads(file.read_text()).items():
            yield key, (curve, False)


def _tracked(folder: Path) -> Iterator[tuple[str, tuple[list[float], bool]]]:
    """By max_lr as it was logged: val_accuracy at each step, and whether there is a model."""
    from mlflow import MlflowClient

    client = MlflowClient(f"sqlite:///{folder / 'mlflow.db'}")
    ids = [experiment.experiment_id for experiment in client.search_experiments()]
    logged = {
        model.source_run_id: model.artifact_location
        for experiment in ids
        for model in client.search_logged_models([experiment])
    }
    for run in client.search_runs(ids):
        if "max_lr" not in run.data.params or run.info.status != "FINISHED":
            continue
        history = client.get_metric_history(run.info.run_id, "val_accuracy")
        curve = {point.step: point.value for point in history}
        places = [run.info.artifact_uri, logged.get(run.info.run_id)]
        has_model = any(_holds_model(place) for place in places if place)
        key = str(float(run.data.params["max_lr"]))
        yield key, ([curve[step] for step in sorted(curve)], has_model)


def _holds_model(uri: str) -> bool:
    files = Path(urlparse(uri).path).rglob("*.keras")
    return any(file.stat().st_size for file in files)

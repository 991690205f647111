"""A study with its runs, and every defect that the run of one of its trials can have."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

from mlflow.entities import Metric, Run, ViewType
from small_studies import SmallStudy, text_of

from clr_sweep.study.publishing import Publisher
from clr_sweep.tracking import tags
from clr_sweep.tracking.logged_models import model_of_run
from clr_sweep.training.records import StudyRecord, TrialRecord


class Place:
    """A copy of the study, to do something to."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.study = SmallStudy(folder)
        self.publisher: Publisher = self.study.publisher()
        self.runs = self.publisher.runs
        self.client = self.runs.client

    @property
    def record(self) -> StudyRecord:
        return self.study.record

    def trial(self, key: str) -> TrialRecord:
        return next(record for record in self.record.all if record.key == key)

    def run(self, key: str) -> Run:
        """The run of a trial; an error if it has two."""
        (run,) = self.runs.runs_of(self.trial(key))
        return run

    def all_runs(self) -> list[str]:
        """The ids of all active runs."""
        experiments = [item.experiment_id for item in self.client.search_experiments()]
        found = self.client.search_runs(experiments, run_view_type=ViewType.ACTIVE_ONLY)
        return sorted(run.info.run_id for run in found)

    def reconcile(self, *, mend: bool) -> list[str]:
        return self.publisher.trial_runs.reconcile(self.record, mend=mend)

    def sql(self, statement: str, *values: object) -> int:
        """Change the database behind MLflow's back; the rows changed."""
        with sqlite3.connect(self.folder / "mlflow.db") as connection:
            changed = connection.execute(statement, values).rowcount
        connection.close()
        return changed

    def artifact(self, key: str, name: str) -> Path:
        uri = self.run(key).info.artifact_uri
        return Path(uri.removeprefix("file://")) / name

    def dump(self) -> str:
        return text_of(self.folder / "mlflow.db")

    def values(self, key: str) -> dict[str, list[tuple[int, float]]]:
        """All metrics of a run, but for times."""
        run_id = self.run(key).info.run_id
        return {
            name: sorted((m.step, m.value) for m in self.client.get_metric_history(run_id, name))
            for name in self.run(key).data.metrics
            if "seconds" not in name
        }


Break = Callable[[Place, str], object]


def no_metric(name: str, condition: str = "1") -> Break:
    def broken(place: Place, key: str) -> None:
        run_id = place.run(key).info.run_id
        changed = place.sql(
            f"DELETE FROM metrics WHERE run_uuid = ? AND key = ? AND {condition}", run_id, name
        )
        assert changed > 0
        if condition == "1":
            changed = place.sql(
                "DELETE FROM latest_metrics WHERE run_uuid = ? AND key = ?", run_id, name
            )
            assert changed == 1

    return broken


def _log(name: str, value: float, step: int) -> Break:
    def broken(place: Place, key: str) -> None:
        run_id = place.run(key).info.run_id
        place.client.log_batch(run_id, metrics=[Metric(name, value, 12345, step)])

    return broken


def _twice(place: Place, key: str) -> None:
    run_id = place.run(key).info.run_id
    (step, value), *_ = place.values(key)["val_accuracy"]
    place.client.log_batch(run_id, metrics=[Metric("val_accuracy", value, 12345, step)])


def _sql(statement: str) -> Break:
    def broken(place: Place, key: str) -> None:
        assert place.sql(statement, place.run(key).info.run_id) == 1

    return broken


def _artifact(name: str) -> Break:
    return lambda place, key: place.artifact(key, name).unlink()


def _tag(name: str, value: str) -> Break:
    return lambda place, key: place.client.set_tag(place.run(key).info.run_id, name, value)


def _untag(name: str) -> Break:
    return lambda place, key: place.client.delete_tag(place.run(key).info.run_id, name)


def another_status(status: str) -> Break:
    return lambda place, key: place.client.update_run(place.run(key).info.run_id, status=status)


def _model(place: Place, key: str) -> Any:
    output = model_of_run(place.client, place.run(key).info.run_id)
    assert output is not None
    return place.client.get_logged_model(output.model_id)


def _no_model_files(place: Place, key: str) -> None:
    shutil.rmtree(_model(place, key).artifact_location.removeprefix("file://"))


def _model_pending(place: Place, key: str) -> None:
    model_id = _model(place, key).model_id
    assert place.sql("UPDATE logged_models SET status = 1 WHERE model_id = ?", model_id) == 1
    assert place.client.get_logged_model(model_id).status == "PENDING"


def _second_model(place: Place, key: str) -> None:
    run = place.run(key).info
    place.client.create_logged_model(run.experiment_id, name="model", source_run_id=run.run_id)


def _no_model(place: Place, key: str) -> None:
    run_id = place.run(key).info.run_id
    assert place.sql(
        "DELETE FROM inputs WHERE source_id = ? AND source_type = 'RUN_OUTPUT'", run_id
    )


# What is broken, of which trials, what is said; whether the run is completed, or made anew.
DEFECTS: dict[str, tuple[Break, tuple[str, ...], str, bool]] = {
    "a value": (
        no_metric("val_accuracy", "step = 1"), ("0", "2", "3", "5", "baseline"),
        "1 value not logged (val_accuracy)", True,
    ),
    "a value of the curve": (
        no_metric("learning_rate", "step = 3"), ("0",), "1 value not logged (learning_rate)", True,
    ),
    "a metric": (
        no_metric("batch_loss"), ("0", "5"), "values not logged (batch_loss)", True,
    ),
    "a test metric": (
        no_metric("test_loss"), ("baseline",), "1 value not logged (test_loss)", True,
    ),
    "a time": (
        no_metric("trial_cpu_seconds"), ("4",), "1 value not logged (trial_cpu_seconds)", True,
    ),
    "another value": (_log("val_loss", 17.5, 1), ("0",), "val_loss is", False),
    "a value twice": (_twice, ("0", "4", "5"), "val_accuracy is logged twice at step 1", False),
    "a foreign step": (
        _log("val_accuracy", 0.5, 99), ("0", "5"), "val_accuracy has a value at step 99", False,
    ),
    "a parameter": (
        _sql("DELETE FROM params WHERE run_uuid = ? AND key = 'max_lr'"), ("0", "4", "5"),
        "no parameter max_lr", True,
    ),
    "another parameter": (
        _sql("UPDATE params SET value = '17' WHERE run_uuid = ? AND key = 'max_lr'"), ("0", "5"),
        "parameter max_lr is 17, not", False,
    ),
    "config.yaml": (_artifact("config.yaml"), ("4",), "no artifact config.yaml", True),
    "the curve": (_artifact("curves/curve.npz"), ("0",), "no artifact curves/curve.npz", True),
    "a figure": (
        _artifact("figures/learning_rate.png"), ("3",), "no artifact figures/learning_r", True,
    ),
    "another figure": (_artifact("figures/loss.png"), ("2",), "no artifact figures/loss", True),
    "the log": (_artifact("log.txt"), ("4",), "no artifact log.txt", True),
    "the model": (_no_model, ("0",), "it has not one whole model", True),
    "the model's files": (_no_model_files, ("2",), "it has not one whole model", True),
    "half a model": (_model_pending, ("0",), "it has not one whole model", True),
    "a second model": (_second_model, ("0",), "it has not one whole model", True),
    "the state": (_tag(tags.STATE, "running"), ("0", "4", "5"), "its state is running", True),
    "the status": (another_status("RUNNING"), ("0", "3", "5"), "its status is RUNNING, not", True),
    "a false end": (another_status("FINISHED"), ("4", "5"), "its status is FINISHED, not", True),
    "the parent": (_tag(tags.PARENT, "0" * 32), ("0", "5"), "not below the sweep's run", True),
    "no parent": (_untag(tags.PARENT), ("0",), "not below the sweep's run", True),
    "a reason": (_tag(tags.REASON, "stale"), ("0", "3", "4"), "its reason is not", True),
    "no reason": (_untag(tags.REASON), ("2", "4"), "its reason is not", True),
    "the retries": (_tag(tags.RETRIES, "7"), ("0",), "the number of its retries", True),
    "the note": (_untag(tags.NOTE), ("0",), "no description", True),
}  # fmt: skip

"""Every defect that a trial's run can have: found, mended, and then gone."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from mlflow.entities import Metric, Run, ViewType
from optuna.trial import TrialState
from small_studies import SmallStudy, copied, text_of

from clr_sweep.publishing import Publisher
from clr_sweep.records import StudyRecord, TrialRecord
from clr_sweep.tracking import tags
from clr_sweep.tracking.models import model_of_run
from clr_sweep.training.folder import TrialFolder


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A study with a trial in each state, and its runs."""
    folder = tmp_path_factory.mktemp("whole")
    with pytest.MonkeyPatch.context() as patched:
        patched.chdir(folder)
        study = SmallStudy(folder)
        for state in ("complete", "complete", "pruned", "diverged", "failed", "interrupted"):
            study.add(state)  # type: ignore[arg-type]
        study.add_baseline()
        study.test_best()
        study.finish("interrupted")
    return folder


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


@pytest.fixture
def place(whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    """A study that is whole, in a folder of its own."""
    folder = tmp_path / "copy"
    copied(whole, folder)
    monkeypatch.chdir(folder)
    return Place(folder)


def test_a_whole_study_has_nothing_to_mend(place: Place) -> None:
    """And nothing is written for it."""
    before = place.dump()
    assert place.reconcile(mend=False) == []
    assert place.reconcile(mend=True) == []
    assert place.dump() == before


Break = Callable[[Place, str], object]


def _metric(name: str, condition: str = "1") -> Break:
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


def _status(status: str) -> Break:
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
        _metric("val_accuracy", "step = 1"), ("0", "2", "3", "5", "baseline"),
        "1 value not logged (val_accuracy)", True,
    ),
    "a value of the curve": (
        _metric("learning_rate", "step = 3"), ("0",), "1 value not logged (learning_rate)", True,
    ),
    "a metric": (
        _metric("batch_loss"), ("0", "5"), "values not logged (batch_loss)", True,
    ),
    "a test metric": (_metric("test_loss"), ("baseline",), "1 value not logged (test_loss)", True),
    "a time": (
        _metric("trial_cpu_seconds"), ("4",), "1 value not logged (trial_cpu_seconds)", True,
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
    "the status": (_status("RUNNING"), ("0", "3", "5"), "its status is RUNNING, not", True),
    "a false end": (_status("FINISHED"), ("4", "5"), "its status is FINISHED, not", True),
    "the parent": (_tag(tags.PARENT, "0" * 32), ("0", "5"), "not below the sweep's run", True),
    "no parent": (_untag(tags.PARENT), ("0",), "not below the sweep's run", True),
    "a reason": (_tag(tags.REASON, "stale"), ("0", "3", "4"), "its reason is not", True),
    "no reason": (_untag(tags.REASON), ("2", "4"), "its reason is not", True),
    "the retries": (_tag(tags.RETRIES, "7"), ("0",), "the number of its retries", True),
    "the note": (_untag(tags.NOTE), ("0",), "no description", True),
}  # fmt: skip


@pytest.mark.heavy
@pytest.mark.parametrize("defect", DEFECTS)
def test_a_defect_is_found_and_mended(place: Place, defect: str) -> None:
    """Looking alone changes nothing; mending leaves what was there; a second look finds nothing."""
    broken, keys, said, completed = DEFECTS[defect]
    ids = {key: place.run(key).info.run_id for key in keys}
    values = {key: place.values(key) for key in keys}
    others = set(place.all_runs()) - set(ids.values())
    for key in keys:
        broken(place, key)

    before = place.dump()
    found = place.reconcile(mend=False)
    assert place.dump() == before
    labels = {place.trial(key).label for key in keys}
    assert {text.partition(": ")[0] for text in found} == labels
    assert {text.partition(": ")[0] for text in found if said in text} == labels

    assert place.reconcile(mend=True) == found
    after = place.dump()
    assert place.reconcile(mend=False) == []
    assert place.reconcile(mend=True) == []
    assert place.dump() == after
    for key in keys:
        run = place.run(key)
        assert (run.info.run_id == ids[key]) == completed
        assert place.values(key) == values[key]
        assert run.info.status == tags.STATUS_OF_STATE[place.trial(key).state]
    assert others <= set(place.all_runs())
    assert len(place.all_runs()) == 8


def test_what_users_added_is_left_alone(place: Place) -> None:
    """Their parameters, metrics, tags and files, also where the run is completed."""
    run_id = place.run("0").info.run_id
    place.client.log_param(run_id, "mine", "1")
    place.client.log_metric(run_id, "mine", 1.5, step=7)
    place.client.set_tag(run_id, "mine", "yes")
    place.client.log_text(run_id, "my notes", "mine.txt")
    place.client.log_text(run_id, "my notes", "figures/mine.txt")
    assert place.reconcile(mend=False) == []
    _metric("val_loss")(place, "0")
    assert len(place.reconcile(mend=True)) == 1
    run = place.client.get_run(run_id)
    assert run.data.params["mine"] == "1"
    assert run.data.metrics["mine"] == 1.5
    assert run.data.tags["mine"] == "yes"
    assert place.artifact("0", "mine.txt").read_text() == "my notes"
    assert place.artifact("0", "figures/mine.txt").read_text() == "my notes"
    assert place.reconcile(mend=False) == []


@pytest.mark.parametrize("key", ["0", "2", "3", "4", "5", "baseline"])
def test_a_trial_without_a_run(place: Place, key: str) -> None:
    """Its run is made from its folder, as it was."""
    before, gone = place.values(key), place.run(key)
    place.client.delete_run(gone.info.run_id)
    text = f"{place.trial(key).label}: it has no run in MLflow"
    assert place.reconcile(mend=False) == [text]
    assert place.reconcile(mend=True) == [text]
    assert place.reconcile(mend=True) == []
    assert place.values(key) == before
    run = place.run(key)
    assert run.data.params == gone.data.params
    differ = {name for name in gone.data.tags if run.data.tags.get(name) != gone.data.tags[name]}
    assert differ <= {"mlflow.user"}
    assert (run.info.status, run.info.run_name) == (gone.info.status, gone.info.run_name)


def test_a_second_run(place: Place) -> None:
    """The one that is right stays, wherever it stands in MLflow's order."""
    run_id = place.run("0").info.run_id
    for copy in ("baseline", "0"):
        place.runs.start_child(place.trial(copy))
    found = place.reconcile(mend=False)
    assert place.reconcile(mend=True) == found
    assert [text for text in found if "second run" in text]
    assert place.reconcile(mend=False) == []
    assert len(place.all_runs()) == 8
    assert place.run("0").info.run_id in {run_id, place.publisher.run_id(place.trial("0"))}


def test_a_run_without_a_trial(place: Place) -> None:
    """A number that the study does not have; the run is deleted, and can be restored."""
    own = {tags.KIND: "trial", tags.TRIAL_NUMBER: "77", tags.STUDY_ID: place.runs.study_id}
    made = place.client.create_run(place.runs.experiment_id, tags=own, run_name="trial-077")
    assert place.reconcile(mend=False) == ["run trial-077: the study has no such trial"]
    assert len(place.reconcile(mend=True)) == 1
    assert place.client.get_run(made.info.run_id).info.lifecycle_stage == "deleted"
    assert place.reconcile(mend=False) == []


def test_a_run_in_another_experiment(place: Place) -> None:
    """Left there by a start that was told another experiment."""
    other = place.client.create_experiment("other")
    own = {tags.KIND: "trial", tags.TRIAL_NUMBER: "0", tags.STUDY_ID: place.runs.study_id}
    made = place.client.create_run(other, tags=own, run_name="trial-000")
    text = "run trial-000: it is in another experiment than the sweep"
    assert place.reconcile(mend=False) == [text]
    assert place.reconcile(mend=True) == [text]
    assert place.client.get_run(made.info.run_id).info.lifecycle_stage == "deleted"
    assert place.reconcile(mend=False) == []


def test_runs_of_others_are_not_touched(place: Place) -> None:
    """Of another study of this name, and of no study."""
    own = {tags.KIND: "trial", tags.TRIAL_NUMBER: "0", tags.STUDY: "example"}
    place.client.create_run(place.runs.experiment_id, tags={**own, tags.STUDY_ID: "another"})
    place.client.create_run(place.runs.experiment_id, tags=own)
    place.client.create_run(place.runs.experiment_id)
    before = place.dump()
    assert place.reconcile(mend=True) == []
    assert place.dump() == before


def test_a_trial_whose_folder_is_gone(place: Place) -> None:
    """Its run is the only place that has the rest: only its state is put right."""
    values = place.values("0")
    shutil.rmtree(place.trial("0").folder)
    assert place.reconcile(mend=True) == []
    _status("RUNNING")(place, "0")
    assert len(place.reconcile(mend=True)) == 1
    assert place.reconcile(mend=False) == []
    assert place.values("0") == values
    assert place.run("0").info.status == "FINISHED"
    assert place.artifact("0", "curves/curve.npz").exists()


# ---- one run of a trial that is told of while it goes on


def test_a_trial_that_goes_on_says_an_epoch_once(place: Place) -> None:
    """Interrupted after its first epoch, continued in the same run, and whole at its end."""
    asked = place.study.ask()
    assert asked.trial.number == 5
    record = place.trial("5")
    first = place.run("5")
    runs = place.publisher.trial_runs
    runs.reconcile(place.record)
    runs.begin(record)
    assert place.run("5").info.run_id == first.info.run_id
    assert place.run("5").info.status == "RUNNING"
    assert tags.REASON not in place.run("5").data.tags
    (report,) = TrialFolder(record.folder).reports()
    before = place.dump()
    runs.epoch(record, report)
    assert place.dump() == before
    assert len(place.values("5")["val_accuracy"]) == 1
    runs.stop(place.trial("5"))
    assert place.run("5").info.status == "RUNNING"  # its record still says so
    place.study.study._storage.set_trial_state_values(asked.trial._trial_id, TrialState.WAITING)
    runs.stop(place.trial("5"))
    assert place.run("5").info.status == "KILLED"
    assert place.reconcile(mend=False) == []

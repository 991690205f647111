"""Runs written into a real SQLite store and read back."""

from __future__ import annotations

import dataclasses
import getpass
from collections import Counter
from pathlib import Path

import pytest
from mlflow.entities import ViewType
from small_studies import DATA
from small_trials import small_config

from clr_sweep.tracking import tags
from clr_sweep.tracking.find_runs import find_trial
from clr_sweep.tracking.sweep_runs import SweepRuns
from clr_sweep.tracking.trial_contents import epoch_points
from clr_sweep.training.records import TrialRecord
from clr_sweep.training.reports import EpochReport, StepPoint


def record(tmp_path: Path, number: int | None = 0, state: str = "running") -> TrialRecord:
    """A trial, or with number None the baseline."""
    return TrialRecord(
        "baseline" if number is None else "trial",
        number,
        state,  # type: ignore[arg-type]
        None,
        small_config(
            "constant" if number is None else "exp_range",
            gamma=0.999 if number is not None else 1.0,
        ),
        tmp_path / str(number),
    )


def everything(runs: SweepRuns) -> list[str]:
    """The ids of all active runs of the experiment."""
    found = runs.client.search_runs([runs.experiment_id], run_view_type=ViewType.ACTIVE_ONLY)
    return [run.info.run_id for run in found]


def test_a_child_has_every_parameter_of_every_other(runs: SweepRuns, tmp_path: Path) -> None:
    """Parallel coordinates drop runs that lack one, or that hold text among numbers."""
    runs.open_parent(None, "sqlite:///optuna.db", "1")
    children = [runs.start_child(record(tmp_path, number)) for number in (None, 0)]
    both = [runs.client.get_run(child).data.params for child in children]
    assert both[0].keys() == both[1].keys()
    wanted = {"init_lr", "max_lr", "step_size_factor", "step_size", "policy", "gamma", "seed"}
    assert wanted <= both[0].keys()
    for name in wanted - {"policy"}:
        assert [float(parameters[name]) for parameters in both]
    assert both[0]["gamma"] == "1.0"
    assert both[1]["gamma"] == "0.999"


def test_a_child_stands_below_its_parent_and_names_its_data(
    runs: SweepRuns, tmp_path: Path
) -> None:
    """Tags that people script against, MLflow's own parent tag, and the data set as an input."""
    parent = runs.open_parent(None, "sqlite:///optuna.db", "1")
    child = runs.client.get_run(runs.start_child(record(tmp_path, 7)))
    found = child.data.tags
    assert found[tags.PARENT] == parent
    assert found["clr_sweep.kind"] == "trial"
    assert found["clr_sweep.trial_number"] == "7"
    assert found["clr_sweep.state"] == "running"
    assert child.info.run_name == "trial-007"
    (used,) = child.inputs.dataset_inputs
    assert used.dataset.name == "few_images"
    assert DATA.digest.startswith(used.dataset.digest)
    assert find_trial(runs.client, runs.study_id, 7) == child.info.run_id


def test_epochs_count_from_one_and_steps_from_zero(runs: SweepRuns, tmp_path: Path) -> None:
    """Each metric once a step, the epoch's on the epoch and the curve's on the optimizer step."""
    runs.open_parent(None, "sqlite:///optuna.db", "1")
    child = runs.start_child(record(tmp_path))
    for epoch in (1, 2):
        first = (epoch - 1) * 700
        points = tuple(StepPoint(first + i, 0.1 + i, 2.0) for i in range(700))
        report = EpochReport(epoch, first + 700, {"val_loss": 1.0 / epoch}, 3.0, 4.0, points)
        runs.log_points(child, epoch_points(report))
    history = {
        name: [(m.step, m.value) for m in runs.client.get_metric_history(child, name)]
        for name in ("val_loss", "cpu_seconds", "learning_rate", "batch_loss")
    }
    assert history["val_loss"] == [(1, 1.0), (2, 0.5)]
    assert history["cpu_seconds"] == [(1, 3.0), (2, 3.0)]
    assert Counter(step for step, _ in history["learning_rate"]) == Counter(range(1400))
    assert len(history["batch_loss"]) == 1400


@pytest.mark.parametrize(
    ("state", "status"),
    [
        ("complete", "FINISHED"),
        ("pruned", "KILLED"),
        ("diverged", "KILLED"),
        ("interrupted", "KILLED"),
        ("failed", "FAILED"),
    ],
)
def test_end_states(runs: SweepRuns, tmp_path: Path, state: str, status: str) -> None:
    """Our state and MLflow's status say the same, and the reason stands with them."""
    runs.open_parent(None, "sqlite:///optuna.db", "1")
    child = runs.start_child(record(tmp_path))
    runs.end(child, state, "because")
    run = runs.client.get_run(child)
    assert run.info.status == status
    assert run.data.tags[tags.STATE] == state
    assert run.data.tags[tags.REASON] == "because"


def test_the_same_study_finds_its_parent_again(runs: SweepRuns) -> None:
    """A second start makes no second tree."""
    parent = runs.open_parent(None, "sqlite:///optuna.db", "1")
    runs.end(parent, "interrupted")
    again = SweepRuns(runs.client, runs.experiment_id, "study", runs.study_id, DATA)
    assert again.open_parent(None, "sqlite:///optuna.db", "1") == parent
    assert runs.client.get_run(parent).info.status == "RUNNING"
    assert everything(runs) == [parent]


def test_another_study_of_the_experiment_is_left_alone(runs: SweepRuns) -> None:
    """Studies are told apart by their ids: two may have one name."""
    mine = runs.open_parent(None, "sqlite:///optuna.db", "1")
    other = SweepRuns(runs.client, runs.experiment_id, "study", "other id", DATA)
    assert other.open_parent(None, "sqlite:///optuna.db", "1") != mine
    assert other.children() == {}
    assert other.parents() != runs.parents()


def test_the_children_move_to_an_adopted_parent(runs: SweepRuns, tmp_path: Path) -> None:
    """`mlflow run` makes a run at every start: the newest becomes the parent of all children."""
    old = runs.open_parent(None, "sqlite:///optuna.db", "1")
    child = runs.start_child(record(tmp_path))
    made = runs.client.create_run(runs.experiment_id).info.run_id
    again = SweepRuns(runs.client, runs.experiment_id, "study", runs.study_id, DATA)
    assert again.open_parent(made, "sqlite:///optuna.db", "1") == made
    assert runs.client.get_run(child).data.tags[tags.PARENT] == made
    assert sorted(everything(runs)) == sorted([made, child])
    assert runs.client.get_run(old).info.lifecycle_stage == "deleted"


def test_a_parent_is_replaced_with_its_children(runs: SweepRuns, tmp_path: Path) -> None:
    """A parameter cannot change; a study that goes on to another best gets a new parent."""
    old = runs.open_parent(None, "sqlite:///optuna.db", "1")
    child = runs.start_child(record(tmp_path))
    runs.log_params(old, {"best.init_lr": 0.1})
    new = runs.replace_parent()
    assert new != old
    runs.log_params(new, {"best.init_lr": 0.2})
    found = runs.client.get_run(new).data.tags
    assert found[tags.KIND] == "sweep"
    assert found[tags.STUDY] == "study"
    assert runs.client.get_run(child).data.tags[tags.PARENT] == new


def test_parameters_and_tags_past_mlflows_limits(runs: SweepRuns) -> None:
    """More parameters than a batch takes, and texts longer than a field takes."""
    parent = runs.open_parent(None, "sqlite:///optuna.db", "1")
    many = {f"p{i}": "x" * 7000 for i in range(120)}
    runs.log_params(parent, many)
    runs.log_params(parent, dict(list(many.items())[:3]))
    runs.note(parent, "y" * 9000)
    run = runs.client.get_run(parent)
    assert len(run.data.params) == 120
    assert len(run.data.params["p7"]) == tags.PARAM_LIMIT
    assert len(run.data.tags[tags.NOTE]) == tags.TAG_LIMIT


def test_a_failed_trial_leaves_its_log(runs: SweepRuns, tmp_path: Path) -> None:
    """What its process printed is an artifact, with the configuration and the note."""
    runs.open_parent(None, "sqlite:///optuna.db", "1")
    failed = record(tmp_path, 3, "failed")
    failed.folder.mkdir()
    (failed.folder / "log.txt").write_text("Traceback: it broke")
    child = runs.start_child(failed)
    runs.finish_child(child, dataclasses.replace(failed, reason="it broke"), "a note", known=True)
    names = {item.path for item in runs.client.list_artifacts(child)}
    assert {"log.txt", "config.yaml"} <= names
    run = runs.client.get_run(child)
    assert run.info.status == "FAILED"
    assert run.data.tags[tags.NOTE] == "a note"


def test_a_value_that_is_there_is_not_logged_again(runs: SweepRuns, tmp_path: Path) -> None:
    """Nor by another start; another value at the same step is."""
    run = runs.open_parent(None, "sqlite:///optuna.db", "1")
    for step, value in ((1, 0.5), (2, 0.5), (2, 0.5), (1, 0.5), (2, 0.6)):
        runs.log_metrics(run, {"best_val_accuracy": value}, step)
    history = runs.client.get_metric_history(run, "best_val_accuracy")
    assert sorted((item.step, item.value) for item in history) == [(1, 0.5), (2, 0.5), (2, 0.6)]
    child = runs.start_child(record(tmp_path))
    for _ in range(2):
        runs.log_test_metrics(child, {"test_loss": 0.25})
    assert [item.value for item in runs.client.get_metric_history(child, "test_loss")] == [0.25]


def test_every_run_says_where_it_comes_from(runs: SweepRuns, tmp_path: Path) -> None:
    """The UI's columns Source, User and Dataset are not empty, whatever run it is."""
    parent = runs.open_parent(None, "sqlite:///optuna.db", "1")
    assert runs.open_parent(None, "sqlite:///optuna.db", "1") == parent
    for run_id in (parent, runs.start_child(record(tmp_path))):
        run = runs.client.get_run(run_id)
        assert run.data.tags["mlflow.source.name"] == "clr-sweep"
        assert run.data.tags["mlflow.user"] == getpass.getuser()
        assert [item.dataset.name for item in run.inputs.dataset_inputs] == ["few_images"]


def test_the_objective_is_logged_first(runs: SweepRuns, tmp_path: Path) -> None:
    """Of the metrics that all runs have, the UI's parallel coordinates choose the first one."""
    runs.open_parent(None, "sqlite:///optuna.db", "1")
    child = runs.start_child(record(tmp_path))
    metrics = {"accuracy": 0.1, "val_loss": 2.0, "val_accuracy": 0.2}
    for epoch in (1, 2):
        report = EpochReport(epoch, epoch, metrics, 3.0, 4.0)
        runs.log_points(child, epoch_points(report, "val_accuracy"))
    assert next(iter(runs.client.get_run(child).data.metrics)) == "val_accuracy"

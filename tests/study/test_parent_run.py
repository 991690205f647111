"""The run that stands for a whole study: made from the study alone, the same at every start."""

from __future__ import annotations

import sqlite3
from dataclasses import replace
from pathlib import Path

import mlflow
import pytest
from mlflow.entities import LoggedModel
from small_studies import DATA, TEXT, SmallStudy

from clr_sweep.commands.ui import say_where
from clr_sweep.search.attributes import FACTS
from clr_sweep.study.outcome import best_told
from clr_sweep.study.parent_run import is_described, open_parent, publisher_of, stored_facts
from clr_sweep.study.part import SweepSource
from clr_sweep.study.publishing import Publisher
from clr_sweep.tracking import tags
from clr_sweep.tracking.link import Link
from clr_sweep.tracking.store import connect


@pytest.fixture
def study(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SmallStudy:
    for name in ("MLFLOW_EXPERIMENT_NAME", "MLFLOW_EXPERIMENT_ID"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    return SmallStudy(tmp_path)


def test_a_loss_with_arguments_and_class_weights(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is made small is a parameter in words; weights are one where there are any."""
    monkeypatch.chdir(tmp_path)
    training = {
        "optimizer": "sgd",
        "epochs": 2,
        "batch_size": 32,
        "loss": {"name": "huber", "arguments": {"delta": 2}},
        "metrics": ["accuracy"],
        "class_weight": {"0": 1, "9": 2.5},
    }
    runs = SmallStudy(tmp_path, changes={"training": training}).publisher().runs
    params = runs.client.get_run(runs.parent_id).data.params
    assert params["training.loss"] == "huber (delta 2.0)"
    assert params["training.class_weight"] == "0: 1, 9: 2.5"


def test_the_run_of_a_study(study: SmallStudy) -> None:
    """Its settings, its sweep file as it was written, its storage without a password, its data."""
    publisher = study.publisher()
    client = publisher.runs.client
    run = client.get_run(publisher.runs.parent_id)
    assert run.info.run_name == "example"
    assert run.data.params["study.sampler"] == "random"
    assert run.data.params["study.deterministic"] == "False"
    assert run.data.params["training.epochs"] == "2"
    assert "training.class_weight" not in run.data.params
    assert run.data.tags[tags.STORAGE] == f"sqlite:///{study.place / 'optuna.db'}"
    (used,) = run.inputs.dataset_inputs
    assert used.dataset.digest == DATA.digest[:12]
    artifact = Path(run.info.artifact_uri.removeprefix("file://"), "sweep", "sweep.yaml")
    assert artifact.read_text() == TEXT
    assert client.get_experiment(run.info.experiment_id).name == "example"

    open_parent(study.study, publisher, f"postgresql://me:s3cr3t@host/{'x'}", None)
    again = client.get_run(publisher.runs.parent_id)
    assert again.info.run_id == run.info.run_id
    assert again.data.tags[tags.STORAGE] == "postgresql://me:***@host/x"
    assert again.data.params == run.data.params


def test_the_experiment_of_a_study(study: SmallStudy, monkeypatch: pytest.MonkeyPatch) -> None:
    """The one that it is in, whatever its name has become; the environment's; a given one."""
    first = study.publisher().runs
    first.client.rename_experiment(first.experiment_id, "renamed")
    assert study.publisher().runs.experiment_id == first.experiment_id
    client = connect(f"sqlite:///{study.place / 'mlflow.db'}")
    monkeypatch.setenv("MLFLOW_EXPERIMENT_NAME", "chosen")
    chosen = publisher_of(study.study, client, Link(print)).runs.experiment_id
    assert client.get_experiment(chosen).name == "chosen"
    given = publisher_of(study.study, client, Link(print), first.experiment_id)
    assert given.runs.experiment_id == first.experiment_id


def test_what_a_study_keeps_of_its_data(study: SmallStudy, tmp_path: Path) -> None:
    """Read back as it was, but for files that go with the sweep."""
    facts = stored_facts(
        DATA, SweepSource(tmp_path / "a.yaml", "", (tmp_path,)), tmp_path / "trials"
    )
    assert facts["data_digest"] == DATA.digest
    assert facts["sweep_file"] == "a.yaml"
    assert facts["folder"] == str(tmp_path / "trials")
    assert facts["search_path"] == [str(tmp_path)]
    assert "materialized" not in facts["data"]
    assert study.publisher().runs.data == DATA


@pytest.mark.parametrize("missing", ["data", "folder", "search_path"])
def test_a_study_of_an_earlier_version_is_known(study: SmallStudy, missing: str) -> None:
    """It lacks what its runs would be made from."""
    assert is_described(study.study)
    facts = {key: value for key, value in study.study.user_attrs[FACTS].items() if key != missing}
    study.study.set_user_attr(FACTS, facts)
    assert not is_described(study.study)


def test_where_the_ui_shows_a_study(study: SmallStudy, capsys: pytest.CaptureFixture[str]) -> None:
    """First the sweep's own page, then its trials; no address that opens on other pages."""
    runs = study.publisher().runs
    say_where(f"sqlite:///{study.place / 'mlflow.db'}", "http://host:5000")
    name, parent, trials, everything = capsys.readouterr().err.splitlines()
    assert name == "example:"
    page = f"http://host:5000/#/experiments/{runs.experiment_id}/runs"
    assert parent.split()[-1].startswith(f"{page}/{runs.parent_id}?")
    assert trials.split()[-1].startswith(f"{page}?")
    for line in (parent, trials, everything):
        assert "workflowType=machine_learning" in line.split()[-1]


@pytest.fixture
def told(study: SmallStudy) -> SmallStudy:
    """With trials in every state, the best of them in the middle."""
    for state in ("pruned", "complete", "complete", "failed", "complete", "diverged"):
        study.add(state)  # type: ignore[arg-type]
    study.add_baseline()
    return study


def best_so_far(study: SmallStudy) -> dict[int, float]:
    """The best complete value among the first trials, by how many they are."""
    values = [trial.value for trial in study.record.trials if trial.has_ended]
    known = [[v for v in values[:n] if v is not None] for n in range(len(values) + 1)]
    return {n: max(some) for n, some in enumerate(known) if some}


def curve(publisher: Publisher) -> list[tuple[int, float]]:
    """What the UI draws of the best value."""
    runs = publisher.runs
    history = runs.client.get_metric_history(runs.parent_id, "best_val_accuracy")
    return [(item.step, item.value) for item in history]


def test_the_best_value_is_a_curve(told: SmallStudy) -> None:
    """A point a trial, however many have ended since the last look, and each of them once."""
    publisher = told.publisher()
    expected = best_so_far(told)
    assert list(expected) == [2, 3, 4, 5, 6]
    early = replace(told.record, trials=told.record.trials[:3])
    publisher.refresh(early)
    assert curve(publisher) == list(expected.items())[:2]
    publisher.refresh(told.record)
    publisher.refresh(told.record)
    assert curve(publisher) == list(expected.items())
    again = told.publisher()  # another start of the sweep
    again.refresh(told.record)
    assert curve(again) == list(expected.items())


def test_the_best_value_waits_for_the_trials_before(told: SmallStudy) -> None:
    """A trial that ended ahead of an earlier one: what it is the best of is not known yet."""
    publisher, (first, *rest) = told.publisher(), told.record.trials
    running = replace(first, state="running")
    publisher.refresh(replace(told.record, trials=(running, *rest)))
    assert curve(publisher) == []
    publisher.refresh(told.record)
    assert curve(publisher) == list(best_so_far(told).items())


def test_a_curve_that_lacks_points_is_completed(told: SmallStudy) -> None:
    """As an earlier version left it, or a tracker that was away; a wrong value gives way."""
    publisher = told.publisher()
    expected, name = best_so_far(told), "best_val_accuracy"
    publisher.runs.log_metrics(publisher.runs.parent_id, {name: expected[3]}, step=3)
    publisher.runs.log_metrics(publisher.runs.parent_id, {name: 7.0}, step=6)
    assert best_told(publisher.runs, name) == {3: expected[3], 6: 7.0}
    again = told.publisher()
    again.refresh(told.record)
    assert best_told(again.runs, name) == expected
    run = again.runs.client.get_run(again.runs.parent_id)
    assert run.data.metrics[name] == expected[6]


@pytest.mark.heavy
def test_the_description_leads_to_figures_and_best_configuration(told: SmallStudy) -> None:
    """In the lines that are seen unopened; while the sweep runs, to what is there by then."""
    publisher = told.publisher()

    def seen() -> str:
        run = publisher.runs.client.get_run(publisher.runs.parent_id)
        return str(run.data.tags[tags.NOTE].split("\n\n")[0])

    publisher.refresh(told.record)
    assert "best.yaml" not in seen()
    assert "[charts](#/experiments/" in seen()
    publisher = told.finish()
    page = f"#/experiments/{publisher.runs.experiment_id}/runs/{publisher.runs.parent_id}"
    for name, path in (("figures", "figures/history.png"), ("best.yaml", "best.yaml")):
        link = f"[{name}]({page}/artifacts/{path}?workflowType=machine_learning)"
        assert link in seen()
        assert path in publisher.runs.files(publisher.runs.parent_id)
    best = told.record.best
    assert best is not None
    assert f"{best.value:.4f}" in seen()


@pytest.mark.heavy
@pytest.mark.parametrize("policy", [["triangular", "triangular2"], ["triangular", "exp_range"]])
def test_gamma_is_a_parameter_where_a_policy_has_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, policy: list[str]
) -> None:
    """Of every trial then, since parallel coordinates drop a run without; else of none."""
    monkeypatch.chdir(tmp_path)
    made = SmallStudy(tmp_path, changes={"search_space.policy": policy})
    for _ in range(2):
        made.add("complete")
    publisher = made.finish()
    runs = [run for found in publisher.runs.children().values() for run in found]
    assert len(runs) == 2
    assert [("gamma" in run.data.params) for run in runs] == ["exp_range" in policy] * 2
    assert publisher.reconcile(made.record, mend=False) == []


@pytest.mark.heavy
def test_models_of_an_earlier_version_stay(told: SmallStudy) -> None:
    """They were all called "model", and are whole: nothing is logged twice or found wrong."""
    publisher = told.finish()
    assert {model.name for model in logged(publisher)} == {
        *(f"example-trial-{number:03d}" for number in (0, 1, 2, 4)), "example-baseline",
    }  # fmt: skip
    with sqlite3.connect(told.place / "mlflow.db") as connection:
        connection.execute("UPDATE logged_models SET name = 'model'")
    connection.close()
    before = {model.model_id for model in logged(publisher)}
    assert publisher.reconcile(told.record) == []
    assert {model.model_id for model in logged(publisher)} == before
    run = publisher.runs.runs_of(told.record.trial(1))[0]
    assert mlflow.models.get_model_info(f"runs:/{run.info.run_id}/model").signature is not None


def logged(publisher: Publisher) -> list[LoggedModel]:
    """All models of the study's experiment."""
    return list(publisher.runs.client.search_logged_models([publisher.runs.experiment_id]))

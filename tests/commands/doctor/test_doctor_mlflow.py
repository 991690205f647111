"""`clr-sweep doctor`: what it finds in MLflow, mends, and leaves alone."""

from __future__ import annotations

import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner
from mlflow.tracking import MlflowClient
from small_studies import SmallStudy, text_of
from whole_study import Whole, doctor

from clr_sweep.cli import main
from clr_sweep.search.attributes import STUDY_ID
from clr_sweep.tracking import tags
from clr_sweep.tracking.find_runs import process_tag

# Each looks, mends and looks again, to every value.
pytestmark = pytest.mark.heavy


def test_runs_and_their_content(whole: Whole) -> None:
    """A run missing, one too many, one RUNNING, one without a metric or an artifact."""
    client = whole.client
    client.delete_run(whole.run("baseline"))
    client.update_run(whole.run("trial-001"), status="RUNNING")
    two = whole.run("trial-002")
    with sqlite3.connect("mlflow.db") as connection:
        connection.execute("DELETE FROM metrics WHERE run_uuid = ? AND key = 'val_loss'", (two,))
        connection.execute(
            "DELETE FROM latest_metrics WHERE run_uuid = ? AND key = 'val_loss'", (two,)
        )
    connection.close()
    uri = client.get_run(two).info.artifact_uri.removeprefix("file://")
    Path(uri, "curves", "curve.npz").unlink()
    experiment = client.get_run(two).info.experiment_id
    own = {tags.KIND: "trial", tags.TRIAL_NUMBER: "9"}
    own[tags.STUDY_ID] = whole.study.study.user_attrs[STUDY_ID]
    client.create_run(experiment, run_name="trial-009", tags=own)
    whole.mended(
        "study example: 5 things are wrong",
        "baseline: it has no run in MLflow",
        "trial 1: its status is RUNNING, not FINISHED",
        "trial 2: 1 value not logged (val_loss)",
        "trial 2: no artifact curves/curve.npz",
        "run trial-009: the study has no such trial",
    )


@pytest.mark.parametrize("damage", ["status", "state", "file", "metric", "second", "gone"])
def test_the_run_of_the_sweep(whole: Whole, damage: str) -> None:
    """Its state, its files and its metrics; two of them, or none."""
    client, parent = whole.client, whole.run("example")
    said = "the sweep's run is "
    if damage == "status":
        client.update_run(parent, status="RUNNING")
    elif damage == "state":
        client.set_tag(parent, tags.STATE, "failed")
    elif damage == "file":
        uri = client.get_run(parent).info.artifact_uri.removeprefix("file://")
        Path(uri, "best.yaml").unlink()
        Path(uri, "sweep", "sweep.yaml").unlink()
        said = "the sweep's run has no best.yaml"
    elif damage == "metric":
        with sqlite3.connect("mlflow.db") as connection:
            for table in ("metrics", "latest_metrics"):
                connection.execute(f"DELETE FROM {table} WHERE key = 'best_test_loss'")
        connection.close()
        said = "the sweep's run says best_test_loss is None"
    elif damage == "second":
        found = client.get_run(parent)
        own = {k: v for k, v in found.data.tags.items() if k.startswith("clr_sweep.")}
        client.create_run(found.info.experiment_id, run_name="second", tags=own)
        said = "the sweep has 2 runs in MLflow"
    else:
        client.delete_run(parent)
        said = "no run"
    whole.mended(said)
    experiments = [item.experiment_id for item in client.search_experiments()]
    (now,) = client.search_runs(experiments, f"tags.`{tags.KIND}` = 'sweep'")
    assert now.info.status == "FINISHED"
    children = client.search_runs(experiments, f"tags.`{tags.PARENT}` = '{now.info.run_id}'")
    assert len(children) == 4
    uri = now.info.artifact_uri.removeprefix("file://")
    assert (
        Path(uri, "best.yaml").read_text()
        == (whole.trials / "best.yaml").read_text()
        == CliRunner().invoke(main, ["export", "example"]).output
    )
    assert Path(uri, "sweep", "sweep.yaml").exists()


def content(client: MlflowClient) -> dict[str, object]:
    """All that the runs of a store hold, but for what says when and by whom they were made."""
    found: dict[str, object] = {}
    experiments = [item.experiment_id for item in client.search_experiments()]
    for run in client.search_runs(experiments):
        run_id = run.info.run_id
        history = {
            key: sorted((m.step, m.value) for m in client.get_metric_history(run_id, key))
            for key in run.data.metrics
        }
        files = [
            file.path
            for folder in ("", "curves", "figures", "sweep")
            for file in client.list_artifacts(run_id, folder)
        ]
        own = {
            # Links in descriptions name the run.
            key: value.replace(run_id, "ITS-ID")
            for key, value in run.data.tags.items()
            if key not in (tags.PARENT, tags.PROCESS)
        }
        name = run.info.run_name
        assert name not in found
        found[name] = (run.data.params, history, sorted(files), run.info.status, own)
    return found


def test_the_whole_store_is_rebuilt(whole: Whole, monkeypatch: pytest.MonkeyPatch) -> None:
    """From the study and the folders: the same runs, with the same values to the bit."""
    before = content(whole.client)
    assert before.keys() == {"example", "baseline", "trial-000", "trial-001", "trial-002"}
    (whole.folder / "mlflow.db").unlink()
    shutil.rmtree(whole.folder / "mlruns")
    # Under another name, since this process has the deleted one open.
    uri = f"sqlite:///{whole.folder / 'rebuilt.db'}"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    code, output = doctor()
    assert code == 1
    assert f"the MLflow store {uri} does not exist" in output
    assert not (whole.folder / "rebuilt.db").exists()
    code, output = doctor("--fix")
    assert code == 0, output
    after = whole.state()
    assert doctor("--fix") == (0, "study example: all is well\n")
    assert whole.state() == after
    assert content(MlflowClient(uri)) == before
    best = whole.trials / "best.yaml"
    assert CliRunner().invoke(main, ["export", "example"]).output == best.read_text()


def test_an_empty_store(whole: Whole, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another store than the one it was made in: looking makes nothing there."""
    from clr_sweep.tracking.store import connect

    connect(f"sqlite:///{whole.folder / 'other.db'}")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{whole.folder / 'other.db'}")
    before = whole.state()
    code, output = doctor()
    assert code == 1
    assert "other.db has no run of the sweep" in output
    assert whole.state() == before


def test_an_experiment_in_the_environment(whole: Whole, monkeypatch: pytest.MonkeyPatch) -> None:
    """The study is looked for where it is; nothing is made or moved."""
    monkeypatch.setenv("MLFLOW_EXPERIMENT_NAME", "elsewhere")
    before = whole.state()
    for arguments in ((), ("--fix",)):
        assert doctor(*arguments) == (0, "study example: all is well\n")
    assert whole.state() == before


def test_what_users_changed_in_the_experiment(whole: Whole) -> None:
    """Their description of it, and their choice of what the UI shows, are theirs."""
    experiment = whole.client.get_run(whole.run("baseline")).info.experiment_id
    whole.client.set_experiment_tag(experiment, tags.NOTE, "mine")
    whole.client.set_experiment_tag(experiment, tags.PRIMARY_METRIC, "val_loss")
    before = whole.state()
    assert doctor()[0] == 0
    assert whole.state() == before


def test_runs_of_processes_that_are_gone(whole: Whole) -> None:
    """A `mlflow run` that was killed before its sweep began."""
    gone = subprocess.Popen(
        [sys.executable, "-c", "import sys; sys.stdin.read()"], stdin=subprocess.PIPE
    )
    own = {tags.PROCESS: process_tag(gone.pid)}
    gone.communicate()
    made = whole.client.create_run("0", run_name="left", tags=own)
    whole.mended("run left: its process is gone")
    assert whole.client.get_run(made.info.run_id).info.status == "KILLED"


def test_two_studies_of_one_name(whole: Whole, tmp_path: Path) -> None:
    """Of two storages, in one MLflow store: neither touches the other's runs."""
    other = tmp_path / "other"
    other.mkdir()
    made = SmallStudy(other)
    made.place = whole.folder  # its MLflow store is the same
    made.add("complete")
    made.add_baseline()
    made.test_best()
    made.finish()
    for database in ("sqlite:///optuna.db", f"sqlite:///{other / 'optuna.db'}"):
        before = text_of(whole.folder / "mlflow.db")
        assert doctor("--storage", database, "--fix") == (0, "study example: all is well\n")
        assert text_of(whole.folder / "mlflow.db") == before
    runs = whole.client.search_runs(
        [item.experiment_id for item in whole.client.search_experiments()]
    )
    assert len(runs) == 5 + 3
    (mine,) = [
        run for run in runs if run.data.tags.get(tags.STORAGE, "").endswith("other/optuna.db")
    ]
    whole.client.delete_run(mine.info.run_id)
    assert doctor("--fix") == (0, "study example: all is well\n")
    code, _ = doctor("--storage", f"sqlite:///{other / 'optuna.db'}", "--fix")
    assert code == 0


# ---- a study that is being run

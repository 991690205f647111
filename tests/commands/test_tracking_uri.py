"""MLflow's store named in the sweep file: the sweep, and every command on its study, find it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from real_runs import Place, assert_whole, definition

pytestmark = pytest.mark.heavy

RUN = "0" * 32


@pytest.fixture(scope="module")
def place(places: Callable[..., Place]) -> Place:
    """A sweep that has run to its end, with nothing in the environment."""
    made = places("named")
    content = definition(trials=1) | {
        "tracking": {"uri": "sqlite:///runs.db", "experiment": "mine"}
    }
    made.sweep("run", str(made.write_sweep(content)), status=0)
    made.database = made.folder / "runs.db"
    return made


@pytest.fixture(scope="module")
def best(place: Place) -> Path:
    return place.folder / "trials" / "tiny" / "best.yaml"


def test_the_sweep_is_there(place: Place) -> None:
    """And nowhere else, in the experiment that the file names."""
    parent = assert_whole(place, 1)
    assert place.client.get_experiment(parent.info.experiment_id).name == "mine"
    assert not (place.folder / "mlflow.db").exists()


def test_the_doctor(place: Place) -> None:
    """The study knows where to look; another store, by the option, has nothing of it."""
    assert place.sweep("doctor", status=0).output == "study tiny: all is well\n"
    other = place.sweep("doctor", "--tracking-uri", "sqlite:///other.db", status=1)
    assert "the MLflow store sqlite:///other.db does not exist" in other.output
    assert not list(place.folder.glob("other.db"))


def test_export_and_report(place: Place, best: Path) -> None:
    """By name; and by a run, whose store has to be named."""
    text = place.sweep("export", "tiny", status=0).output
    assert text == best.read_text()
    content = yaml.safe_load(text)
    assert content["tracking"] == {"uri": "sqlite:///runs.db", "experiment": "mine"}
    run_id = content["provenance"]["mlflow_run_id"]
    assert place.client.get_run(run_id).data.tags["clr_sweep.trial_number"] == "0"
    named = ("--tracking-uri", "sqlite:///runs.db")
    assert place.sweep("export", run_id, *named, status=0).output == text
    place.sweep("report", run_id, *named, status=0)
    refused = place.sweep("report", run_id, status=2)
    assert f"no run {run_id} of a clr-sweep study in the MLflow store" in refused.output
    assert "name the store that it is in with --tracking-uri" in refused.output
    (place.folder / "mlflow.db").unlink()  # made to be asked


def test_train(place: Place, best: Path) -> None:
    """The exported file says where its training is shown too; an option says otherwise."""
    done = place.sweep("train", str(best), status=0)
    assert "to the bit" in done.output
    (run,) = place.runs_of_kind("train")
    assert place.client.get_experiment(run.info.experiment_id).name == "mine"
    place.client.delete_run(run.info.run_id)


def test_a_password_in_an_exported_file(place: Place, best: Path) -> None:
    """Refused as in a sweep file."""
    content = yaml.safe_load(best.read_text())
    content["tracking"]["uri"] = "http://me:s3cr3t@host"
    (place.folder / "written.yaml").write_text(yaml.safe_dump(content))
    refused = place.sweep("train", "written.yaml", status=2)
    assert "written.yaml: tracking.uri: must hold no password" in refused.output
    assert "s3cr3t" not in refused.output


@pytest.mark.parametrize("command", [("export", "tiny"), ("report", "tiny"), ("doctor",), ("ui",)])
def test_an_option_that_can_be_none(place: Place, command: tuple[str, ...]) -> None:
    """Refused by every command in the same words."""
    refused = place.sweep(*command, "--tracking-uri", "localhost:5000", status=2)
    assert "clr-sweep: --tracking-uri: must be the address of an MLflow server" in refused.output
    assert "did you mean 'http://localhost:5000'?" in refused.output


def test_the_ui_of_another_store(place: Place) -> None:
    """One that is not there is not made."""
    refused = place.sweep("ui", "--tracking-uri", "sqlite:///other.db", status=2)
    assert "there is no store sqlite:///other.db" in refused.output
    assert not list(place.folder.glob("other.db"))


def test_another_store_than_that_of_mlflow_run(places: Callable[..., Place], place: Place) -> None:
    """The file's and the option's are refused, before anything is written."""
    adopting = places("adopting", MLFLOW_RUN_ID=RUN, MLFLOW_TRACKING_URI="http://127.0.0.1:9")
    file = str(place.folder / "t.yaml")
    for options, named in (
        ((), f"{file}: tracking.uri: names sqlite:///runs.db"),
        (("--tracking-uri", "http://other"), "--tracking-uri: names http://other"),
    ):
        refused = adopting.sweep("run", file, *options, status=2)
        assert f"clr-sweep: {named}, but `mlflow run` has made the run {RUN} in " in refused.output
        assert "http://127.0.0.1:9, where the sweep has to be" in refused.output
    secret = ("--tracking-uri", "http://me:s3cr3t@127.0.0.1:9")
    refused = adopting.sweep("run", file, *secret, status=2)
    assert "--tracking-uri: must hold no password under `mlflow run`" in refused.output
    assert f"mlflow runs delete --run-id {RUN}" in refused.output
    assert "s3cr3t" not in refused.output
    written = [path.name for path in adopting.folder.iterdir()]
    assert all(name.startswith("output-") for name in written)


def test_the_environment_before_the_file(place: Place) -> None:
    """A line says so; the store that it names is completed from the study."""
    place.environment["MLFLOW_TRACKING_URI"] = "sqlite:///second.db"
    try:
        again = place.sweep("run", "t.yaml", status=0)
        assert (
            "MLflow: sqlite:///second.db is used, as MLFLOW_TRACKING_URI says, and not "
            "sqlite:///runs.db, as t.yaml says in tracking.uri"
        ) in again.output
        place.database = place.folder / "second.db"
        assert_whole(place, 1)
        assert place.sweep("doctor").output.endswith("study tiny: all is well\n")
    finally:
        del place.environment["MLFLOW_TRACKING_URI"]
        place.database = place.folder / "runs.db"

"""`mlflow run` on the project, as a user calls it: one run, one tree, an end state for all."""

from __future__ import annotations

import os
import subprocess
import sys
import venv
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from project_runs import LOCAL, copy_project, mlflow_run, run_id
from real_runs import MLFLOW, Place, Running, assert_whole, definition

pytestmark = pytest.mark.heavy

PYTHON_FOLDER = str(Path(sys.executable).parent)


@pytest.fixture(scope="module")
def project(places: Callable[..., Place]) -> Place:
    """A copy of the project, with a sweep file that has its own idea of every parameter."""
    place = places("project")
    copy_project(place.folder)
    content = definition(trials=7)
    content["training"]["epochs"] = 5
    place.write_sweep(content)
    return place


@pytest.fixture(scope="module")
def launched(project: Place) -> Running:
    """A sweep with every parameter given, that has been started."""
    return mlflow_run(
        project,
        *LOCAL,
        sweep=project.folder / "t.yaml",
        trials=2,
        epochs=2,
        jobs=2,
        seed=3,
        study="named",
    )


@pytest.fixture(scope="module")
def given(launched: Running, refused: dict[str, tuple[Running, Place]]) -> Running:
    """That sweep at its end; the refused ones run beside it."""
    assert len(refused) == 5
    assert launched.wait() == 0, launched.output
    return launched


def test_the_run_of_mlflow_is_the_parent(project: Place, given: Running) -> None:
    """The run that `mlflow run` made holds the sweep; there is no other beside its children."""
    parent = assert_whole(project, 2, "named")
    assert parent.info.run_id == run_id(given)
    assert "Traceback" not in given.output
    assert "clr-sweep export named" in given.output


def test_parameters_reach_the_sweep(project: Place, given: Running) -> None:
    """A parameter given stands above the file, and is logged once, as MLflow does it."""
    parent = project.client.get_run(run_id(given))
    parameters = parent.data.params
    assert parameters["trials"] == "2"
    assert parameters["study"] == "named"
    assert parameters["training.epochs"] == "2"
    assert parameters["study.seed"] == "3"
    assert "study.trials" not in parameters
    assert {len(trial.intermediate_values) for trial in project.study("named").trials} == {2}


def test_more_trials_in_one_tree(project: Place, given: Running) -> None:
    """`mlflow run` again makes a new run: all children move below it, the old parent goes."""
    assert given.process.returncode == 0
    running = mlflow_run(
        project,
        *LOCAL,
        sweep=project.folder / "t.yaml",
        trials=3,
        epochs=2,
        seed=3,
        study="named",
    )
    assert running.wait() == 0, running.output
    parent = assert_whole(project, 3, "named")
    assert parent.info.run_id == run_id(running)
    assert project.client.get_run(run_id(given)).info.lifecycle_stage == "deleted"
    assert parent.data.params["trials"] == "3"


def test_train(project: Place, given: Running) -> None:
    """The entry point `train` gives the metrics of the exported trial to the bit, in one run."""
    assert given.process.returncode == 0
    before = {run.info.run_id for run in project.runs()}
    best = project.folder / "trials" / "named" / "best.yaml"
    running = mlflow_run(project, *LOCAL, "-e", "train", config=best)
    assert running.wait() == 0, running.output
    assert "recorded metrics, to the bit" in running.output
    (run,) = (run for run in project.runs() if run.info.run_id not in before)
    assert run.info.run_id == run_id(running)
    assert run.info.status == "FINISHED"
    assert run.data.tags["clr_sweep.kind"] == "train"
    recorded = yaml.safe_load(best.read_text())["metrics"]
    assert {key: run.data.metrics[key] for key in recorded} == recorded
    steps = project.history(run.info.run_id, "val_accuracy")
    assert sorted(steps) == list(range(1, len(steps) + 1))


@pytest.fixture(scope="module")
def refused(
    project: Place, launched: Running, places: Callable[..., Place]
) -> dict[str, tuple[Running, Place]]:
    """`mlflow run` with wrong parameters, all at once, each with a store of its own."""
    assert launched.process.pid  # runs beside these
    sweep = f"sweep={project.folder / 't.yaml'}"
    wrong = {
        "no numbers": [sweep, "trials=abc", "jobs=x"],
        "out of range": [sweep, "trials=0", "epochs=-1"],
        "no file": ["sweep=missing.yaml"],
        "unknown": [sweep, "foo=1"],
        "another store": [sweep, "tracking_uri=sqlite:///other.db"],
    }
    started = {}
    for name, parameters in wrong.items():
        place = places("refused")
        words = [word for parameter in parameters for word in ("-P", parameter)]
        running = place.start(*MLFLOW, "run", str(project.folder), *LOCAL, *words)
        started[name] = (running, place)
    for running, _ in started.values():
        running.wait()
    return started


@pytest.mark.parametrize(
    ("name", "messages"),
    [
        ("no numbers", ["--trials: must be a whole number, got 'abc'", "--jobs: must be a whole"]),
        ("out of range", ["--trials: must be", "got 0", "--epochs: must be", "got -1"]),
        ("no file", ["missing.yaml"]),
        ("unknown", ["unknown option '--foo'"]),
        (
            "another store",
            [
                "--tracking-uri: names sqlite:///other.db, but `mlflow run` has made the run",
                "`export MLFLOW_TRACKING_URI=sqlite:///other.db` before `mlflow run`",
            ],
        ),
    ],
)
def test_wrong_parameters(
    refused: dict[str, tuple[Running, Place]], name: str, messages: list[str]
) -> None:
    """A wrong parameter is named, without a traceback, and the run has FAILED."""
    running, place = refused[name]
    assert running.process.returncode != 0
    for message in messages:
        assert message in running.output, running.output
    assert "Traceback" not in running.output
    assert [run.info.status for run in place.runs()] == ["FAILED"]


@pytest.mark.slow
@pytest.mark.network
@pytest.mark.timeout(1800)
def test_with_uv(places: Callable[..., Place], tmp_path: Path) -> None:
    """`--env-manager uv` builds an environment with TensorFlow from conda.yaml, and runs in it."""
    tools, environments = tmp_path / "tools", tmp_path / "environments"
    venv.create(tools, with_pip=True)
    subprocess.run([tools / "bin" / "python", "-m", "pip", "install", "-q", "uv"], check=True)
    place = places(
        "uv",
        MLFLOW_ENV_ROOT=str(environments),
        UV_CACHE_DIR=str(tmp_path / "uv-cache"),
        UV_PYTHON_DOWNLOADS="never",
    )
    # What names an environment would make uv install into that one, be it the one of the tests.
    for name in ("UV_PYTHON", "UV_SYSTEM_PYTHON", "UV_PROJECT_ENVIRONMENT", "VIRTUAL_ENV"):
        place.environment.pop(name, None)
    path = [part for part in os.environ["PATH"].split(os.pathsep) if part != PYTHON_FOLDER]
    place.environment["PATH"] = os.pathsep.join([str(tools / "bin"), *path])
    copy_project(place.folder)
    place.write_sweep(definition(trials=1))
    running = mlflow_run(place, "--env-manager", "uv", sweep=place.folder / "t.yaml", study="by-uv")
    running.process.wait(1500)
    assert running.process.returncode == 0, running.output
    assert list(environments.glob("mlflow-*/lib/python*/site-packages/tensorflow"))
    parent = assert_whole(place, 1, "by-uv")
    assert parent.data.tags["mlflow.project.env"] == "uv"

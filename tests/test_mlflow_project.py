"""`mlflow run` on the project, as a user calls it: one run, one tree, an end state for all."""

from __future__ import annotations

import dataclasses
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import venv
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from real_runs import (
    MLFLOW,
    PROJECT,
    Place,
    Running,
    assert_gone,
    assert_whole,
    definition,
)

LOCAL = ("--env-manager", "local")
PYTHON_FOLDER = str(Path(sys.executable).parent)
_RUN_ID = re.compile(r"in run with ID '([0-9a-f]{32})'")

# What stands where `conda` would: it records its calls, and its environment is this Python's.
CONDA = """#!/bin/sh
python -c 'import json, sys; print(json.dumps(sys.argv[1:]))' "$@" >> "$CONDA_CALLS"
if [ "$1 $2" = "env list" ]; then echo '{"envs": []}'; fi
"""
CONDA_SHELL = """
conda() { "$CONDA_EXE" "$@"; }
"""


def copy_project(folder: Path) -> None:
    """What `mlflow run` and pip need of the repository."""
    for name in ("MLproject", "conda.yaml", "pyproject.toml", "README.md", "LICENSE"):
        if (PROJECT / name).exists():
            shutil.copy(PROJECT / name, folder)
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(PROJECT / "clr_sweep", folder / "clr_sweep", ignore=ignored)


def run_id(running: Running) -> str:
    """The id of the run that `mlflow run` made, from what it printed."""
    found = _RUN_ID.search(running.output)
    assert found, running.output
    return found[1]


def mlflow_run(place: Place, *arguments: str, **parameters: object) -> Running:
    """Start `mlflow run .`."""
    given = [word for key, value in parameters.items() for word in ("-P", f"{key}={value}")]
    return place.start(*MLFLOW, "run", ".", *arguments, *given)


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
    assert len(refused) == 4
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


def test_the_conda_environment_is_enough() -> None:
    """conda.yaml names a Python that the package takes, and installs the package itself."""
    content: dict[str, Any] = yaml.safe_load((PROJECT / "conda.yaml").read_text())
    assert content["channels"] == ["conda-forge"]
    (pip,) = (item["pip"] for item in content["dependencies"] if isinstance(item, dict))
    assert pip == ["-e ."]
    assert "python=3.11" in content["dependencies"]
    assert "pip" in content["dependencies"]
    assert 'requires-python = ">=3.11"' in (PROJECT / "pyproject.toml").read_text()


@pytest.mark.heavy
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


@dataclasses.dataclass(frozen=True)
class Stopped:
    """A sweep that was stopped twice; each start with the states of the runs by name after it."""

    place: Place
    ctrl_c: tuple[Running, dict[str, str]]
    mlflow_killed: tuple[Running, dict[str, str]]
    finished: tuple[Running, dict[str, str]]
    conda_calls: list[list[str]]


def states(place: Place) -> dict[str, str]:
    """The states of the runs by their names; of two with one name, those of both."""
    found: dict[str, str] = {}
    for run in place.runs():
        name, state = run.info.run_name, run.info.status
        found[name] = f"{found[name]} {state}" if name in found else state
    return found


def put_conda(folder: Path) -> dict[str, str]:
    """A stand-in for conda; the environment variables by which it is found."""
    conda, profile = folder / "bin" / "conda", folder / "etc" / "profile.d"
    conda.parent.mkdir()
    profile.mkdir(parents=True)
    conda.write_text(CONDA)
    conda.chmod(0o755)
    (profile / "conda.sh").write_text(CONDA_SHELL)
    return {"CONDA_EXE": str(conda), "CONDA_CALLS": str(folder / "calls")}


@pytest.fixture(scope="module")
def stopped(places: Callable[..., Place], tmp_path_factory: pytest.TempPathFactory) -> Stopped:
    """Stopped by Ctrl-C, then by SIGTERM to `mlflow run` alone, then finished without a flag."""
    tools = tmp_path_factory.mktemp("conda")
    place = places("stopped", **put_conda(tools))
    copy_project(place.folder)
    file = place.write_held_sweep(2)

    place.hold(1)
    first = mlflow_run(place, *LOCAL, sweep=file)
    first.wait_until(lambda: place.trainings == 1, "the baseline")
    processes = first.descendants()
    first.signal_group(signal.SIGINT)
    first.wait()
    assert_gone(processes)
    after_first = states(place)

    place.hold(3)
    second = mlflow_run(place, *LOCAL, sweep=file)
    second.wait_until(lambda: place.trainings == 3, "trial 0")
    processes = second.descendants()
    second.signal(signal.SIGTERM)
    # Nobody has waited for `mlflow run` yet: it is a zombie, and its entry point has to see that.
    assert_gone(processes)
    second.wait()
    after_second = states(place)

    third = mlflow_run(place, sweep=file)
    third.wait()
    calls = [json.loads(line) for line in (tools / "calls").read_text().splitlines()]
    return Stopped(
        place, (first, after_first), (second, after_second), (third, states(place)), calls
    )


@pytest.mark.heavy
def test_ctrl_c(stopped: Stopped) -> None:
    """Ctrl-C ends all processes and all runs; MLflow calls its own run FAILED."""
    running, found = stopped.ctrl_c
    assert running.process.returncode != 0
    assert "clr-sweep: stopped by SIGINT" in running.output
    assert found == {"tiny": "FAILED", "baseline": "KILLED"}


@pytest.mark.heavy
def test_mlflow_alone_is_killed(stopped: Stopped) -> None:
    """The entry point notices that `mlflow run` is gone, stops, and ends all runs."""
    running, found = stopped.mlflow_killed
    assert running.process.returncode != 0
    assert "the `mlflow run` that started it is gone" in running.output
    assert found == {"tiny": "KILLED", "baseline": "FINISHED", "trial-000": "KILLED"}


@pytest.mark.heavy
def test_the_same_command_finishes(stopped: Stopped) -> None:
    """Started again it ends with one tree, every trial once, below the newest run."""
    running, _ = stopped.finished
    assert running.process.returncode == 0, running.output
    parent = assert_whole(stopped.place, 2)
    assert parent.info.run_id == run_id(running)
    # The baseline twice, trial 0 twice, trial 1 once.
    assert stopped.place.trainings == 5


@pytest.mark.heavy
def test_without_a_flag_conda_is_asked(stopped: Stopped) -> None:
    """`mlflow run .` makes an environment from conda.yaml and runs in it."""
    calls = stopped.conda_calls
    (created,) = (call for call in calls if call[:2] == ["env", "create"])
    file = Path(created[created.index("--file") + 1])
    assert file.resolve() == (stopped.place.folder / "conda.yaml").resolve()
    assert calls[-1] == ["activate", created[created.index("-n") + 1]]
    (parent,) = stopped.place.runs_of_kind("sweep")
    assert parent.data.tags["mlflow.project.env"] == "conda"


@pytest.mark.heavy
def test_what_is_not_given_stands_in_the_file(stopped: Stopped) -> None:
    """An empty parameter leaves the file's value as it is."""
    (parent,) = stopped.place.runs_of_kind("sweep")
    parameters = parent.data.params
    assert parameters["epochs"] == "''"
    assert parameters["training.epochs"] == "3"
    assert parameters["study.seed"] == "5"


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

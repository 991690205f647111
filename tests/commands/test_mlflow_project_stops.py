"""`mlflow run` that is stopped, and started again with the environment of conda.yaml."""

from __future__ import annotations

import dataclasses
import json
import signal
from collections.abc import Callable
from pathlib import Path

import pytest
from gone_processes import assert_gone
from project_runs import LOCAL, copy_project, mlflow_run, run_id
from real_runs import Place, Running, assert_whole

# What stands where `conda` would: it records its calls, and its environment is this Python's.
CONDA = """#!/bin/sh
python -c 'import json, sys; print(json.dumps(sys.argv[1:]))' "$@" >> "$CONDA_CALLS"
if [ "$1 $2" = "env list" ]; then echo '{"envs": []}'; fi
"""
CONDA_SHELL = """
conda() { "$CONDA_EXE" "$@"; }
"""


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
    assert parameters["epochs"] == "as-in-sweep-file"
    assert parameters["training.epochs"] == "3"
    assert parameters["study.seed"] == "5"

"""Where an entry point of an MLflow project puts its study: processes started as MLflow does."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from real_runs import PROJECT

from clr_sweep.cli import AS_IN_FILE
from clr_sweep.commands.mlflow_project import in_project

# Prints the project's folder, as it was found, the current folder, and PYTHONPATH.
ENTRY_POINT = (
    "import os; from clr_sweep.commands.mlflow_project import go_to_user; "
    "print(go_to_user(), os.getcwd(), os.environ.get('PYTHONPATH'), sep='\\n')"
)
# What stands for MLflow: starts a command elsewhere, with the run's id in its environment.
LAUNCHER = """
import os, subprocess, sys
folder, *command = sys.argv[1:]
environment = {**os.environ, "MLFLOW_RUN_ID": "0123456789abcdef"}
sys.exit(subprocess.run(command, cwd=folder, env=environment).returncode)
"""
# Bash that stays above the command, as where an environment is activated first.
BELOW_BASH = ("bash", "-c", '"$@"; exit $?', "bash")


@pytest.fixture
def user(tmp_path: Path) -> Path:
    """The folder of a user."""
    folder = tmp_path / "user"
    folder.mkdir()
    return folder


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """The folder of a project."""
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "MLproject").write_text("name: other\n", encoding="utf-8")
    return folder


def found(command: list[str], folder: Path, **variables: str) -> list[str]:
    """The lines that the entry point printed, started by this command in that folder."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith("MLFLOW_")}
    environment = {**kept, "PYTHONPATH": str(PROJECT), **variables}
    done = subprocess.run(
        command, capture_output=True, text=True, cwd=folder, env=environment, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return done.stdout.splitlines()


@pytest.mark.parametrize("between", [(), BELOW_BASH, (*BELOW_BASH, *BELOW_BASH)])
def test_the_user_is_where_mlflow_was_started(
    user: Path, project: Path, between: tuple[str, ...]
) -> None:
    """Whatever shells stand between, the entry point goes to where MLflow runs."""
    entry = [*between, sys.executable, "-c", ENTRY_POINT]
    command = [sys.executable, "-c", LAUNCHER, str(project), *entry]
    assert found(command, user)[:2] == [str(project), str(user)]


def test_a_run_started_in_the_background(user: Path, project: Path) -> None:
    """`synchronous=False`: an `mlflow run` of its own has the run's id too; the user is above."""
    launcher = user / "mlflow"
    launcher.write_text(LAUNCHER, encoding="utf-8")
    below = [sys.executable, "-c", ENTRY_POINT, "run"]
    in_background = [sys.executable, str(launcher), str(project), *below]
    # The program itself goes elsewhere meanwhile.
    command = [
        sys.executable,
        "-c",
        LAUNCHER.replace("sys.exit(", "os.chdir('/'); sys.exit("),
        str(user),
        *in_background,
    ]
    assert found(command, user)[:2] == [str(project), str(user)]


def test_the_code_of_the_project_goes_along(user: Path, project: Path) -> None:
    """`python -m` imports from the project's folder; so do the processes that it starts."""
    module = project / "entry_point.py"
    module.write_text(ENTRY_POINT, encoding="utf-8")
    entry = [sys.executable, "-m", "entry_point"]
    command = [sys.executable, "-c", LAUNCHER, str(project), *entry]
    path = os.pathsep.join([str(project), str(PROJECT)])
    assert found(command, user) == [str(project), str(user), path]


def test_in_the_folder_of_the_project(project: Path) -> None:
    """`mlflow run .` leaves the folder as it is."""
    command = [sys.executable, "-c", LAUNCHER, ".", sys.executable, "-c", ENTRY_POINT]
    assert found(command, project)[:2] == ["None", str(project)]


def test_without_mlflow(user: Path, project: Path) -> None:
    """A command of the user's own stays where it is: without a run, and where no project is."""
    alone = [sys.executable, "-c", ENTRY_POINT]
    assert found(alone, project)[:2] == ["None", str(project)]
    (project / "MLproject").unlink()
    command = [sys.executable, "-c", LAUNCHER, str(project), *alone]
    assert found(command, user)[:2] == ["None", str(project)]


def test_files_of_the_user_come_before_those_of_the_project(
    user: Path, project: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A name is the user's file, else the project's, which is said; else it stays as it is."""
    caplog.set_level("INFO", "clr_sweep")
    monkeypatch.chdir(user)
    name = Path("a.yaml")
    assert in_project(name, project) == name
    (project / name).touch()
    assert in_project(name, None) == name
    assert caplog.messages == []
    assert in_project(name, project) == project / name
    assert caplog.messages == [f"a.yaml: that of the project, {project / name}"]
    (user / name).touch()
    assert in_project(name, project) == name


def test_what_is_not_given_reads_as_what_it_means() -> None:
    """No parameter of the project is empty where it is not given: MLflow shows '' for that.

    Nor is a default one that MLflow quotes in what it logs.
    """
    content = yaml.safe_load((PROJECT / "MLproject").read_text(encoding="utf-8"))
    parameters = content["entry_points"]["main"]["parameters"]
    defaults = {name: entry["default"] for name, entry in parameters.items()}
    assert defaults.pop("sweep") == "sweeps/fashion_mnist.yaml"
    assert set(defaults.values()) == {AS_IN_FILE}
    assert shlex.quote(AS_IN_FILE) == AS_IN_FILE

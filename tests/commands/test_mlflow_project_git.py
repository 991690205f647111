"""`mlflow run` on a Git address: MLflow's clone is not where the study belongs."""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import yaml
from project_runs import LOCAL, copy_project
from real_runs import MLFLOW, PATIENCE_SECONDS, Place, Running, assert_whole, definition, results

from clr_sweep.cli import AS_IN_FILE

# Whole sweeps, one after the other.
pytestmark = [pytest.mark.heavy, pytest.mark.timeout(1200)]

GIVEN = ["-P", "sweep=t.yaml", "-P", "trials=1"]
PROGRAM = """
import os, sys
import mlflow

run = mlflow.projects.run(
    sys.argv[1], parameters={"sweep": "sweeps/theirs.yaml"}, env_manager="local", synchronous=False
)
os.chdir(sys.argv[2])
sys.exit(not run.wait())
"""


def git(folder: Path, *arguments: str) -> None:
    """A git command in a folder, with an identity of its own."""
    identity = ("-c", "user.name=Somebody", "-c", "user.email=somebody@example.org")
    command = ["git", "-C", str(folder), *identity, *arguments]
    subprocess.run(command, check=True, capture_output=True)


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a repository of the project on a server, with one sweep more."""
    served = tmp_path_factory.mktemp("served")
    project = served / "project"
    project.mkdir()
    copy_project(project)
    content = definition(trials=1) | {"name": "theirs"}
    (project / "sweeps" / "theirs.yaml").write_text(yaml.safe_dump(content), encoding="utf-8")
    git(project, "init", "--quiet", "--initial-branch=main")
    git(project, "add", "--all")
    git(project, "commit", "--quiet", "--message=All of it")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    options = ["--export-all", "--reuseaddr", "--listen=127.0.0.1", f"--port={port}"]
    command = ["git", "daemon", *options, f"--base-path={served}", str(served)]
    # In a session of its own, since git starts the server as a child and does not end it.
    server = subprocess.Popen(command, start_new_session=True)
    url = f"git://127.0.0.1:{port}/project"
    deadline = time.monotonic() + PATIENCE_SECONDS
    while subprocess.run(["git", "ls-remote", url], capture_output=True, check=False).returncode:
        assert server.poll() is None
        assert time.monotonic() < deadline, "the server never came"
        time.sleep(0.1)
    yield url
    os.killpg(server.pid, signal.SIGTERM)
    server.wait()


@pytest.fixture(scope="module")
def user(places: Callable[..., Place]) -> Place:
    """A user with a sweep of their own, in a folder that is no clone."""
    place = places("user")
    place.write_sweep(definition(trials=7))
    return place


@pytest.fixture
def clones(user: Place) -> Iterator[list[str]]:
    """The clones that MLflow made in a test; it leaves them there."""
    made: list[str] = []
    yield made
    for running in user.folder.glob("output-*.txt"):
        made += re.findall(r"Fetching project from \S+ into (\S+) ", running.read_text())
    for folder in made:
        shutil.rmtree(folder, ignore_errors=True)


def run_address(user: Place, address: str, *words: str) -> Running:
    """`mlflow run ADDRESS` where the user is, to its good end."""
    running = user.run(*MLFLOW, "run", address, *LOCAL, *words)
    assert running.process.returncode == 0, running.output
    assert "Traceback" not in running.output
    return running


@pytest.mark.usefixtures("clones")
@pytest.mark.slow
def test_a_git_address(user: Place, address: str) -> None:
    """The study lies where the user is, can be taken from there, and the same command goes on."""
    first = run_address(user, address, *GIVEN)
    assert {"optuna.db", "trials", "mlflow.db"} <= {path.name for path in user.folder.iterdir()}
    (clone,) = re.findall(r"Fetching project from \S+ into (\S+) ", first.output)
    assert not any((Path(clone) / name).exists() for name in ("optuna.db", "trials", "mlflow.db"))
    parent = assert_whole(user, 1)
    given = {"sweep": "t.yaml", "trials": "1"}
    kept = ("epochs", "jobs", "seed", "study", "storage", "engine", "tracking_uri")
    left = dict.fromkeys(kept, AS_IN_FILE)
    logged = parent.data.params
    assert {name: logged[name] for name in {**given, **left}} == {**given, **left}

    (command,) = re.findall(r"^Best configuration: (clr-sweep .*)$", first.output, re.MULTILINE)
    exported = user.run(sys.executable, "-m", *command.replace("-", "_", 1).split())
    assert exported.process.returncode == 0, exported.output
    assert (user.folder / "best.yaml").exists()

    before = results(user.study())
    shutil.rmtree(clone)
    again = run_address(user, address, *GIVEN)
    assert "the trial has ended: nothing left to train" in again.output
    run_address(user, address, *GIVEN[:-1], "trials=2")
    assert_whole(user, 2)
    assert {0: results(user.study())[0]} == before


@pytest.mark.usefixtures("clones")
def test_a_program_and_a_sweep_of_the_project(user: Place, address: str, tmp_path: Path) -> None:
    """`mlflow.projects.run`, not waited for: the study lies where the program was then.

    It goes elsewhere meanwhile. The sweep is one of the repository's; the user has none of that
    name.
    """
    running = user.run(sys.executable, "-c", PROGRAM, address, str(tmp_path))
    assert running.process.returncode == 0, running.output
    assert "sweeps/theirs.yaml: that of the project, " in running.output
    assert list(tmp_path.iterdir()) == []
    assert len(user.study("theirs").trials) == 1
    assert (user.folder / "trials" / "theirs" / "best.yaml").exists()

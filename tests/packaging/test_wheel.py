"""The built wheel, installed where there is nothing else, by the doors that a user goes through.

A fresh environment, another home, an empty folder, no repository in sight.
"""

from __future__ import annotations

import ast
import os
import subprocess
import sys
import textwrap
import venv
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from project_runs import copy_project
from real_runs import PROJECT

pytestmark = [pytest.mark.wheel, pytest.mark.timeout(1800)]

SWEEPS = PROJECT / "sweeps"
SHIPPED = sorted(file.relative_to(SWEEPS) for file in SWEEPS.rglob("*.yaml"))
MODULES = sorted(file.relative_to(SWEEPS) for file in SWEEPS.rglob("*.py"))
MODULE = """
import keras
import numpy as np


def build(input_shape, classes, units=8):
    return keras.Sequential(
        [
            keras.Input(input_shape),
            keras.layers.Dense(units, activation="tanh"),
            keras.layers.Dense(classes, activation="softmax"),
        ]
    )


def rings():
    random = np.random.default_rng(0)
    x = random.uniform(-1, 1, (700, 3)).astype("float32")
    y = (np.linalg.norm(x, axis=1) > 1).astype("int64")
    return (x[:600], y[:600]), (x[600:], y[600:])


def distances():
    (x, _), (x_test, _) = rings()
    return (x, np.linalg.norm(x, axis=1)), (x_test, np.linalg.norm(x_test, axis=1))


def measure(input_shape):
    hidden = keras.layers.Dense(8, activation="tanh")
    return keras.Sequential([keras.Input(input_shape), hidden, keras.layers.Dense(1)])
"""
SWEEP = """
name: rings
dataset: {name: "rings_code:rings", validation: 0.2}
model: {name: "rings_code:build"}
training: {optimizer: {name: adam}, batch_size: 32, epochs: 2}
search_space:
  init_lr: {low: 1.0e-4, high: 1.0e-3, log: true}
  max_lr: {low: 1.0e-2, high: 1.0e-1, log: true}
  step_size_factor: 1
  policy: [triangular, triangular2]
  model.units: [4, 16]
study: {trials: 2, jobs: 1, seed: 1}
"""
REGRESSION = """
name: distances
dataset: {name: "rings_code:distances", validation: 0.2}
model: {name: "rings_code:measure"}
training:
  loss: mean_squared_error
  metrics: [mean_absolute_error]
  batch_size: 32
  epochs: 2
search_space:
  init_lr: {low: 1.0e-4, high: 1.0e-3, log: true}
  max_lr: {low: 1.0e-2, high: 1.0e-1, log: true}
  step_size_factor: 1
objective: {metric: val_mean_absolute_error, direction: minimize}
study: {trials: 1, jobs: 1, seed: 1}
"""


def public_names() -> list[str]:
    """`clr_sweep.__all__`, read and not imported."""
    tree = ast.parse((PROJECT / "clr_sweep" / "__init__.py").read_text(encoding="utf-8"))
    (names,) = (
        ast.literal_eval(node.value)
        for node in tree.body
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__"
    )
    return list(names)


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the sdist and of the wheel that is built from it."""
    source, folder = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("dist")
    copy_project(source)
    succeed(sys.executable, "-m", "build", "--outdir", str(folder), str(source))
    return folder


def needed(name: str, path: list[str]) -> Iterator[metadata.Distribution]:
    """The distributions that one asks for, and those that they ask for, as installed here."""
    asked, found = [(metadata.distributions(name=name, path=path), frozenset[str]())], set()
    while asked:
        distributions, extras = asked.pop()
        for distribution in distributions:
            if (distribution.name, extras) in found:
                continue
            found.add((distribution.name, extras))
            yield distribution
            for line in distribution.requires or ():
                wanted = Requirement(line)
                where = [{"extra": extra} for extra in extras or {""}]
                if wanted.marker is None or any(map(wanted.marker.evaluate, where)):
                    there = metadata.distributions(name=wanted.name)
                    asked.append((there, frozenset(wanted.extras)))


@pytest.fixture(scope="module")
def environment(built: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A fresh environment with the wheel and what it asks for, and nothing else.

    Which versions go together, pip has found when it made the environment of the tests. What the
    wheel asks for is taken from there, as links: to install gigabytes once more took minutes.
    """
    folder = tmp_path_factory.mktemp("fresh")
    venv.create(folder)
    (wheel,) = built.glob("*.whl")
    pip = [sys.executable, "-m", "pip", "--python", str(folder / "bin" / "python")]
    succeed(*pip, "install", "--quiet", "--no-index", "--no-deps", str(wheel))
    (site,) = folder.glob("lib/python*/site-packages")
    for distribution in needed("clr-sweep", [str(site)]):
        # Packages, modules and what is said of them; no commands, and no compiled modules.
        for name in {file.parts[0] for file in distribution.files or ()} - {"..", "__pycache__"}:
            if not (site / name).exists():
                (site / name).symlink_to(distribution.locate_file(name))
    succeed(*pip, "check")
    return folder


def succeed(*command: str) -> None:
    """Run a command, which has to come to a good end."""
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=_plain())
    assert done.returncode == 0, done.stdout + done.stderr


def _plain() -> dict[str, str]:
    """This process's environment without what leads to this repository or its environment."""
    misleading = ("PYTHON", "MLFLOW_", "KERAS_", "CLR_SWEEP_", "VIRTUAL_ENV")
    return {key: value for key, value in os.environ.items() if not key.startswith(misleading)}


class Visitor:
    """A user with an empty home, in an empty folder."""

    def __init__(self, environment: Path, folder: Path) -> None:
        self.folder, home = folder / "work", folder / "home"
        self.folder.mkdir()
        home.mkdir()
        self.python = str(environment / "bin" / "python")
        self.command = str(environment / "bin" / "clr-sweep")
        path = os.pathsep.join([str(environment / "bin"), os.environ.get("PATH", os.defpath)])
        self.variables = {**_plain(), "HOME": str(home), "PATH": path}
        self.variables["MLFLOW_DISABLE_TELEMETRY"] = "true"

    def run(self, *command: str) -> str:
        """Run a command to its end, which has to be a good one; returns all that it said."""
        done = subprocess.run(
            command,
            cwd=self.folder,
            env=self.variables,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout
        assert "Traceback" not in done.stdout
        return done.stdout

    def clr_sweep(self, *arguments: str) -> str:
        """`clr-sweep ARGUMENTS`."""
        return self.run(self.command, *arguments)


@pytest.fixture
def visitor(environment: Path, tmp_path: Path) -> Visitor:
    """Somebody who has the wheel and nothing else."""
    return Visitor(environment, tmp_path)


def test_an_index_would_take_them(built: Path) -> None:
    """Both distributions are well described, down to a README that renders."""
    files = sorted(map(str, built.iterdir()))
    assert len(files) == 2, files
    succeed(sys.executable, "-m", "twine", "check", "--strict", *files)


def test_it_is_the_wheel_that_is_tried(visitor: Visitor) -> None:
    """What is imported lies in the fresh environment, with the sweeps and their schema."""
    code = "import clr_sweep; print(clr_sweep.__file__)"
    file = Path(visitor.run(visitor.python, "-c", code).strip())
    assert not file.is_relative_to(PROJECT)
    sweeps = file.parent / "definition" / "sweeps"
    schema = Path(visitor.clr_sweep("schema", "--path").strip())
    found = {path for path in sweeps.rglob("*") if path.is_file() and path.suffix != ".pyc"}
    assert found == {schema, *(sweeps / path for path in (*SHIPPED, *MODULES))}
    assert (file.parent / "py.typed").exists()


def test_help(visitor: Visitor) -> None:
    """The command is on the path, and knows its version."""
    assert "clr-sweep" in visitor.clr_sweep("--help")
    version = yaml.safe_load(visitor.clr_sweep("--version").split()[-1])
    assert f'version = "{version}"' in (PROJECT / "pyproject.toml").read_text(encoding="utf-8")


@pytest.mark.parametrize("file", [pytest.param(file, id=file.stem) for file in SHIPPED])
def test_a_shipped_sweep_by_name(visitor: Visitor, file: Path) -> None:
    """Each can be named from an empty folder, by its name and as the docs write it."""
    name = file.with_suffix("").as_posix()
    by_name = visitor.clr_sweep("check", name)
    assert f"sweep {name}: the one that clr-sweep ships" in by_name
    assert ": valid\n" in by_name
    as_in_the_docs = visitor.clr_sweep("check", f"sweeps/{file.as_posix()}")
    assert as_in_the_docs.splitlines()[1:] == by_name.splitlines()[1:]
    assert list(visitor.folder.iterdir()) == []


@pytest.mark.parametrize("name", public_names())
def test_a_public_name_as_the_first_import(visitor: Visitor, name: str) -> None:
    """Whatever is imported first, in a process of its own."""
    visitor.run(visitor.python, "-c", f"from clr_sweep import {name}")


def test_a_small_sweep(visitor: Visitor) -> None:
    """Another model and other data than the tutorial's: run, export, train and doctor."""
    (visitor.folder / "rings_code.py").write_text(textwrap.dedent(MODULE), encoding="utf-8")
    (visitor.folder / "rings.yaml").write_text(SWEEP, encoding="utf-8")
    said = visitor.clr_sweep("run", "rings.yaml")
    assert "2 trials" in said
    (command,) = (line for line in said.splitlines() if line.startswith("Best configuration: "))
    assert command == "Best configuration: clr-sweep export rings -o best.yaml"
    visitor.clr_sweep(*command.split()[3:])
    exported = yaml.safe_load((visitor.folder / "best.yaml").read_text(encoding="utf-8"))
    assert exported["config"]["model"]["arguments"]["units"] in (4, 16)
    trained = visitor.clr_sweep("train", "best.yaml")
    for name in ("loss", "accuracy", "val_loss", "val_accuracy"):
        assert f"  {name}: {exported['metrics'][name]!r}\n" in trained
    assert "study rings: all is well" in visitor.clr_sweep("doctor")
    assert (visitor.folder / "mlflow.db").exists()


def test_a_regression(visitor: Visitor) -> None:
    """A loss that is no classification's: nothing is said of an accuracy that nobody measured."""
    (visitor.folder / "rings_code.py").write_text(textwrap.dedent(MODULE), encoding="utf-8")
    (visitor.folder / "distances.yaml").write_text(REGRESSION, encoding="utf-8")
    said = visitor.clr_sweep("run", "distances.yaml")
    assert "val_mean_absolute_error" in said
    assert "accuracy" not in said
    exported = yaml.safe_load(visitor.clr_sweep("export", "distances"))
    assert {"test_loss", "test_mean_absolute_error"} <= exported["metrics"].keys()
    assert "study distances: all is well" in visitor.clr_sweep("doctor", "distances")

"""A copy of the project, and `mlflow run` on it."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

from real_runs import MLFLOW, PROJECT, Place, Running

LOCAL = ("--env-manager", "local")
_RUN_ID = re.compile(r"in run with ID '([0-9a-f]{32})'")


def copy_project(folder: Path) -> None:
    """What `mlflow run` and pip need of the repository."""
    for name in ("MLproject", "conda.yaml", "pyproject.toml", "README.md", "LICENSE"):
        if (PROJECT / name).exists():
            shutil.copy(PROJECT / name, folder)
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(PROJECT / "sweeps", folder / "sweeps", ignore=ignored)
    # Links as links: the package has one to the sweeps.
    shutil.copytree(PROJECT / "clr_sweep", folder / "clr_sweep", ignore=ignored, symlinks=True)


def run_id(running: Running) -> str:
    """The id of the run that `mlflow run` made, from what it printed."""
    found = _RUN_ID.search(running.output)
    assert found, running.output
    return found[1]


def mlflow_run(place: Place, *arguments: str, **parameters: object) -> Running:
    """Start `mlflow run .`."""
    given = [word for key, value in parameters.items() for word in ("-P", f"{key}={value}")]
    return place.start(*MLFLOW, "run", ".", *arguments, *given)

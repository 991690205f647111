"""A command that is the entry point of an MLflow project, and where its user is."""

from __future__ import annotations

import logging
import os
import sys
from pathlib import Path

from clr_sweep.common.stopping import is_mlflow_run

_log = logging.getLogger(__name__)


def go_to_user() -> Path | None:
    """Make the folder in which `mlflow run` was typed the current one.

    MLflow starts an entry point in the project's folder, which for a Git address is a clone that
    it makes anew each time: a study there would be lost to the next start, and to its user. Its
    own store is where the user is, and so the study has to be.

    Returns:
        The project's folder, if it was left: files that the user names may be there.
    """
    project = Path.cwd()
    if "MLFLOW_RUN_ID" not in os.environ or not (project / "MLproject").exists():
        return None
    folder = _folder_of_user(os.environ["MLFLOW_RUN_ID"])
    if folder is None:
        _log.warning("where `mlflow run` was typed is not known: the study lies in %s", project)
        return None
    if folder.samefile(project):
        return None
    if str(project) in sys.path:
        # The processes of the trials are to import the project's code too, not what is installed.
        before = os.environ.get("PYTHONPATH")
        os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [str(project), before]))
    os.chdir(folder)
    return project


def in_project(given: Path, project: Path | None) -> Path:
    """A file that was named in `mlflow run`: the user's, else the project's of that name."""
    if project is None or os.path.lexists(given) or not os.path.lexists(project / given):
        return given
    _log.info("%s: that of the project, %s", given, project / given)
    return project / given


def _folder_of_user(run_id: str) -> Path | None:
    """The current folder of the `mlflow run`, or of the program, that started this run.

    What MLflow starts, it starts with the run's id in the environment. A program that called
    `mlflow.projects.run` may not have waited: then there is an `mlflow run` that has the id too,
    and that stays where it was started, whereto the program may not.
    """
    import psutil

    try:
        for process in psutil.Process().parents():
            if process.environ().get("MLFLOW_RUN_ID") != run_id or is_mlflow_run(process):
                return Path(process.cwd())
    except psutil.Error:
        pass
    # A container that was started for the run has nobody above it.
    return None

"""A study deleted whole: its runs in MLflow, its folders, and last itself in Optuna's storage.

The study goes last, and before anything else it is marked, so that a deletion that was killed is
seen for what it is and can be done again; what it had deleted by then is simply not there any more.
"""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import optuna
from mlflow.entities import Run
from mlflow.tracking import MlflowClient
from optuna.storages import BaseStorage

from clr_sweep.common.counts import plural
from clr_sweep.common.errors import InputError, StoreError
from clr_sweep.search import storage
from clr_sweep.search.arms import is_part_name
from clr_sweep.search.attributes import DELETING, FACTS, FOLDER, STUDY_ID
from clr_sweep.search.one_driver import only_driver
from clr_sweep.search.places import Places
from clr_sweep.search.study_folder import only_driver_here
from clr_sweep.tracking.find_runs import runs_of_study
from clr_sweep.tracking.logged_models import delete_models
from clr_sweep.tracking.registry import versions_of_runs
from clr_sweep.tracking.views import delete_view


@dataclass(frozen=True)
class Doomed:
    """A study that is to be deleted, with all that belongs to it.

    Attributes:
        folders: its own, and those of trials that lie elsewhere.
        runs: in MLflow, the sweep's own last.
    """

    study: optuna.Study
    folders: tuple[Path, ...]
    runs: tuple[Run, ...]

    def lines(self) -> Iterator[str]:
        """What will be deleted, for people."""
        yield f"study {self.study.study_name}, {plural(len(self.study.trials), 'trial')}"
        for folder in self.folders:
            files = [file for file in folder.rglob("*") if file.is_file()]
            size = sum(file.lstat().st_size for file in files) / 1e6
            yield f"  the folder {folder}, {plural(len(files), 'file')}, {size:.1f} MB"
        if self.runs:
            yield f"  {plural(len(self.runs), 'run')} in MLflow, with their models"


def whole_study(store: BaseStorage, name: str, client: MlflowClient | None) -> tuple[Doomed, ...]:
    """A study and the studies that its comparisons are made of; the study itself comes last.

    Args:
        client: of MLflow's store; None where that is not there.

    Raises:
        InputError: there is no such study.
    """
    study = storage.load_study(store, name, half_deleted=True)
    others = [one for one in storage.own_studies(store) if _is_part(one, name)]
    return tuple(_doomed(one, client) for one in (*others, study))


def refuse_registered(client: MlflowClient | None, doomed: Sequence[Doomed]) -> None:
    """Keep a model that somebody may be using.

    Raises:
        InputError: models of the runs are in MLflow's model registry.
    """
    if client is None:
        return
    study_of = {run.info.run_id: one.study.study_name for one in doomed for run in one.runs}
    problems = [
        f"version {version.version} of the registered model {version.name!r}"
        + (f" ({', '.join(version.aliases)})" if version.aliases else "")
        + f" is a model of study {study_of[version.run_id]!r}, and would be gone with it: delete "
        f"it first (`MlflowClient().delete_model_version({version.name!r}, {version.version!r})`)"
        for version in versions_of_runs(client, study_of)
    ]
    if problems:
        raise InputError(problems)


@contextlib.contextmanager
def held(store: BaseStorage, url: str | None, doomed: Sequence[Doomed]) -> Iterator[None]:
    """Hold the locks of all of them.

    Raises:
        InputError: a process runs one of them.
    """
    with contextlib.ExitStack() as locks:
        for one in doomed:
            name = one.study.study_name
            home = Places(one.study).home
            if home is not None and home.is_dir():
                locks.enter_context(only_driver_here(home, name))
            holder = locks.enter_context(only_driver(url, name))
            locks.enter_context(holder.guarding(store))
        yield


def delete(store: BaseStorage, one: Doomed, client: MlflowClient | None) -> None:
    """Delete a study whose locks are held.

    Raises:
        StoreError: a folder cannot be deleted.
    """
    one.study.set_user_attr(DELETING, True)
    if client is not None:
        for experiment in {run.info.experiment_id for run in one.runs}:
            delete_view(client, experiment, one.study.study_name)
        for run in one.runs:
            delete_models(client, run.info.run_id)
            client.delete_run(run.info.run_id)
    for folder in one.folders:
        try:
            shutil.rmtree(folder)
        except OSError as error:
            raise StoreError(
                f"{error.filename or folder} cannot be deleted: {error.strerror or error}; the "
                "same command deletes the rest"
            ) from error
    store.delete_study(one.study._study_id)


def _doomed(study: optuna.Study, client: MlflowClient | None) -> Doomed:
    study_id = study.user_attrs.get(STUDY_ID)
    runs = runs_of_study(client, study_id) if client is not None and study_id else []
    return Doomed(study, tuple(_folders(study)), tuple(runs))


def _is_part(study: optuna.Study, of: str) -> bool:
    # The searches and the trainings of a comparison are not tested as whole studies are.
    is_whole = study.user_attrs.get(FACTS, {}).get("is_tested", True)
    return not is_whole and study.study_name != of and is_part_name(study.study_name, of)


def compared_with(store: BaseStorage, study: optuna.Study) -> str | None:
    """The name of the study, if it is there, whose comparison a study is a part of."""
    names = (one.study_name for one in storage.own_studies(store))
    return next((name for name in names if _is_part(study, name)), None)


def _folders(study: optuna.Study) -> Iterator[Path]:
    """Those that are there, each once."""
    places = Places(study)
    home = places.home
    if home is not None and home.is_dir():
        yield home
    for trial in study.get_trials(deepcopy=False):
        if FOLDER not in trial.user_attrs:
            continue
        folder = places.found(trial.user_attrs[FOLDER])
        if folder.is_dir() and (home is None or not folder.is_relative_to(home)):
            yield folder

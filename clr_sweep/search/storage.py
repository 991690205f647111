"""The study in Optuna's storage, which is the truth: opened, begun, continued or refused."""

from __future__ import annotations

import uuid
import warnings
from collections.abc import Iterator, Mapping
from typing import Any

import optuna
from sqlalchemy.engine import make_url
from sqlalchemy.exc import SQLAlchemyError

from clr_sweep.common.database_owner import owner
from clr_sweep.common.door import option
from clr_sweep.common.errors import InputError, StoreError, StudyChangedError
from clr_sweep.common.nearest import hint
from clr_sweep.common.secrets import hidden_address, remember
from clr_sweep.common.sqlite_files import damage, is_missing, with_cure
from clr_sweep.definition import problems as wording
from clr_sweep.definition.storage_urls import absolute, sqlite_file, storage_problem, url_problem
from clr_sweep.definition.sweep import Sweep
from clr_sweep.search.attributes import (
    DELETING,
    FACTS,
    STUDY_ID,
    SWEEP,
    SWEEP_TEXT,
    WARM_START,
)
from clr_sweep.search.lost_connections import wait_for_server
from clr_sweep.search.postgresql import CURE, engine_options, server_engine, with_driver
from clr_sweep.search.pruners import make_pruner
from clr_sweep.search.tables import with_tables

DEFAULT_STORAGE = "sqlite:///optuna.db"
# What may differ between two starts of one study: how much and where, not what.
_MAY_CHANGE = (
    "study.trials",
    "study.jobs",
    "study.trials_per_gpu",
    "study.storage",
    "study.name",
    "study.retries",
    "study.trial_timeout",
    "study.timeout",
    "study.stop_when",
    "comparison",
    "engine",
    "description",
    "dataset.folder",
    "dataset.in_memory",
    # Whether the bounds are used, not which: once they are, they are stored for ever.
    "range_test.min_seeds",
)


# Where a study is stored may hold a password, and is known to whoever reads it there; where another
# one is that it begins with does not matter once it has begun; where MLflow shows it is kept with
# its facts.
NOT_MADE_FROM: Mapping[str, Any] = {
    "study": {"storage": True, "warm_start": {"storage"}}, "tracking": True,
}  # fmt: skip


def open_storage(url: str, *, must_exist: bool = False) -> optuna.storages.BaseStorage:
    """Connect to the storage.

    Raises:
        InputError: the URL names no database, or one in memory where one must exist.
        StoreError: it cannot be reached, read or written; the message never shows a password.
    """
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    remember(url)
    # What is in memory cannot be there; who makes one here may go on with it, as long as it lives.
    problem = storage_problem(url) if must_exist else url_problem(url)
    if problem is not None:
        place = option("--storage").rstrip("=") if must_exist else "study.storage"
        raise InputError(f"{place}: {problem}")
    shown = hidden_address(url)
    # A process may go on in another folder while this is open.
    url = absolute(url)
    if must_exist and (file := sqlite_file(url)) is not None and is_missing(file):
        raise StoreError(
            f"there is no study storage {file.absolute()}: run this in the folder of the "
            f"sweep, or name the storage with {option('--storage')}"
        )
    if (file := sqlite_file(url)) is not None and (wrong := damage(file)):
        raise StoreError(f"the study storage {shown} cannot be used: {wrong}")
    try:
        engine = server_engine(url)
        try:
            if owner(engine) == "MLflow":
                raise StoreError(
                    f"the study storage {shown} is an MLflow store, and Optuna and MLflow need a "
                    f"database each: name another with {option('--storage')}"
                )
        finally:
            engine.dispose()
        # Asked before it is used: a connection may have been lost while a trial was training.
        storage = with_tables(
            with_driver(url), engine_kwargs={"pool_pre_ping": True, **engine_options(url)}
        )
    except (SQLAlchemyError, ImportError, RuntimeError, OSError) as error:
        why = str(getattr(error, "orig", None) or error).splitlines()[0]
        if isinstance(error, ImportError):
            why = f"the Python package that reads it is not installed ({error.__cause__ or error})"
            if make_url(url).drivername == "postgresql+psycopg":
                why += f": {CURE}"
        why = with_cure(why, sqlite_file(url))
        raise StoreError(f"the study storage {shown} cannot be used: {why}") from None
    if sqlite_file(url) is None:
        wait_for_server(storage.engine)
    return storage


def open_study(
    storage: optuna.storages.BaseStorage,
    sweep: Sweep,
    text: str,
    facts: Mapping[str, Any],
    begins_with: Mapping[str, Any] | None = None,
) -> optuna.Study:
    """Create the study, or continue the one of this name.

    Args:
        text: the sweep file as it was read.
        facts: what the study depends on beyond the sweep: the data's digest, where its modules
            are found.
        begins_with: what one that is created keeps for `study.warm_start`, see `settled`.

    Raises:
        InputError: it is no study of clr-sweep's, or one that is half deleted.
        StudyChangedError: the stored study was made from another definition or other data.
    """
    study = optuna.create_study(
        study_name=sweep.study_name,
        storage=storage,
        direction=sweep.objective.direction,
        load_if_exists=True,
        pruner=make_pruner(sweep),
    )
    definition = _definition(sweep)
    stored = study.user_attrs
    _refuse_half_deleted(study)
    if SWEEP not in stored:
        if study.get_trials(deepcopy=False):
            raise InputError(
                f"study {sweep.study_name!r} in this storage was not made by clr-sweep: "
                f"choose another name with {option('--study')}"
            )
        study.set_user_attr(STUDY_ID, uuid.uuid4().hex)
        study.set_user_attr(SWEEP_TEXT, text)
        study.set_user_attr(FACTS, dict(facts))
        if begins_with is not None:
            study.set_user_attr(WARM_START, dict(begins_with))
        study.set_user_attr(SWEEP, definition)
    else:
        refuse_changes(study, sweep, facts.get("data_digest"))
        if STUDY_ID not in stored:
            study.set_user_attr(STUDY_ID, uuid.uuid4().hex)
        study.set_user_attr(FACTS, dict(facts))
    _name_metric(study, sweep.objective.metric)
    return study


def _name_metric(study: optuna.Study, metric: str) -> None:
    """Let optuna-dashboard and Optuna's tables show the metric's name, not "Objective 0".

    A study of an earlier version has none, and gets it when it is continued.
    """
    if study.metric_names != [metric]:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
            study.set_metric_names([metric])


def load_study(
    storage: optuna.storages.BaseStorage, name: str, *, half_deleted: bool = False
) -> optuna.Study:
    """A stored study by name.

    Args:
        half_deleted: it may be one whose deletion was begun.

    Raises:
        InputError: there is none; the message lists those there are.
    """
    try:
        study = optuna.load_study(study_name=name, storage=storage)
    except KeyError:
        names = sorted(optuna.get_all_study_names(storage))
        raise InputError(
            f"there is no study {name!r} in the storage{hint(name, names)} "
            f"(there: {', '.join(names) or 'none'})"
        ) from None
    if SWEEP not in study.user_attrs:
        raise InputError(f"study {name!r} was not made by clr-sweep")
    if not half_deleted:
        _refuse_half_deleted(study)
    return study


def _refuse_half_deleted(study: optuna.Study) -> None:
    if DELETING in study.user_attrs:
        raise InputError(
            f"study {study.study_name!r} is half deleted: `clr-sweep delete {study.study_name}` "
            "deletes the rest"
        )


def is_begun(storage: optuna.storages.BaseStorage, name: str) -> bool:
    """Whether the storage holds a study of this name that clr-sweep made."""
    try:
        return SWEEP in storage.get_study_user_attrs(storage.get_study_id_from_name(name))
    except KeyError:
        return False


def own_studies(storage: optuna.storages.BaseStorage) -> Iterator[optuna.Study]:
    """The studies that clr-sweep made, by name."""
    for name in sorted(optuna.get_all_study_names(storage)):
        study = optuna.load_study(study_name=name, storage=storage)
        if SWEEP in study.user_attrs:
            yield study


def refuse_changes(study: optuna.Study, sweep: Sweep, digest: str | None) -> None:
    """Find out whether a stored study was made from this definition and these data.

    Args:
        digest: of the data.

    Raises:
        StudyChangedError: it was made from others.
    """
    stored = study.user_attrs
    # With the keys that have come with later versions, at their defaults.
    before = _definition(Sweep.from_json(stored[SWEEP]))
    changes = list(_changes(before, _definition(sweep)))
    if (old_digest := stored[FACTS].get("data_digest")) != digest:
        changes.append(f"the data: SHA-256 was {old_digest}, is now {digest}")
    if changes:
        cure = (
            f"give the new definition a study of its own ({option('--study', 'NAME')}), or put the "
            "old values back"
        )
        if not any(trial.state.is_finished() for trial in study.get_trials(deepcopy=False)):
            cure += f"; none of its trials has ended: `clr-sweep delete {study.study_name}`"
        raise StudyChangedError(
            [
                f"study {study.study_name!r} was made from another definition, so its trials "
                "cannot be continued:",
                *(f"  {change}" for change in changes),
                f"  cure: {cure}",
            ]
        )


def _definition(sweep: Sweep) -> dict[str, Any]:
    """What a study is made from."""
    excluded: dict[str, Any] = dict(NOT_MADE_FROM)
    if sweep.search_space.origin is None:
        # `clr-sweep range-test` reads it, the study does not.
        excluded["range_test"] = True
    return sweep.model_dump(mode="json", exclude=excluded)


def _changes(before: Any, now: Any, place: str = "") -> Iterator[str]:
    """Where two definitions differ, each place with what stood there and what stands there now."""
    if isinstance(before, Mapping) and isinstance(now, Mapping):
        for key in dict.fromkeys([*before, *now]):
            below = f"{place}.{key}" if place else str(key)
            if below not in _MAY_CHANGE:
                yield from _changes(before.get(key, _ABSENT), now.get(key, _ABSENT), below)
    elif before != now:
        old, new = ("not given" if v is _ABSENT else wording.shown(v) for v in (before, now))
        yield f"{place}: was {old}, is now {new}"


_ABSENT = object()

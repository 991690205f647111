"""The study in Optuna's storage, which is the truth: opened, continued, written and read."""

from __future__ import annotations

import json
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import optuna
from optuna.trial import FrozenTrial, TrialState
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, SQLAlchemyError

from clr_sweep import wording
from clr_sweep.config import Sweep, TrialConfig
from clr_sweep.errors import InputError, StoreError, StudyChangedError
from clr_sweep.records import Divergence, Kind, State, StudyRecord, TrialRecord, TrialResult
from clr_sweep.search.pruning import POSITIONS, make_pruner
from clr_sweep.training.folder import TrialFolder

DEFAULT_STORAGE = "sqlite:///optuna.db"
# Attributes of the study.
SWEEP, SWEEP_TEXT, FACTS, BASELINE = "sweep", "sweep_text", "facts", "baseline"
# Attributes of a trial.
CONFIG, RESULT, STATE, REASON, FOLDER = "config", "result", "state", "reason", "folder"
PROVENANCE = "provenance"
# What may differ between two starts of one study: how much and where, not what.
_MAY_CHANGE = (
    "study.trials",
    "study.jobs",
    "study.storage",
    "study.name",
    "description",
    "dataset.folder",
)


def open_storage(url: str, *, must_exist: bool = False) -> optuna.storages.BaseStorage:
    """Connect to the storage.

    Raises:
        StoreError: it cannot be reached, read or written; the message never shows a password.
    """
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):  # ValueError: a port that is no number
        raise InputError(
            "study.storage: must be a database URL such as sqlite:///optuna.db or "
            f"postgresql://user:password@host:5432/name, got {wording.shown(url)}"
        ) from None
    shown = wording.without_password(parsed.render_as_string(hide_password=True))
    if must_exist and parsed.get_backend_name() == "sqlite":
        file = Path(parsed.database or "")
        if not file.is_file():
            raise StoreError(
                f"there is no study storage {file.absolute()}: run this in the folder of the "
                "sweep, or name the storage with --storage"
            )
    try:
        storage = optuna.storages.RDBStorage(url)
    except (SQLAlchemyError, ImportError, RuntimeError, OSError) as error:
        why = str(getattr(error, "orig", None) or error).splitlines()[0]
        if isinstance(error, ImportError):
            why = f"the Python package that reads it is not installed ({error.__cause__})"
        if parsed.password:
            why = why.replace(str(parsed.password), "***")
        raise StoreError(f"the study storage {shown} cannot be used: {why}") from None
    return storage


def absolute(url: str) -> str:
    """The URL with the whole path of a SQLite file, so that it holds in other folders too."""
    parsed = make_url(url)
    file = parsed.database
    if parsed.get_backend_name() != "sqlite" or not file or file.startswith((":", "file:")):
        return url
    return parsed.set(database=str(Path(file).absolute())).render_as_string(hide_password=False)


def open_study(
    storage: optuna.storages.BaseStorage, sweep: Sweep, text: str, facts: Mapping[str, Any]
) -> optuna.Study:
    """Create the study, or continue the one of this name.

    Args:
        text: the sweep file as it was read.
        facts: what the study depends on beyond the sweep: the data's digest, the folder.

    Raises:
        StudyChangedError: the stored study was made from another definition or other data.
    """
    study = optuna.create_study(
        study_name=sweep.study_name,
        storage=storage,
        direction=sweep.objective.direction,
        load_if_exists=True,
        pruner=make_pruner(sweep),
    )
    # Where the study is stored may hold a password, and is known to whoever reads it there.
    definition = sweep.model_dump(mode="json", exclude={"study": {"storage"}})
    stored = study.user_attrs
    if SWEEP not in stored:
        if study.get_trials(deepcopy=False):
            raise InputError(
                f"study {sweep.study_name!r} in this storage was not made by clr-sweep: "
                "choose another name with --study"
            )
        study.set_user_attr(FACTS, dict(facts))
        study.set_user_attr(SWEEP_TEXT, text)
        study.set_user_attr(SWEEP, definition)
    else:
        _refuse_changes(sweep.study_name, stored, definition, facts)
    return study


def next_sampler(study: optuna.Study, sweep: Sweep) -> optuna.samplers.BaseSampler:
    """The sampler for the next trial that is asked for."""
    trials = study.get_trials(deepcopy=False)
    waiting = next((trial for trial in trials if trial.state == TrialState.WAITING), None)
    if waiting is not None and CONFIG in waiting.user_attrs:
        # It has all its values; a sampler that counts (qmc) would count it twice.
        return optuna.samplers.RandomSampler(seed=0)
    return make_sampler(sweep, len(trials) if waiting is None else waiting.number)


def make_sampler(sweep: Sweep, number: int) -> optuna.samplers.BaseSampler:
    """The sampler of one trial, seeded from (seed, trial number).

    A study that was interrupted goes on as it would have without (with one trial at a time: the
    trials that run beside it are among what TPE knows).
    """
    seed = int(np.random.SeedSequence([sweep.study.seed, number, 1]).generate_state(1)[0])
    if sweep.study.sampler == "random":
        return optuna.samplers.RandomSampler(seed=seed)
    if sweep.study.sampler == "qmc":
        # The sequence goes on by itself: it has to keep the seed it began with.
        return optuna.samplers.QMCSampler(
            seed=sweep.study.seed,
            scramble=True,
            independent_sampler=optuna.samplers.RandomSampler(seed=seed),
            warn_independent_sampling=False,
        )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        # Parameters that only some policies have (gamma) are sampled in groups of their own.
        return optuna.samplers.TPESampler(seed=seed, multivariate=True, group=True)


def waiting_again(study: optuna.Study) -> list[int]:
    """Put trials that no driver runs back into the queue, under their numbers and parameters.

    A RUNNING trial at the start of a driver was left behind by one that died.

    Returns:
        The numbers of all that wait now, those that a stopped driver put back among them.
    """
    for trial in study.get_trials(deepcopy=False, states=(TrialState.RUNNING,)):
        put_back(study, trial)
    waiting = study.get_trials(deepcopy=False, states=(TrialState.WAITING,))
    return [trial.number for trial in waiting]


def put_back(study: optuna.Study, trial: FrozenTrial | optuna.Trial) -> None:
    """Let a trial that was interrupted wait for its next start."""
    study._storage.set_trial_state_values(trial._trial_id, TrialState.WAITING)


def begin_trial(
    trial: optuna.Trial,
    config: TrialConfig,
    folder: Path,
    places: list[float],
    provenance: Mapping[str, Any],
) -> None:
    """Store what a trial is before it starts."""
    trial.set_user_attr(CONFIG, config.model_dump(mode="json"))
    trial.set_user_attr(FOLDER, str(folder))
    trial.set_user_attr(POSITIONS, places)
    trial.set_user_attr(PROVENANCE, dict(provenance))


def record_result(study: optuna.Study, trial: optuna.Trial, result: TrialResult) -> None:
    """Store how a trial ended: what belongs to it first, its end state last.

    A diverged trial is told as PRUNED: the sampler ranks it below the complete ones and learns
    from it, and no value that is not a number enters the storage.
    """
    trial.set_user_attr(RESULT, asdict(result))
    trial.set_user_attr(STATE, result.state)
    trial.set_user_attr(REASON, result.reason)
    if result.state == "complete" and result.value is not None:
        study.tell(trial, result.value)
    else:
        study.tell(trial, state=TrialState.PRUNED)


def record_failure(study: optuna.Study, trial: optuna.Trial, reason: str) -> None:
    """Store that a trial failed, and why."""
    trial.set_user_attr(STATE, "failed")
    trial.set_user_attr(REASON, reason)
    study.tell(trial, state=TrialState.FAIL)


def record_baseline(
    study: optuna.Study,
    config: TrialConfig,
    folder: Path,
    provenance: Mapping[str, Any],
    result: TrialResult | None,
    state: State,
    reason: str | None = None,
) -> None:
    """Store how the baseline ended; it is no trial: the sampler must not learn from it."""
    content = {
        CONFIG: config.model_dump(mode="json"),
        FOLDER: str(folder),
        PROVENANCE: dict(provenance),
        RESULT: asdict(result) if result else None,
        STATE: state,
        REASON: reason,
    }
    study.set_user_attr(BASELINE, content)


def read_study(study: optuna.Study) -> StudyRecord:
    """The study as it is stored, with the epochs from the trials' folders."""
    sweep = stored_sweep(study)
    trials = tuple(
        _trial_record(trial)
        for trial in study.get_trials(deepcopy=False)
        if CONFIG in trial.user_attrs
    )
    baseline = study.user_attrs.get(BASELINE)
    return StudyRecord(
        name=study.study_name,
        metric=sweep.objective.metric,
        direction=sweep.objective.direction,
        trials=trials,
        baseline=_record("baseline", None, baseline, {}) if baseline else None,
        importances=_importances(study),
    )


def stored_sweep(study: optuna.Study) -> Sweep:
    """The definition that the study was made from."""
    return Sweep.model_validate_json(json.dumps(study.user_attrs[SWEEP]))


def load_study(storage: optuna.storages.BaseStorage, name: str) -> optuna.Study:
    """A stored study by name.

    Raises:
        InputError: there is none; the message lists those there are.
    """
    try:
        study = optuna.load_study(study_name=name, storage=storage)
    except KeyError:
        names = sorted(optuna.get_all_study_names(storage))
        raise InputError(
            f"there is no study {name!r} in the storage (there: {', '.join(names) or 'none'})"
        ) from None
    if SWEEP not in study.user_attrs:
        raise InputError(f"study {name!r} was not made by clr-sweep")
    return study


def _trial_record(trial: FrozenTrial) -> TrialRecord:
    attributes = dict(trial.user_attrs)
    if not trial.state.is_finished():
        waiting = trial.state == TrialState.WAITING
        attributes[STATE] = "interrupted" if waiting else "running"
    attributes.setdefault(STATE, "failed")
    return _record("trial", trial.number, attributes, trial.params)


def _record(
    kind: Kind, number: int | None, content: Mapping[str, Any], params: Mapping[str, Any]
) -> TrialRecord:
    folder = TrialFolder(Path(content[FOLDER]))
    result: Mapping[str, Any] = content.get(RESULT) or {}
    where = result.get("divergence")
    return TrialRecord(
        kind=kind,
        number=number,
        state=content[STATE],
        reason=content.get(REASON),
        config=TrialConfig.model_validate_json(json.dumps(content[CONFIG])),
        folder=folder.path,
        value=result.get("value"),
        params=dict(params),
        metrics=result.get("metrics", {}),
        test_metrics=folder.test_metrics(),
        reports=folder.reports(),
        cpu_seconds=result.get("cpu_seconds", 0.0),
        wall_seconds=result.get("wall_seconds", 0.0),
        divergence=Divergence(**where) if where else None,
        provenance=content.get(PROVENANCE) or {},
    )


def _importances(study: optuna.Study) -> dict[str, float]:
    """PED-ANOVA importances, or none where there are too few trials for them."""
    complete = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
    if len(complete) < 10:
        return {}
    try:
        return dict(optuna.importance.get_param_importances(study))
    except (ValueError, RuntimeError, ZeroDivisionError):
        return {}


def _refuse_changes(
    name: str, stored: Mapping[str, Any], definition: Mapping[str, Any], facts: Mapping[str, Any]
) -> None:
    changes = list(_changes(stored[SWEEP], definition))
    old_digest, digest = stored[FACTS].get("data_digest"), facts.get("data_digest")
    if old_digest != digest:
        changes.append(f"the data: SHA-256 was {old_digest}, is now {digest}")
    if changes:
        raise StudyChangedError(
            [
                f"study {name!r} was made from another definition, so its trials cannot be "
                "continued:",
                *(f"  {change}" for change in changes),
                "  cure: give the new definition a study of its own (--study NAME), or put the "
                "old values back",
            ]
        )


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

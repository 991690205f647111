"""A search that begins with the best trials of another study: which these are, and what fits.

It is settled when the study is made, before its first trial, and kept with it: the other study may
grow or be deleted, and the search is the same whenever and wherever it goes on.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import optuna

from clr_sweep.common.errors import InputError, StoreError
from clr_sweep.common.nearest import hint
from clr_sweep.common.secrets import hidden_address
from clr_sweep.common.sqlite_files import is_missing
from clr_sweep.definition.carried_values import Carried, carried, shown_value
from clr_sweep.definition.search_space import RATIO
from clr_sweep.definition.storage_urls import absolute, sqlite_file
from clr_sweep.definition.sweep import ON_TEST_SET, Sweep
from clr_sweep.definition.trial_config import TrialConfig
from clr_sweep.search import attributes as keys
from clr_sweep.search.listing import ranked_trials
from clr_sweep.search.storage import (
    DEFAULT_STORAGE,
    is_begun,
    load_study,
    open_storage,
)

Settled = Mapping[str, Any]
"""What is kept with the study, as JSON has it: the other one, and its trials with their values."""


def settled(sweep: Sweep, store: optuna.storages.BaseStorage) -> Settled | None:
    """The best trials of the other study as they are now; None where the sweep asks for none.

    Args:
        store: of the study that is to be made.

    Raises:
        InputError: there is no such study or storage, no trial of it is complete, or nothing of
            its best trials lies in the search space.
        StoreError: its storage cannot be used.
    """
    asked = sweep.study.warm_start
    if asked is None:
        return None
    own = sweep.study.storage or DEFAULT_STORAGE
    with _storage_of(asked.storage, own, store) as there:
        if there is store and asked.study == sweep.study_name:
            raise InputError(
                "study.warm_start.study: must be another study than the one that begins with it, "
                f"got {asked.study!r}"
            )
        other = _other(there, asked.study, hidden_address(asked.storage or own))
        found = _best(other, asked.trials)
    if sweep.search_space.awaits_range_test:
        return found
    fitted = {one["number"]: _carried(sweep, one) for one in found["trials"]}
    if not any(one.given for one in fitted.values()):
        why = "; ".join(f"trial {number}: {_not_given(one)}" for number, one in fitted.items())
        raise InputError(
            f"study.warm_start.study: nothing of the best trials of study {asked.study!r} lies in "
            f"the search space ({why}): widen the space, or begin with another study"
        )
    return found


def looked_up(sweep: Sweep) -> Settled | None:
    """The best trials of the other study that a study begins with, or would begin with now.

    Raises:
        As `settled`.
    """
    own = sweep.study.storage or DEFAULT_STORAGE
    asked, file = sweep.study.warm_start, sqlite_file(own)
    if asked is None:
        return None
    if file is None or not is_missing(file):
        store = open_storage(own)
    elif asked.storage is None:
        raise InputError(
            f"study.warm_start.storage: there is no study storage {file.absolute()}: name the one "
            f"that study {asked.study!r} lies in, or start in the folder of the sweep"
        )
    else:
        store = optuna.storages.InMemoryStorage()
    if is_begun(store, sweep.study_name):
        stored: Settled | None = load_study(store, sweep.study_name).user_attrs.get(keys.WARM_START)
        return stored
    return settled(sweep, store)


def carried_trials(sweep: Sweep, stored: Settled | None) -> Iterator[tuple[Mapping[str, Any], str]]:
    """The parameters of each trial that a study begins with, and where they come from in words.

    One of which nothing lies in the search space is left out.

    Args:
        sweep: with the ranges of its range test, if it has one.
        stored: what is kept with the study.
    """
    if stored is None:
        return
    trials = stored["trials"]
    for place, one in enumerate(trials, start=1):
        if given := _carried(sweep, one).given:
            which = f"trial {one['number']} of study {stored['study']}"
            yield given, f"study.warm_start, {which}, {place} of {len(trials)}"


def settled_lines(sweep: Sweep, stored: Settled | None) -> Iterator[str]:
    """What is said of these trials: which parameters they give, and why others are sampled.

    Args:
        sweep, stored: as for `carried_trials`.
    """
    if stored is None:
        return
    trials, metric = stored["trials"], stored["metric"]
    notes = []
    if (asked := sweep.study.warm_start) is not None and asked.trials > len(trials):
        notes.append(f"it has no more than {len(trials)} complete of different configurations")
    if (ours := sweep.objective).metric != metric or ours.direction != stored["direction"]:
        notes.append(f"the best by its own objective, {stored['direction']} {metric}")
    yield "; ".join([f"begins with the best trials of study {stored['study']}", *notes])
    if sweep.search_space.awaits_range_test:
        numbers = ", ".join(str(one["number"]) for one in trials)
        yield f"  trials {numbers}, as far as they lie in the ranges that the range test gives"
        return
    for one in trials:
        found = _carried(sweep, one)
        text = f"  trial {one['number']} ({metric} {one['value']:.4g}) "
        if found.given:
            values = [f"{name} {shown_value(value)}" for name, value in found.given.items()]
            text += f"gives {', '.join(values)}"
            if found.sampled:
                text += f"; sampled: {_sampled(found)}"
            if found.differing:
                text += f"; {', '.join(found.differing)}"
        else:
            text += f"is left out, nothing of it fits: {_not_given(found)}"
        yield text
    if stored["on_test_set"]:
        yield (
            f"  warning: study {stored['study']} was validated on its test set: where that is this "
            f"study's too, its results are no fair measure. {ON_TEST_SET}"
        )


def _carried(sweep: Sweep, one: Mapping[str, Any]) -> Carried:
    space = {**sweep.search_space.dimensions, "when": sweep.search_space.when}
    training = sweep.training
    return carried(
        one["values"],
        tuple(one["searched"]),
        space,
        training.optimizer,
        cycles_momentum=training.cycle_momentum is not None,
    )


def _sampled(found: Carried) -> str:
    return ", ".join(f"{name} ({why})" for name, why in found.sampled.items())


def _not_given(found: Carried) -> str:
    return ", ".join([_sampled(found), *found.differing]) or "all of it is fixed here"


@contextlib.contextmanager
def _storage_of(
    url: str | None, own: str, store: optuna.storages.BaseStorage
) -> Iterator[optuna.storages.BaseStorage]:
    place = "study.warm_start.storage"
    if url is None or absolute(url) == absolute(own):
        yield store
        return
    if (file := sqlite_file(url)) is not None and is_missing(file):
        raise InputError(
            f"{place}: there is no study storage {file.absolute()}{_nearest(file)}: a relative "
            "path is one from the folder that the sweep is started in"
        )
    try:
        other = open_storage(url)
    except (InputError, StoreError) as error:
        text = str(error).removeprefix("study.storage: ")
        raise type(error)(f"{place}: {text}") from None
    try:
        yield other
    finally:
        other.engine.dispose()  # type: ignore[attr-defined]


def _nearest(file: Path) -> str:
    folder = file.absolute().parent
    if not folder.is_dir():
        return ""
    return hint(file.name, sorted(one.name for one in folder.glob("*.db")))


def _other(store: optuna.storages.BaseStorage, name: str, address: str) -> optuna.Study:
    place = "study.warm_start.study"
    try:
        other = load_study(store, name)
    except InputError as error:
        raise InputError(
            f"{place}: {error}; it was looked for in {address} (study.warm_start.storage names "
            "another storage)"
        ) from None
    if (record := other.user_attrs.get(keys.COMPARISON)) is not None:
        raise InputError(
            f"{place}: study {name!r} holds the trainings of a comparison, which differ by their "
            f"seeds: name the search, such as {record['of']!r}"
        )
    return other


def _best(other: optuna.Study, trials: int) -> dict[str, Any]:
    """Its best trials, each configuration once, with the values that they were trained with."""
    sweep = Sweep.from_json(other.user_attrs[keys.SWEEP])
    ranked = ranked_trials(other.get_trials(deepcopy=False), sweep.objective.direction)
    found: list[dict[str, Any]] = []
    for trial in ranked:
        values = _values(TrialConfig.from_json(trial.user_attrs[keys.CONFIG]), trial.params)
        if all(values != one["values"] for one in found):
            found.append(
                {
                    "number": trial.number,
                    "value": trial.values[0],
                    "values": values,
                    "searched": list(trial.params),
                }
            )
        if len(found) == trials:
            break
    if not found:
        raise InputError(
            f"study.warm_start.study: study {other.study_name!r} has no complete trial yet: let "
            "one end first, or leave study.warm_start out"
        )
    return {
        "study": other.study_name,
        "study_id": other.user_attrs.get(keys.STUDY_ID),
        "metric": sweep.objective.metric,
        "direction": sweep.objective.direction,
        "on_test_set": sweep.dataset.on_test_set,
        "trials": found,
    }


def _values(config: TrialConfig, params: Mapping[str, Any]) -> dict[str, Any]:
    """What a trial was trained with, under the names of a search space; what was fixed, too."""
    optimizer = config.training.optimizer
    return {
        **config.schedule.hyperparameters,
        **({RATIO: params[RATIO]} if RATIO in params else {}),
        "batch_size": config.training.batch_size,
        "optimizer": optimizer.name,
        **optimizer.arguments,
        **{f"model.{name}": value for name, value in config.model.arguments.items()},
    }

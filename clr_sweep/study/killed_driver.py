"""What a driver that was killed leaves: a study that says it is running, and no process runs it."""

from __future__ import annotations

from dataclasses import replace
from typing import TypeVar

import optuna

from clr_sweep.search.one_driver import is_run
from clr_sweep.search.places import url_of
from clr_sweep.search.reading import read_study
from clr_sweep.training.records import RangeTestRecord, StudyRecord, TrialRecord
from clr_sweep.training.reports import State

Record = TypeVar("Record", TrialRecord, RangeTestRecord)

GONE = "its process ended without a word"
"""Why it stopped, as far as anybody knows."""


def study_as_run(stored: optuna.Study) -> StudyRecord:
    """A stored study for readers: what says that it is running is interrupted, if nobody runs it.

    Raises:
        SQLAlchemyError: the storage's server cannot be reached.
    """
    study, url = read_study(stored), url_of(stored._storage)
    # Its comparisons are studies, each with a lock of its own; on a server that is a connection.
    parts = {one.name: one for one in (study, *study.comparisons, *study.searches)}
    gone = {
        name for name, one in parts.items() if _says_running(one) and is_run(url, name) is False
    }
    if not gone:
        return study
    # One may have ended, and its process with it, since it was read: now it says so.
    study = read_study(stored)

    def as_run(one: StudyRecord) -> StudyRecord:
        return without_driver(one) if one.name in gone else one

    return replace(
        as_run(study),
        comparisons=tuple(map(as_run, study.comparisons)),
        searches=tuple(map(as_run, study.searches)),
    )


def _says_running(study: StudyRecord) -> bool:
    states = [study.state, *(trial.state for trial in study.all)]
    return "running" in states or (
        study.range_test is not None and study.range_test.state == "running"
    )


def without_driver(study: StudyRecord) -> StudyRecord:
    """The study as it is where nobody runs it: what says that it is running was interrupted."""

    def waiting(record: Record) -> Record:
        return replace(record, state="interrupted") if record.state == "running" else record

    state: State = "interrupted" if study.state == "running" else study.state
    return replace(
        study,
        trials=tuple(waiting(trial) for trial in study.trials),
        baseline=study.baseline and waiting(study.baseline),
        range_test=study.range_test and waiting(study.range_test),
        state=state,
        reason=GONE if study.state == "running" else study.reason,
    )

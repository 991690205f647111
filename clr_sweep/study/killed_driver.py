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

    def as_run(one: StudyRecord) -> StudyRecord:
        return without_driver(one) if is_run(url, one.name) is False else one

    def part_as_run(one: StudyRecord) -> StudyRecord:
        """As `as_run`; there may be many, and a lock on a server costs a connection."""
        return as_run(one) if one.state == "running" else one

    # Its comparisons are studies, each with a lock of its own.
    return replace(
        as_run(study),
        comparisons=tuple(map(part_as_run, study.comparisons)),
        searches=tuple(map(part_as_run, study.searches)),
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

"""After the last trial: what is evaluated on the test set, which no choice has seen."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from pathlib import Path

from clr_sweep.common.errors import InputError
from clr_sweep.common.stopping import StopRequest
from clr_sweep.definition.metrics import unjudged
from clr_sweep.engines.base import Engine
from clr_sweep.engines.to_the_end import Job, run_all
from clr_sweep.results.comparison import why_not_judged
from clr_sweep.training.folder import TrialFolder
from clr_sweep.training.records import StudyRecord, TrialRecord
from clr_sweep.training.requests import TEST_TRIAL, PreparedData, TrialJob


def is_testable(record: TrialRecord) -> bool:
    """Whether there is what is to be evaluated: of a function, whatever that has kept."""
    by_function = record.config.training.evaluate is not None
    return by_function or TrialFolder(record.folder).model_file.exists()


def evaluate_untested(
    engine: Engine,
    study: StudyRecord,
    facts: PreparedData,
    search_path: tuple[Path, ...],
    stop: StopRequest,
    say: Callable[[str], None],
) -> None:
    """Evaluate those that are still to be: see `StudyRecord.untested`.

    Args:
        say: shows a line: of one whose model is gone, which cannot be evaluated, and of one of
            which the test set has told no number.
    """
    due = []
    for record in study.untested:
        if is_testable(record):
            due.append(record)
        else:
            file = TrialFolder(record.folder).model_file
            say(f"{record.label} is not evaluated on the test set: {file} is gone")
    jobs = {
        f"test of {record.label}": Job(
            TEST_TRIAL,
            TrialJob(record.config, facts.stored, record.folder, search_path),
            TrialFolder(record.folder).log_file,
        )
        for record in due
    }
    found = run_all(engine, jobs, stop)
    for record, key in zip(due, jobs, strict=True):
        values: Mapping[str, float] = found[key]  # type: ignore[assignment]  # TEST_TRIAL's
        lost = [f"{name} is {one}" for name, one in values.items() if not math.isfinite(one)]
        if lost or not values:
            what = ", ".join(lost) or "it has no metric"
            say(f"{key}: {what}: what is no finite number is not kept, and not compared")
        elif text := unjudged(
            record.config.training.evaluate, record.config.objective.metric, values
        ):
            say(f"{key}: {text}")


def refuse_unjudged(study: StudyRecord) -> None:
    """Find out, before anything is trained for it, whether a comparison could be judged.

    Args:
        study: that is to be compared, searched and evaluated.

    Raises:
        InputError: the test set has told no finite value of the objective of its best trial.
    """
    if text := why_not_judged(study):
        raise InputError(
            f"study {study.name!r} cannot be compared, since that is by the test set: {text}, and "
            "start the same command again"
        )

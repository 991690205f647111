"""After the last trial: what is evaluated on the test set, which no choice has seen."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from clr_sweep.common.stopping import StopRequest
from clr_sweep.engines.base import Engine
from clr_sweep.engines.to_the_end import Job, run_all
from clr_sweep.training.folder import TrialFolder
from clr_sweep.training.records import StudyRecord
from clr_sweep.training.requests import TEST_TRIAL, PreparedData, TrialJob


def evaluate_untested(
    engine: Engine,
    study: StudyRecord,
    facts: PreparedData,
    search_path: tuple[Path, ...],
    stop: StopRequest,
    say: Callable[[str], None],
) -> None:
    """Evaluate those that are complete and have not been evaluated yet.

    Args:
        say: shows a line: of one whose model is gone, which cannot be evaluated.
    """
    due = []
    for record in study.to_be_tested:
        if record.state != "complete" or record.test_metrics:
            continue
        file = TrialFolder(record.folder).model_file
        # What a function of the user's own evaluates, it has kept in its own way.
        if record.config.training.evaluate is not None or file.exists():
            due.append(record)
        else:
            say(f"{record.label} is not evaluated on the test set: {file} is gone")
    jobs = {
        f"test of {record.label}": Job(
            TEST_TRIAL,
            TrialJob(record.config, facts.stored, record.folder, search_path),
            TrialFolder(record.folder).log_file,
        )
        for record in due
    }
    run_all(engine, jobs, stop)

"""`clr-sweep show`: a stored study, or one of its trials."""

from __future__ import annotations

from clr_sweep.commands.stored_study import find_study
from clr_sweep.common.errors import InputError
from clr_sweep.results.as_json import json_text, study_content, trial_content
from clr_sweep.results.text import study_text, trial_text
from clr_sweep.search.lost_files import warn_of_lost
from clr_sweep.study.killed_driver import study_as_run
from clr_sweep.study.store_errors import plain_storage_errors
from clr_sweep.tracking.which_store import StoreChoice
from clr_sweep.training.records import StudyRecord, TrialRecord


def show_study(
    study_or_run: str,
    trial: str | None,
    url: str | None,
    choice: StoreChoice,
    width: int | None,
    *,
    as_json: bool,
) -> str:
    """What is shown.

    Args:
        study_or_run, url, choice: as for `find_study`.
        trial: a number or `baseline`; None: the study itself.
        width: columns of the terminal; None: any.
        as_json: for programs.

    Raises:
        InputError: there is no such study, run or trial.
        StoreError: a store or a trial's file cannot be read.
    """
    with plain_storage_errors(url):
        study = study_as_run(find_study(study_or_run, url, choice))
    warn_of_lost(study)
    if trial is None:
        return json_text(study_content(study)) if as_json else study_text(study, width)
    found = _trial(study, trial)
    return json_text(trial_content(found)) if as_json else trial_text(found, study, width)


def _trial(study: StudyRecord, named: str) -> TrialRecord:
    known = {record.key: record for record in study.all}
    if named not in known:
        there = ", ".join(sorted(known, key=lambda key: (not key.isdecimal(), key.zfill(9))))
        raise InputError(f"study {study.name!r} has no trial {named!r} (there: {there or 'none'})")
    return known[named]

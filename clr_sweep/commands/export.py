"""`clr-sweep export`: the best configuration of a stored study, found by name or by run."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import NamedTuple

import optuna

from clr_sweep.commands.output import Replaceable, refuse_output, write_output
from clr_sweep.commands.stored_study import find_study
from clr_sweep.common.errors import InputError, StoreError
from clr_sweep.common.secrets import hidden_address
from clr_sweep.common.sqlite_files import is_missing
from clr_sweep.definition.storage_urls import absolute, sqlite_file
from clr_sweep.results.export import Origin, as_yaml, best_trial, is_export
from clr_sweep.results.warnings import trial_warnings
from clr_sweep.search.attributes import FACTS, STUDY_ID
from clr_sweep.search.reading import read_study, stored_tracking
from clr_sweep.tracking.which_store import StoreChoice
from clr_sweep.training.records import StudyRecord, TrialRecord

logger = logging.getLogger("clr_sweep")


class Registration(NamedTuple):
    """What a trial's model is to be called in MLflow's model registry."""

    name: str
    alias: str | None


def export_study(
    study_or_run: str,
    number: int | None,
    url: str | None,
    choice: StoreChoice,
    output: Path | None = None,
    registration: Registration | None = None,
) -> tuple[str, str]:
    """The YAML of a trial, written to a file where one is given.

    Args:
        study_or_run, url, choice: as for `find_study`.
        number: the trial; the best one if None.
        output: the file.
        registration: of its model; None: it is not registered.

    Returns:
        The YAML, and what was registered, for people.

    Raises:
        InputError: there is no such study, run or trial, the file cannot be written or holds
            something else than an export of the study, or MLflow has no model to register.
        StoreError: a store cannot be used.
    """
    study = find_study(study_or_run, url, choice)
    record = read_study(study)
    trial = best_trial(record) if number is None else numbered(record, number)
    if output is not None:
        refuse_output(output, exports_of(record))  # MLflow may take seconds to answer
    text = trial_yaml(study, record, trial, choice)
    if output is not None:
        write_output(output, text, exports_of(record))
    if registration is None:
        return text, ""
    from clr_sweep.commands.register import register_trial

    return text, register_trial(study, record, trial, choice, *registration)


def exports_of(record: StudyRecord) -> Replaceable:
    """What an export of this study may be written in place of."""
    return Replaceable(
        f"an export of study {record.name!r}", lambda text: is_export(text, record.name)
    )


def trial_yaml(
    study: optuna.Study, record: StudyRecord, trial: TrialRecord, choice: StoreChoice
) -> str:
    """The YAML of a trial of a stored study, read as `record`, with the warnings on it."""
    for warning in trial_warnings(trial):
        logger.warning("%s", warning)
    digest = study.user_attrs[FACTS].get("data_digest")
    run_id = _run_of_trial(study, trial, choice)
    return as_yaml(record, trial, Origin(run_id, digest, trial.provenance))


def numbered(study: StudyRecord, number: int) -> TrialRecord:
    """The trial of this number.

    Raises:
        InputError: there is none.
    """
    trials = {trial.number: trial for trial in study.trials}
    if number not in trials:
        raise InputError(f"study {study.name!r} has no trial {number} (0 to {len(trials) - 1})")
    return trials[number]


def _run_of_trial(study: optuna.Study, trial: TrialRecord, choice: StoreChoice) -> str | None:
    """The trial's run id; None where MLflow does not tell it, with a warning: the rest is worth
    having."""
    from clr_sweep.study.store_errors import plain_tracker_errors
    from clr_sweep.tracking.find_runs import find_trial
    from clr_sweep.tracking.store import connect

    try:
        uri = choice.uri(stored_tracking(study), f"study {study.study_name!r}")
        uri = absolute(uri, choice.folder)
        if (file := sqlite_file(uri)) is not None and is_missing(file):
            raise StoreError(f"there is no MLflow store {file}")  # connecting would make one
        with plain_tracker_errors(uri):
            run_id = find_trial(connect(uri), study.user_attrs.get(STUDY_ID, ""), trial.number)
        why = f"the MLflow store {hidden_address(uri)} has no run of it"
    except StoreError as error:
        run_id, why = None, str(error)
    if run_id is None:
        logger.warning("warning: mlflow_run_id of %s is null: %s", trial.label, why)
    return run_id

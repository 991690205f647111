"""Writing what becomes of trials into the study: what belongs to a state first, the state last."""

from __future__ import annotations

from dataclasses import asdict

import optuna
from optuna.trial import FrozenTrial, TrialState

from clr_sweep.search import attributes as keys
from clr_sweep.search.lean_storage import LeanStorage
from clr_sweep.search.places import Places, backend_of
from clr_sweep.search.reading import has_begun
from clr_sweep.training.records import RangeTestRecord, TrialRecord
from clr_sweep.training.reports import State, TrialResult


def record_progress(
    study: optuna.Study, state: State, planned: int, reason: str = "", *, is_told: bool = False
) -> None:
    """Store how far the study is: running, complete, interrupted or failed, and why.

    Args:
        is_told: MLflow has been told all of it.
    """
    study.set_user_attr(
        keys.PROGRESS,
        {keys.STATE: state, "planned": planned, keys.REASON: reason, "is_told": is_told},
    )


def waiting_again(study: optuna.Study) -> list[int]:
    """Put trials that no driver runs back into the queue, under their numbers and parameters.

    A RUNNING trial at the start of a driver was left behind by one that died.

    Returns:
        The numbers of the trials that wait now, those that a stopped driver put back among them.
    """
    for trial in study.get_trials(deepcopy=False, states=(TrialState.RUNNING,)):
        put_back(study, trial)
    baseline = study.user_attrs.get(keys.BASELINE, {})
    if baseline.get(keys.STATE) == "running":
        study.set_user_attr(keys.BASELINE, {**baseline, keys.STATE: "interrupted"})
    tested = study.user_attrs.get(keys.RANGE_TEST, {})
    if tested.get(keys.STATE) == "running":
        study.set_user_attr(keys.RANGE_TEST, {**tested, keys.STATE: "interrupted"})
    waiting = study.get_trials(deepcopy=False, states=(TrialState.WAITING,))
    return [trial.number for trial in waiting if has_begun(trial)]


def put_back(study: optuna.Study, trial: FrozenTrial | optuna.Trial) -> None:
    """Let a trial that was interrupted wait for its next start."""
    study._storage.set_trial_state_values(trial._trial_id, TrialState.WAITING)


def record_epoch(study: optuna.Study, trial: optuna.Trial, epoch: int, value: float) -> None:
    """Store the objective's value at the end of an epoch.

    An attempt that had to start over reports epochs that an earlier one has reported: the same
    values as a rule; if not, what counts is this attempt.
    """
    known = trial._cached_frozen_trial.intermediate_values
    if known.get(epoch) != value:
        # Not Trial.report, which keeps the first value of an epoch.
        study._storage.set_trial_intermediate_value(trial._trial_id, epoch, value)
        known[epoch] = value


def record_result(study: optuna.Study, trial: optuna.Trial, result: TrialResult) -> None:
    """Store how a trial ended.

    A diverged trial is told as PRUNED: the sampler ranks it below the complete ones and learns
    from it, and no value that is not a number enters the storage.
    """
    # As Study.tell, which reads the trial twice more.
    if result.state == "complete" and result.value is not None:
        _end(study, trial, TrialState.COMPLETE, result.value, result)
    else:
        # Of this attempt: one that had to start over may have come further.
        known = trial._cached_frozen_trial.intermediate_values.items()
        reported = {epoch: value for epoch, value in known if epoch <= result.epochs}
        last = reported[max(reported)] if reported else None
        _end(study, trial, TrialState.PRUNED, last, result)


def _end(
    study: optuna.Study,
    trial: optuna.Trial,
    state: TrialState,
    value: float | None,
    result: TrialResult,
) -> None:
    storage, trial_id = study._storage, trial._trial_id
    values = None if value is None else [value]
    content = {keys.RESULT: asdict(result)}
    backend = backend_of(storage)
    if isinstance(backend, LeanStorage):
        backend.end_trial(trial_id, state, values, content)
        return
    storage.set_trial_user_attr(trial_id, keys.RESULT, content[keys.RESULT])
    storage.set_trial_state_values(trial_id, state, values)


def record_failure(study: optuna.Study, trial: optuna.Trial, reason: str) -> None:
    """Store that a trial failed, and why."""
    trial.set_user_attr(keys.STATE, "failed")
    trial.set_user_attr(keys.REASON, reason)
    study.tell(trial, state=TrialState.FAIL)


def record_retry(study: optuna.Study, trial: optuna.Trial, reasons: list[str]) -> None:
    """Let a trial wait for its next attempt; with the reasons why the earlier ones ended."""
    trial.set_user_attr(keys.RETRIED, reasons)
    put_back(study, trial)


def record_baseline(
    study: optuna.Study, record: TrialRecord, result: TrialResult | None = None
) -> None:
    """Store how the baseline stands; it is no trial: the sampler must not learn from it.

    Args:
        result: what it left, once it has ended.
    """
    content = {
        keys.CONFIG: record.config.model_dump(mode="json"),
        keys.FOLDER: Places(study).stored(record.folder),
        keys.PROVENANCE: dict(record.provenance),
        keys.RESULT: asdict(result) if result else None,
        keys.STATE: record.state,
        keys.REASON: record.reason,
        keys.RETRIED: list(record.retried),
    }
    study.set_user_attr(keys.BASELINE, content)


def record_range_test(study: optuna.Study, record: RangeTestRecord) -> None:
    """Store how far the range test is, and once it is complete what it suggests: for ever."""
    places = Places(study)
    content = {
        keys.STATE: record.state,
        keys.REASON: record.reason,
        keys.CONFIG: record.config.model_dump(mode="json"),
        "test": record.test.model_dump(mode="json"),
        "files": [places.stored(file) for file in record.files],
        "suggestion": asdict(record.suggestion) if record.suggestion else None,
    }
    study.set_user_attr(keys.RANGE_TEST, content)

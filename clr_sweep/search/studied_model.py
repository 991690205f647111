"""The model that a study's results are of: a start with another one is no continuation of it."""

from __future__ import annotations

from dataclasses import asdict

import optuna
from optuna.trial import TrialState

from clr_sweep.common.door import option
from clr_sweep.common.errors import StudyChangedError
from clr_sweep.definition.sweep import Sweep
from clr_sweep.search.attributes import BASELINE, MODEL, RESULT
from clr_sweep.search.reading import range_test_record
from clr_sweep.training.requests import ModelIdentity


def kept_model(study: optuna.Study) -> ModelIdentity | None:
    """What a study keeps of its model; one of an earlier version, or too young, keeps nothing."""
    kept = study.user_attrs.get(MODEL)
    return None if kept is None else ModelIdentity(**kept)


def keep_model(study: optuna.Study, model: ModelIdentity) -> None:
    """Keep with a study what its model is."""
    if kept_model(study) != model:
        study.set_user_attr(MODEL, asdict(model))


def refuse_another_model(study: optuna.Study, sweep: Sweep, model: ModelIdentity) -> None:
    """Find out whether what a study holds was made with this model.

    A study without a result takes any: its code may have been mended before anything came of it.

    Raises:
        StudyChangedError: it was made with another one.
    """
    kept = kept_model(study)
    if kept is None or kept == model or not _has_results(study):
        return
    raise StudyChangedError(
        [
            f"study {study.study_name!r} was made with another model, so its trials cannot be "
            "continued:",
            f"  model.name: {sweep.model.name} {model.changed_from(kept)}",
            "  cure: put its code back, or give the new model a study of its own "
            f"({option('--study', 'NAME')})",
        ]
    )


def _has_results(study: optuna.Study) -> bool:
    tested = range_test_record(study)
    if study.user_attrs.get(BASELINE, {}).get(RESULT) or (tested and tested.suggestion):
        return True
    ended = (TrialState.COMPLETE, TrialState.PRUNED)
    return bool(study.get_trials(deepcopy=False, states=ended))

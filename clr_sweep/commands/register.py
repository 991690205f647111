"""`clr-sweep export --register`: the model of a trial in MLflow's model registry."""

from __future__ import annotations

import logging

import optuna

from clr_sweep.common.errors import InputError
from clr_sweep.results import words
from clr_sweep.search.attributes import STUDY_ID
from clr_sweep.search.reading import stored_tracking
from clr_sweep.study.store_errors import plain_tracker_errors
from clr_sweep.tracking.find_runs import find_trial
from clr_sweep.tracking.logged_models import model_of_run
from clr_sweep.tracking.registry import refuse_names, register
from clr_sweep.tracking.store import connect
from clr_sweep.tracking.which_store import StoreChoice
from clr_sweep.training.records import StudyRecord, TrialRecord
from clr_sweep.training.unloadable import CURE

logger = logging.getLogger("clr_sweep")

_PAGE = (
    "https://github.com/clr-sweep/clr-sweep/blob/main/docs/best-configuration.md"
    "#classes-of-your-own"
)


def register_trial(
    study: optuna.Study,
    record: StudyRecord,
    trial: TrialRecord,
    choice: StoreChoice,
    name: str,
    alias: str | None,
) -> str:
    """Register a trial's model, once however often it is asked for.

    Returns:
        What was registered, for people.

    Raises:
        InputError: MLflow does not take the name or the alias, or has no model of the trial.
        StoreError: MLflow's store cannot be used.
    """
    refuse_names(name, alias)
    if trial.state not in ("complete", "pruned"):
        raise InputError(
            f"{trial.label} of study {record.name!r} is {trial.state}: complete and pruned trials "
            "alone have a model"
        )
    uri = choice.uri(stored_tracking(study), f"study {record.name!r}")
    with plain_tracker_errors(uri):
        client = connect(uri)
        run_id = find_trial(client, study.user_attrs.get(STUDY_ID, ""), trial.number)
        model = None if run_id is None else model_of_run(client, run_id)
        if run_id is None or model is None:
            raise InputError(
                f"MLflow has no model of {trial.label} of study {record.name!r}: `clr-sweep doctor "
                f"{record.name} --fix` logs it, if the trial's folder has it; else export the "
                f"trial (--trial {trial.number} -o best.yaml) and train it (`clr-sweep train`)"
            )
        note = (
            f"{words.capital(trial.label)} of the study {record.name}: {words.bounds(trial)}, "
            f"{record.metric} {'-' if trial.value is None else words.value(trial.value)}.\n\n"
            "Requests may have integers and floats, in the units of the training data."
        )
        done = register(client, run_id, model.model_id, name, alias, note)
    if done.unregistered:
        logger.warning(
            "warning: Keras cannot load the model: it does not find %s, and neither can `mlflow "
            "models serve`. Cure: %s, and train it again (`clr-sweep train`)",
            ", ".join(done.unregistered),
            CURE,
        )
    elif done.own:
        logger.warning(
            "warning: the model has %s, which Keras has not: a program imports what registers it "
            "before it loads the model; `mlflow models serve` does not, and cannot load it. How "
            "it is served: %s",
            ", ".join(done.own),
            _PAGE,
        )
    named = f"models:/{name}/{done.version}" + (f" and models:/{name}@{alias}" if alias else "")
    before = "" if done.is_new else ", as it was already"
    return f"{trial.label} is registered as {named}{before}"

"""A study that goes on, or belongs to a comparison, is held against its model before it starts."""

from __future__ import annotations

from collections.abc import Callable

import optuna

from clr_sweep.common.door import another_study
from clr_sweep.common.errors import StudyChangedError
from clr_sweep.definition.sweep import Sweep
from clr_sweep.search import storage
from clr_sweep.search.reading import baseline_waits
from clr_sweep.search.stop_rule import is_searched
from clr_sweep.search.studied_model import refuse_another_model
from clr_sweep.study.part import Part
from clr_sweep.training.requests import ModelIdentity, PreparedData


def model_held_to(
    sweep: Sweep,
    store: optuna.storages.BaseStorage,
    part: Part,
    facts: PreparedData,
    identified: Callable[[], ModelIdentity],
) -> ModelIdentity | None:
    """What the model is that a study goes on with, where there is one to hold it against.

    Args:
        identified: builds the model, in a process of its own.

    Returns:
        None where it is not built for this: the study is new, and its first training will tell;
        nothing is left to train; or a function of the user's own trains.

    Raises:
        StudyChangedError: the study, or the one that it is compared with, is of another model.
    """
    if sweep.training.function is not None:
        return None
    study = None
    if storage.is_begun(store, sweep.study_name):
        study = storage.load_study(store, sweep.study_name)
        # First of all: another definition may have another model.
        storage.refuse_changes(study, sweep, facts.digest)
        if is_searched(study, sweep) and not (part.has_baseline and baseline_waits(study)):
            return None
    elif part.model is None:
        return None
    model = identified()
    if part.model not in (None, model):
        assert part.model is not None
        raise StudyChangedError(
            "the model is not that of the study that is compared: "
            f"{sweep.model.name} {model.changed_from(part.model)}: put its code back, or search "
            f"with the new one in a study of its own ({another_study()})"
        )
    if study is not None:
        refuse_another_model(study, sweep, model)
    return model

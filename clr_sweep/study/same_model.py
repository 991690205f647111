"""A study that goes on, or belongs to a comparison, is held against its model before it starts."""

from __future__ import annotations

from collections.abc import Callable

import optuna

from clr_sweep.common.door import another_study
from clr_sweep.common.errors import StudyChangedError
from clr_sweep.definition.sweep import Sweep
from clr_sweep.search import storage
from clr_sweep.search.reading import StudyReader, baseline_waits
from clr_sweep.search.stop_rule import is_searched
from clr_sweep.search.studied_model import keep_model, kept_model, refuse_another_model
from clr_sweep.study.evaluation import is_testable
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
        nothing is left to train or to evaluate; or a function of the user's own trains.

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
        if not _is_built(study, sweep, part):
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


def take_model(
    study: optuna.Study, sweep: Sweep, model: ModelIdentity | None, say: Callable[[str], None]
) -> None:
    """Keep with a study what its model is from now on; what was begun with another starts over.

    Args:
        model: as `model_held_to` found it.
        say: shows a line: which trainings start over (see `training.trial.train`).
    """
    if model is None:
        return
    kept = kept_model(study)
    if kept is not None and kept != model:
        records = StudyReader(study).read().all
        begun = [one.label for one in records if one.reports and not one.has_ended]
        if begun:
            say(
                f"model.name: {sweep.model.name} {model.changed_from(kept)}; nothing has come of "
                f"the earlier one, so what was begun with it starts over: {', '.join(begun)}"
            )
    keep_model(study, model)


def _is_built(study: optuna.Study, sweep: Sweep, part: Part) -> bool:
    """Whether the code makes a model in this start: to be trained, or for trained weights."""
    if not is_searched(study, sweep) or (part.has_baseline and baseline_waits(study)):
        return True
    return any(is_testable(record) for record in StudyReader(study).read().untested)

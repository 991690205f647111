"""The studies of a storage at a glance, from the storage alone: no trial's folder is read."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import optuna
from optuna.trial import FrozenTrial, TrialState

from clr_sweep.definition.metrics import sign_of
from clr_sweep.definition.sweep import Sweep
from clr_sweep.search import attributes as keys
from clr_sweep.search.storage import own_studies
from clr_sweep.training.reports import ENDED


@dataclass(frozen=True)
class ListedStudy:
    """A study at a glance.

    Attributes:
        state: as in its record, or `deleting` where a deletion was begun and has not ended.
        counts: of its trials, by the states in which they no longer change.
        best: value of the best complete trial; None without one, and in a study that holds the
            trainings of a comparison, which differ by seeds.
        best_trial: its number.
        began: when its first trial started, in local time.
    """

    name: str
    state: str
    reason: str
    planned: int
    counts: dict[str, int]
    metric: str
    direction: str
    best: float | None
    best_trial: int | None
    began: datetime | None

    @property
    def ended(self) -> int:
        """Trials that have ended, in whatever way."""
        return sum(self.counts.values())


def listed_studies(storage: optuna.storages.BaseStorage) -> Iterator[ListedStudy]:
    """The studies that clr-sweep made, by name."""
    return map(_listed, own_studies(storage))


def _listed(study: optuna.Study) -> ListedStudy:
    attributes = study.user_attrs
    sweep = Sweep.from_json(attributes[keys.SWEEP])
    progress = attributes.get(keys.PROGRESS, {})
    trials = study.get_trials(deepcopy=False)
    ended = [_state(trial) for trial in trials if trial.state.is_finished()]
    ranked = ranked_trials(trials, sweep.objective.direction)
    best = ranked[0] if ranked and keys.COMPARISON not in attributes else None
    return ListedStudy(
        name=study.study_name,
        state="deleting" if keys.DELETING in attributes else progress.get(keys.STATE, "running"),
        reason=progress.get(keys.REASON, ""),
        planned=progress.get("planned", sweep.study.trials),
        counts={state: ended.count(state) for state in ENDED},
        metric=sweep.objective.metric,
        direction=sweep.objective.direction,
        best=None if best is None else best.value,
        best_trial=None if best is None else best.number,
        began=min((trial.datetime_start for trial in trials if trial.datetime_start), default=None),
    )


def _state(trial: FrozenTrial) -> str:
    result: dict[str, Any] = trial.user_attrs.get(keys.RESULT) or {}
    return str(trial.user_attrs.get(keys.STATE, result.get("state", "failed")))


def ranked_trials(trials: Sequence[FrozenTrial], direction: str) -> list[FrozenTrial]:
    """The complete trials of a study, the best first; as `StudyRecord.ranked`, without folders."""
    sign = sign_of(direction)
    # One that its driver did not end has no result.
    complete = [t for t in trials if t.state == TrialState.COMPLETE and _state(t) == "complete"]
    return sorted(complete, key=lambda t: (-sign * t.values[0], t.number))

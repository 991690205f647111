"""Optuna's storage in a database, whose operations outlive the loss of their connection.

A connection may be lost at any moment: before a statement, before COMMIT, or after it, when
nobody hears any more whether it was done. Each operation of Optuna's storage is one transaction,
so it is done again, and each is such that the second time changes nothing. Of most Optuna sees
to that: what is set to a value is set to the same value, and a row that is there already is left
alone. What is not so by itself is made so here; that one driver alone writes is taken for granted.
"""

from __future__ import annotations

import functools
import logging
import uuid
from collections.abc import Callable, Mapping, Sequence
from contextvars import ContextVar
from typing import Any

from optuna.exceptions import DuplicatedStudyError, UpdateFinishedTrialError
from optuna.storages import RDBStorage
from optuna.storages._base import DEFAULT_STUDY_NAME_PREFIX
from optuna.storages._rdb.models import TrialModel
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState
from sqlalchemy.orm import Session

from clr_sweep.search.lean_storage import LeanStorage
from clr_sweep.search.lost_connections import until_answered

# Of trials that cannot be read Optuna says, with the statement, that it goes a slower way.
logging.getLogger(RDBStorage.__module__).addFilter(
    lambda record: "Falling back to a slower alternative" not in record.getMessage()
)

# The numbers of the rows that attempts to create a trial have made, committed or not.
_made: ContextVar[list[int]] = ContextVar("made")


class SteadyStorage(LeanStorage):
    """Optuna's, for servers that are restarted and connections that end."""

    def create_new_study(
        self, directions: Sequence[StudyDirection], study_name: str | None = None
    ) -> int:
        """As Optuna's: a study that is there the second time is the one of the first."""
        name = study_name or f"{DEFAULT_STUDY_NAME_PREFIX}{uuid.uuid4()}"
        create = super().create_new_study

        def operation(is_again: bool) -> int:
            try:
                return create(directions, name)
            except DuplicatedStudyError:
                if not is_again:
                    raise
                return self.get_study_id_from_name(name)

        return until_answered(operation)

    def delete_study(self, study_id: int) -> None:
        """As Optuna's: a study that is not there the second time was deleted the first."""
        delete = super().delete_study

        def operation(is_again: bool) -> None:
            try:
                delete(study_id)
            except KeyError:
                if not is_again:
                    raise

        until_answered(operation)

    def set_trial_state_values(
        self, trial_id: int, state: TrialState, values: Sequence[float] | None = None
    ) -> bool:
        """As Optuna's: what the trial is the second time it has become the first."""
        set_state_values = super().set_trial_state_values

        def operation(is_again: bool) -> bool:
            try:
                is_done = set_state_values(trial_id, state, values)
            except UpdateFinishedTrialError:
                if not is_again or not self._has_ended_so(trial_id, state, values):
                    raise
                return True
            return is_done or (is_again and self.get_trial(trial_id).state == state)

        return until_answered(operation)

    def end_trial(
        self,
        trial_id: int,
        state: TrialState,
        values: Sequence[float] | None,
        user_attrs: Mapping[str, Any],
    ) -> None:
        """As LeanStorage's: a trial that has ended so the second time has the first."""
        end = super().end_trial

        def operation(is_again: bool) -> None:
            try:
                end(trial_id, state, values, user_attrs)
            except UpdateFinishedTrialError:
                if not is_again or not self._has_ended_so(trial_id, state, values):
                    raise

        until_answered(operation)

    def _has_ended_so(
        self, trial_id: int, state: TrialState, values: Sequence[float] | None
    ) -> bool:
        ended = self.get_trial(trial_id)
        return (ended.state, ended.values) == (state, None if values is None else list(values))

    def _create_new_trial(
        self, study_id: int, template_trial: FrozenTrial | None = None
    ) -> FrozenTrial:
        create = super()._create_new_trial
        token = _made.set([])
        try:
            return until_answered(lambda _: create(study_id, template_trial))
        finally:
            _made.reset(token)

    def _get_prepared_new_trial(
        self, study_id: int, template_trial: FrozenTrial | None, session: Session
    ) -> TrialModel:
        """The trial of an earlier attempt, else a new one; Optuna makes attempts of its own too.

        The study's row is locked by now, so that an earlier attempt has ended in the server also
        where it goes on without us. A server gives no number of a row twice.
        """
        for number in (made := _made.get()):
            if (trial := session.get(TrialModel, number)) is not None:
                return trial
        trial = super()._get_prepared_new_trial(study_id, template_trial, session)
        made.append(int(trial.trial_id))
        return trial


def _steady(method: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(method)
    def again(*arguments: Any, **keywords: Any) -> Any:
        return until_answered(lambda _: method(*arguments, **keywords))

    return again


# Those that change nothing the second time, as Optuna has them; others are made of them.
for _name in (
    "set_study_user_attr",
    "set_study_system_attr",
    "get_study_id_from_name",
    "get_study_name_from_id",
    "get_study_directions",
    "get_study_user_attrs",
    "get_study_system_attrs",
    "get_all_studies",
    "_set_trial_param",
    "get_trial_id_from_study_id_trial_number",
    "get_trial_param",
    "set_trial_intermediate_value",
    "set_trial_user_attr",
    "set_trial_system_attr",
    "get_trial",
    "get_trial_user_attrs",
    "get_trial_system_attrs",
    "_get_trials",
    "_get_best_trial_id",
):
    setattr(SteadyStorage, _name, _steady(getattr(LeanStorage, _name)))

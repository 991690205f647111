"""Optuna's storage in a database, in fewer statements where a driver writes most.

Optuna asks for the trial, and for the row that may be there already, before each row it writes:
twenty-five statements for a trial with its parameters, three for each epoch, and eight for its end.
It reads all of a trial, in six statements, after it was made and again after it has ended. Here
what one process writes into a trial is known to it, and of each read of the study's trials one
statement is left, which says whether anything else has changed: trials that others have enqueued,
or ended. The rows are the same; what they mean, and the checks of them, are Optuna's.
"""

from __future__ import annotations

import contextlib
import functools
import json
from collections.abc import Container, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from optuna.distributions import distribution_to_json
from optuna.exceptions import StorageInternalError
from optuna.storages import RDBStorage
from optuna.storages._rdb import models
from optuna.trial import FrozenTrial, TrialState
from sqlalchemy import Connection, bindparam, insert, or_, select, update
from sqlalchemy.dialects import mysql, postgresql, sqlite
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from clr_sweep.search.own_trials import OwnTrials

# A statement takes so many numbers in a list in every kind of database.
_MOST_IN_A_LIST = 500


class LeanStorage(RDBStorage):
    """Optuna's; that one process alone writes into a trial that it made is taken for granted."""

    def __init__(self, *arguments: Any, **keywords: Any) -> None:
        super().__init__(*arguments, **keywords)
        self._own = OwnTrials()

    def _create_new_trial(
        self, study_id: int, template_trial: FrozenTrial | None = None
    ) -> FrozenTrial:
        trial = super()._create_new_trial(study_id, template_trial)
        if template_trial is not None and trial.state is TrialState.RUNNING:
            self._own.begin(trial)
        return trial

    def _get_prepared_new_trial(
        self, study_id: int, template_trial: FrozenTrial | None, session: Session
    ) -> models.TrialModel:
        """A trial with what a template has: the rows of each kind in one statement.

        That a parameter's distribution is that of the other trials is not looked up for each: a
        study's sweep does not change, and a trial is sampled from it.
        """
        if template_trial is None or template_trial.values is not None:
            return super()._get_prepared_new_trial(study_id, template_trial, session)
        trial = models.TrialModel(
            study_id=study_id,
            number=None,
            state=template_trial.state,
            datetime_start=template_trial.datetime_start,
            datetime_complete=template_trial.datetime_complete,
        )
        session.add(trial)
        session.flush()  # it has its number in the table now
        for model, rows in _rows(template_trial):
            if rows:
                table = insert(model.__table__)
                session.execute(table, [{"trial_id": trial.trial_id, **row} for row in rows])
        trial.number = trial.count_past_trials(session)
        return trial

    def set_trial_intermediate_value(
        self, trial_id: int, step: int, intermediate_value: float
    ) -> None:
        """A value in place of the step's, if it has one, where the trial runs: one statement."""
        upsert = _upsert_of_a_value(self.engine.dialect.name)
        value, kind = _VALUES_OF_STEPS.intermediate_value_to_stored_repr(intermediate_value)
        row = {"asked": trial_id, "new_step": step, "new_value": value, "new_kind": kind}
        known = self._own.take(trial_id)
        if upsert is not None:
            with self._transaction() as connection:
                is_done = connection.execute(upsert, row).rowcount > 0
            if is_done:
                self._own.reported(known, step, float(intermediate_value))
                return
        # Optuna knows what to say of it.
        super().set_trial_intermediate_value(trial_id, step, intermediate_value)

    def end_trial(
        self,
        trial_id: int,
        state: TrialState,
        values: Sequence[float] | None,
        user_attrs: Mapping[str, Any],
    ) -> None:
        """Store how a trial that runs has ended, all of it or nothing.

        Args:
            state: of a trial that has ended.

        Raises:
            UpdateFinishedTrialError, KeyError, StorageInternalError: as Optuna's.
        """
        upsert = _upsert_of_attributes(self.engine.dialect.name)
        now = datetime.now(UTC)
        known = self._own.take(trial_id)
        if upsert is not None:
            row = {"asked": trial_id, "new_state": state, "now": now.replace(tzinfo=None)}
            with self._transaction() as connection:
                if is_done := connection.execute(_END, row).rowcount > 0:
                    for table, rows in ((upsert, _attributes(user_attrs)), (_VALUES, _of(values))):
                        if rows:
                            connection.execute(table, [{"trial_id": trial_id, **r} for r in rows])
            if is_done:
                local = now.astimezone().replace(tzinfo=None)  # as Optuna's trials have it
                self._own.ended(known, state, values, user_attrs, local)
                return
        for key, value in user_attrs.items():
            self.set_trial_user_attr(trial_id, key, value)
        self.set_trial_state_values(trial_id, state, values)

    def get_trial(self, trial_id: int) -> FrozenTrial:
        """As Optuna's; one of this process's own is not read."""
        return self._own.copy(trial_id) or super().get_trial(trial_id)

    def _get_trials(
        self,
        study_id: int,
        states: Container[TrialState] | None,
        included_trial_ids: set[int],
        trial_id_greater_than: int,
    ) -> list[FrozenTrial]:
        """As Optuna's: those of which nothing is new are not read."""
        included = {number for number in included_trial_ids if number <= trial_id_greater_than}
        read = super()._get_trials
        if not self._own or states is not None or len(included) > _MOST_IN_A_LIST:
            return read(study_id, states, included_trial_ids, trial_id_greater_than)
        asked = {"study": study_id, "last": trial_id_greater_than, "included": list(included)}
        with self._transaction() as connection:
            there = {row.trial_id: row.state for row in connection.execute(_STATES, asked)}
        found = {i: own for i, state in there.items() if (own := self._own.of_state(i, state))}
        others = there.keys() - found.keys()
        if len(others) > _MOST_IN_A_LIST:
            return read(study_id, states, included_trial_ids, trial_id_greater_than)
        if others or not there:
            last = max(there, default=trial_id_greater_than)
            found |= {trial._trial_id: trial for trial in read(study_id, None, others, last)}
        return [found[number] for number in sorted(found)]

    def set_trial_state_values(
        self, trial_id: int, state: TrialState, values: Sequence[float] | None = None
    ) -> bool:
        """As Optuna's."""
        self._own.take(trial_id)
        return super().set_trial_state_values(trial_id, state, values)

    def set_trial_user_attr(self, trial_id: int, key: str, value: Any) -> None:
        """As Optuna's."""
        self._own.take(trial_id)
        super().set_trial_user_attr(trial_id, key, value)

    def set_trial_system_attr(self, trial_id: int, key: str, value: Any) -> None:
        """As Optuna's."""
        self._own.take(trial_id)
        super().set_trial_system_attr(trial_id, key, value)

    def _set_trial_param(self, trial_id: int, *arguments: Any) -> None:
        self._own.take(trial_id)
        super()._set_trial_param(trial_id, *arguments)

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[Connection]:
        """A transaction without the session of Optuna's models, which costs as much as a row."""
        try:
            with self.engine.begin() as connection:
                yield connection
        except SQLAlchemyError as error:
            raise StorageInternalError("A statement failed, or its commit.") from error


_TRIALS: Any = models.TrialModel.__table__
_VALUES_OF_STEPS = models.TrialIntermediateValueModel
_VALUES = insert(models.TrialValueModel.__table__)
_STATES = select(_TRIALS.c.trial_id, _TRIALS.c.state).where(
    _TRIALS.c.study_id == bindparam("study"),
    or_(
        _TRIALS.c.trial_id > bindparam("last"),
        _TRIALS.c.trial_id.in_(bindparam("included", expanding=True)),
    ),
)
_RUNS = (_TRIALS.c.trial_id == bindparam("asked"), _TRIALS.c.state == TrialState.RUNNING)
_END = update(_TRIALS).where(*_RUNS)
_END = _END.values(state=bindparam("new_state"), datetime_complete=bindparam("now"))


def _rows(template: FrozenTrial) -> list[tuple[Any, list[dict[str, Any]]]]:
    """What a trial has, by table."""
    distributions = template.distributions
    return [
        (
            models.TrialParamModel,
            [
                {
                    "param_name": name,
                    "param_value": distributions[name].to_internal_repr(value),
                    "distribution_json": distribution_to_json(distributions[name]),
                }
                for name, value in template.params.items()
            ],
        ),
        (models.TrialUserAttributeModel, _attributes(template.user_attrs)),
        (models.TrialSystemAttributeModel, _attributes(template.system_attrs)),
        (
            _VALUES_OF_STEPS,
            [
                {"step": step, "intermediate_value": stored, "intermediate_value_type": kind}
                for step, value in template.intermediate_values.items()
                for stored, kind in [_VALUES_OF_STEPS.intermediate_value_to_stored_repr(value)]
            ],
        ),
    ]


def _attributes(values: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [{"key": key, "value_json": json.dumps(value)} for key, value in values.items()]


def _of(values: Sequence[float] | None) -> list[dict[str, Any]]:
    """The rows of a trial's values, one for each objective."""
    stored = map(models.TrialValueModel.value_to_stored_repr, values or ())
    return [
        {"objective": number, "value": value, "value_type": kind}
        for number, (value, kind) in enumerate(stored)
    ]


@functools.cache
def _upsert_of_a_value(dialect: str) -> Any:
    """The value of a step of a trial that runs, in place of the one that it has.

    None where a database has no such statement.
    """
    table: Any = _VALUES_OF_STEPS.__table__
    columns = (table.c.step, table.c.intermediate_value, table.c.intermediate_value_type)
    names = ("new_step", "new_value", "new_kind")
    new = [bindparam(name, type_=c.type) for name, c in zip(names, columns, strict=True)]
    running = select(_TRIALS.c.trial_id, *new).where(*_RUNS)
    into = ["trial_id", *(column.name for column in columns)]
    insertion = _insertion(dialect, table)
    if insertion is None:
        return None
    upsert = _upsert(insertion.from_select(into, running), into[:2], into[2:])
    # Whether a row was written: of an insertion SQLAlchemy does not ask every driver by itself.
    return upsert.execution_options(preserve_rowcount=True)


@functools.cache
def _upsert_of_attributes(dialect: str) -> Any:
    """User attributes of a trial, in place of those that it has; None as above."""
    insertion = _insertion(dialect, models.TrialUserAttributeModel.__table__)
    return None if insertion is None else _upsert(insertion, ["trial_id", "key"], ["value_json"])


def _insertion(dialect: str, table: Any) -> Any:
    kinds = {"mysql": mysql, "mariadb": mysql, "postgresql": postgresql, "sqlite": sqlite}
    return kinds[dialect].insert(table) if dialect in kinds else None


def _upsert(insertion: Any, keys: list[str], written: list[str]) -> Any:
    """An insertion that writes some columns where a row of its keys is there."""
    if isinstance(insertion, mysql.Insert):
        return insertion.on_duplicate_key_update({n: insertion.inserted[n] for n in written})
    return insertion.on_conflict_do_update(
        index_elements=keys, set_={name: insertion.excluded[name] for name in written}
    )

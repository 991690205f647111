"""Optuna's storage in a database, in fewer statements where a driver writes most.

Optuna asks for the trial, and for the row that may be there already, before each row it writes:
twenty-five statements for a trial with its parameters, and three for each epoch. The rows are the
same; what they mean, and the checks of them, are Optuna's.
"""

from __future__ import annotations

import functools
import json
from typing import Any

from optuna.distributions import distribution_to_json
from optuna.storages import RDBStorage
from optuna.storages._rdb import models
from optuna.trial import FrozenTrial, TrialState
from sqlalchemy import Insert, bindparam, insert, select
from sqlalchemy.dialects import mysql, postgresql, sqlite
from sqlalchemy.orm import Session


class LeanStorage(RDBStorage):
    """Optuna's."""

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

    def _set_trial_intermediate_value_without_commit(
        self, session: Session, trial_id: int, step: int, intermediate_value: float
    ) -> None:
        """A value in place of the step's, if it has one, without looking."""
        value, kind = models.TrialIntermediateValueModel.intermediate_value_to_stored_repr(
            intermediate_value
        )
        state = session.execute(_STATE, {"asked": trial_id}).scalar_one_or_none()
        upsert = _upsert_of_a_value(self.engine.dialect.name)
        if state is not TrialState.RUNNING or upsert is None:  # Optuna knows what to say of it
            super()._set_trial_intermediate_value_without_commit(
                session, trial_id, step, intermediate_value
            )
            return
        row = {
            "trial_id": trial_id,
            "step": step,
            "intermediate_value": value,
            "intermediate_value_type": kind,
        }
        session.execute(upsert, row)


_TRIALS = models.TrialModel.__table__
_STATE = select(_TRIALS.c.state).where(_TRIALS.c.trial_id == bindparam("asked"))


def _rows(template: FrozenTrial) -> list[tuple[Any, list[dict[str, Any]]]]:
    """What a trial has, by table."""
    distributions, kind = template.distributions, models.TrialIntermediateValueModel
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
            kind,
            [
                {"step": step, "intermediate_value": stored, "intermediate_value_type": kind_of}
                for step, value in template.intermediate_values.items()
                for stored, kind_of in [kind.intermediate_value_to_stored_repr(value)]
            ],
        ),
    ]


def _attributes(values: dict[str, Any]) -> list[dict[str, Any]]:
    return [{"key": key, "value_json": json.dumps(value)} for key, value in values.items()]


@functools.cache
def _upsert_of_a_value(dialect: str) -> Insert | None:
    """A step's value in place of the one that it has; None where a database has no such thing."""
    table = models.TrialIntermediateValueModel.__table__
    written = ("intermediate_value", "intermediate_value_type")
    if dialect in ("mysql", "mariadb"):
        ours = mysql.insert(table)
        return ours.on_duplicate_key_update({name: ours.inserted[name] for name in written})
    if dialect not in ("postgresql", "sqlite"):
        return None
    new = postgresql.insert(table) if dialect == "postgresql" else sqlite.insert(table)
    return new.on_conflict_do_update(
        index_elements=["trial_id", "step"], set_={name: new.excluded[name] for name in written}
    )

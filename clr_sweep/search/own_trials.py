"""The trials that this process has made in a storage and that run, as a read would give them."""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from optuna.trial import FrozenTrial, TrialState


class OwnTrials:
    """What is stored of each trial, for as long as all that is written into it is told.

    A trial is taken out before something is written into it and kept again once that is committed:
    of one that nobody knows how it stands nothing is said.
    """

    def __init__(self) -> None:
        self._trials: dict[int, FrozenTrial] = {}

    def __bool__(self) -> bool:
        return bool(self._trials)

    def begin(self, trial: FrozenTrial) -> None:
        """A trial has been stored, RUNNING."""
        own = _copy(trial)
        for name, distribution in own.distributions.items():
            stored = distribution.to_internal_repr(own.params[name])
            own.params[name] = distribution.to_external_repr(stored)
        own.user_attrs, own.system_attrs = _as_read(own.user_attrs), _as_read(own.system_attrs)
        self._trials[own._trial_id] = own

    def take(self, trial_id: int) -> FrozenTrial | None:
        """Know a trial no more: the one that was known."""
        return self._trials.pop(trial_id, None)

    def reported(self, trial: FrozenTrial | None, step: int, value: float) -> None:
        """A value of a trial that was taken has been stored."""
        if trial is not None:
            trial.intermediate_values[step] = value
            self._trials[trial._trial_id] = trial

    def ended(
        self,
        trial: FrozenTrial | None,
        state: TrialState,
        values: Sequence[float] | None,
        user_attrs: Mapping[str, Any],
        at: datetime,
    ) -> None:
        """The end of a trial that was taken has been stored."""
        if trial is not None:
            trial.state, trial.values = state, values
            trial.datetime_complete = at
            trial.user_attrs |= _as_read(user_attrs)
            self._trials[trial._trial_id] = trial

    def copy(self, trial_id: int) -> FrozenTrial | None:
        """A trial that is known."""
        own = self._trials.get(trial_id)
        return None if own is None else _copy(own)

    def of_state(self, trial_id: int, state: TrialState) -> FrozenTrial | None:
        """A trial that is known, if it is in the state that is stored.

        Nobody else ends a trial of this process; who does it by hand is found out so. One that
        has ended is given once: whoever asks keeps it.
        """
        own = self._trials.get(trial_id)
        if own is None or (own.state is state and not state.is_finished()):
            return None if own is None else _copy(own)
        del self._trials[trial_id]
        return own if own.state is state else None


def _copy(trial: FrozenTrial) -> FrozenTrial:
    """With containers of its own: Optuna's trials write into theirs."""
    own = copy.copy(trial)
    own.params, own.distributions = dict(own.params), dict(own.distributions)
    own.user_attrs, own.system_attrs = dict(own.user_attrs), dict(own.system_attrs)
    own.intermediate_values = dict(own.intermediate_values)
    return own


def _as_read(attributes: Mapping[str, Any]) -> dict[str, Any]:
    read: dict[str, Any] = json.loads(json.dumps(dict(attributes)))
    return read

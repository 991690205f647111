"""What two trials differ in beside their schedules, as far as what is stored tells."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from clr_sweep.definition.optimizers import OPTIMIZERS
from clr_sweep.results import words
from clr_sweep.training.records import TrialRecord

_UNKNOWN = "its default, which is not known"
_NONE = "none"


class Change(NamedTuple):
    """A key of the configuration, and the values of both."""

    key: str
    ours: object
    theirs: object

    @property
    def is_certain(self) -> bool:
        """Whether both are known: a default may be what the other was given."""
        return _UNKNOWN not in (self.ours, self.theirs)


class Changes(NamedTuple):
    """What two trials differ in, and what they may differ in."""

    certain: tuple[Change, ...]
    possible: tuple[Change, ...]

    @property
    def differ(self) -> bool | None:
        """Whether they do; None where that is not known."""
        return True if self.certain else None if self.possible else False


def changes(ours: TrialRecord, theirs: TrialRecord) -> Changes:
    """What was given to one of two trials at least, and is not known to be the same of both."""
    a, b = _given(ours), _given(theirs)
    found = [
        Change(key, _value(ours, a, key), _value(theirs, b, key)) for key in dict.fromkeys([*a, *b])
    ]
    found = [one for one in found if one.ours != one.theirs]
    return Changes(
        tuple(one for one in found if one.is_certain),
        tuple(one for one in found if not one.is_certain),
    )


def listed(found: Sequence[Change], other: str) -> str:
    """In words: `momentum 0.9 (there 0.0)`, where the other one is `there`."""
    return ", ".join(
        f"{key} {words.shorten(str(ours), 40)} ({other} {words.shorten(str(theirs), 40)})"
        for key, ours, theirs in found
    )


def _given(trial: TrialRecord) -> dict[str, object]:
    training, model = trial.config.training, trial.config.model
    return {
        "optimizer": training.optimizer.name,
        "batch_size": training.batch_size,
        "loss": str(training.loss),
        "model": model.name,
        **training.optimizer.arguments,
        **{f"model.{key}": value for key, value in model.arguments.items()},
    }


def _value(trial: TrialRecord, given: dict[str, object], key: str) -> object:
    """What a trial was given, or what its functions have as default where nothing was given."""
    if key in given:
        return given[key]
    is_of_model, nothing = key.startswith("model."), _UNKNOWN
    if trial.has_own_optimizer and not is_of_model:
        return _UNKNOWN
    taken = OPTIMIZERS.get(trial.config.training.optimizer.name)
    if taken is not None and not is_of_model and (trial.defaults is not None or key not in taken):
        nothing = _NONE  # what an optimizer of Keras' does not take, it does not have
    return (trial.defaults or {}).get(key, nothing)

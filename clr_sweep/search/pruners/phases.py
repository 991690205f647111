"""A trial as its pruner sees it: its values so far, and where they stand in its schedule."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import optuna
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState

from clr_sweep.definition.trial_config import ScheduleConfig
from clr_sweep.schedules import policies
from clr_sweep.search.attributes import PHASES

Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Phases:
    """Where a trial is in its schedule at the end of each of its epochs; known before it starts.

    Attributes:
        positions: height on the schedule's shape, 0 at its lowest rate and 1 at its highest, shape
            (epochs,).
        rate_sums: the sum of the rates of all steps so far, shape (epochs,): what training has
            consumed of what the schedule gives.
    """

    positions: Sequence[float]
    rate_sums: Sequence[float]

    def stored(self) -> dict[str, Any]:
        """What is stored with the trial."""
        return asdict(self)

    @property
    def epochs(self) -> int:
        """How many epochs the trial has if it is not pruned."""
        return len(self.positions)


def plan_phases(schedule: ScheduleConfig, steps: int, steps_per_epoch: int) -> Phases:
    """The phases of a trial at the ends of its epochs, the last of which a cycle may cut short.

    Args:
        steps: optimizer steps of the trial in all.
    """
    ends = np.append(np.arange(steps_per_epoch, steps, steps_per_epoch), steps)
    rates = schedule.learning_rate(np.arange(steps))
    return Phases(
        positions=policies.height(ends, **schedule.shape).tolist(),
        rate_sums=np.cumsum(rates)[ends - 1].tolist(),
    )


@dataclass(frozen=True)
class Curve:
    """What a trial has reported.

    Attributes:
        best: the best value by the end of each epoch, larger is better, shape (reported,); -inf
            before the first finite one.
        phases: of all its epochs, those to come too.
        value: the objective of a complete trial, larger is better; None of any other.
    """

    best: Array
    phases: Phases
    value: float | None = None

    @property
    def epoch(self) -> int:
        """The last epoch it has reported, counted from 1; 0 before the first."""
        return len(self.best)

    @property
    def has_value(self) -> bool:
        """Whether a finite value has been reported."""
        return bool(self.epoch and np.isfinite(self.best[-1]))


def curve_of(study: optuna.Study, trial: FrozenTrial) -> Curve | None:
    """The curve of a trial; None where its schedule is not stored or does not fit its reports."""
    stored = trial.user_attrs.get(PHASES)
    if stored is None:
        return None
    phases = Phases(**stored)
    epoch = max(trial.intermediate_values, default=0)
    if epoch > phases.epochs:
        return None
    sign = 1.0 if study.direction == StudyDirection.MAXIMIZE else -1.0
    values = np.full(epoch, -np.inf)
    for step, reported in trial.intermediate_values.items():
        if step >= 1 and np.isfinite(reported):
            values[step - 1] = sign * reported
    value = trial.value if trial.state == TrialState.COMPLETE else None
    return Curve(np.maximum.accumulate(values), phases, None if value is None else sign * value)


def complete_curves(study: optuna.Study) -> list[Curve]:
    """The curves of the complete trials, in the order of their numbers.

    Diverged trials are told as PRUNED and are not among them: what they reached before says
    nothing of a trial's end.
    """
    trials = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
    return [curve for trial in trials if (curve := curve_of(study, trial)) is not None]

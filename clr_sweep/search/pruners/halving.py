"""Successive halving by the part of its own schedule that a trial has behind it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import optuna
from optuna.trial import FrozenTrial, TrialState

from clr_sweep.search.pruners.phases import Curve, curve_of

REDUCTION_FACTOR = 3
FIRST_RUNG = 1 / 8
LOWER_PART = 0.5


@dataclass(frozen=True)
class PhaseHalvingPruner(optuna.pruners.BasePruner):
    """Asynchronous successive halving (Li et al., arXiv:1810.05934) whose rungs are comparable.

    A rung is no number of epochs, of which cycles of different lengths make different use, but a
    part of the trial's own schedule: `first_rung` of it, then `reduction_factor` times that, and
    so on. It is judged at the first epoch's end from there on at which the rate is in the lower
    part of its range, by the best value so far; of all that have come to a rung the best part of
    1 / reduction_factor goes on.

    Args:
        reduction_factor: whole number, at least 2.
        first_rung: part of the schedule, in (0, 1).
        lower_part: the part of the rate's range, from the trough up, in which it decides.
    """

    reduction_factor: int = REDUCTION_FACTOR
    first_rung: float = FIRST_RUNG
    lower_part: float = LOWER_PART

    def __post_init__(self) -> None:
        if self.reduction_factor < 2:
            raise ValueError(f"reduction_factor must be at least 2, got {self.reduction_factor}")
        if not 0 < self.first_rung < 1:
            raise ValueError(f"first_rung must be in (0, 1), got {self.first_rung}")
        if not 0 <= self.lower_part <= 1:
            raise ValueError(f"lower_part must be in [0, 1], got {self.lower_part}")

    def prune(self, study: optuna.Study, trial: FrozenTrial) -> bool:
        curve = curve_of(study, trial)
        if curve is None or not curve.has_value:
            return False
        rungs = self._rungs(curve)
        if curve.epoch not in rungs:
            return False
        rung = rungs.index(curve.epoch)
        ended = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE, TrialState.PRUNED))
        reached = [
            value for one in ended if (value := self._value_at(study, one, rung)) is not None
        ]
        better = sum(value > curve.best[-1] for value in reached)
        goes_on = better < max(1, (len(reached) + 1) // self.reduction_factor)
        return not goes_on

    def _value_at(self, study: optuna.Study, trial: FrozenTrial, rung: int) -> float | None:
        """The best value that a trial had when it came to a rung; None if it never did."""
        curve = curve_of(study, trial)
        if curve is None:
            return None
        rungs = self._rungs(curve)
        if rung >= len(rungs) or rungs[rung] > curve.epoch:
            return None
        value = float(curve.best[rungs[rung] - 1])
        return value if np.isfinite(value) else None

    def _rungs(self, curve: Curve) -> list[int]:
        """The epochs at whose ends this trial is judged, one for each rung."""
        epochs, part, rungs = curve.phases.epochs, self.first_rung, []
        low = [e for e in range(1, epochs) if curve.phases.positions[e - 1] <= self.lower_part]
        while part < 1:
            rungs.append(next((e for e in low if e >= part * epochs), epochs))
            part *= self.reduction_factor
        return rungs

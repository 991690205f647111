"""The median of the best values so far, asked only in the lower part of the cycle."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import optuna
from optuna.trial import FrozenTrial

from clr_sweep.search.pruners.phases import complete_curves, curve_of

STARTUP_TRIALS = 5
LOWER_PART = 0.5


@dataclass(frozen=True)
class PhasePercentilePruner(optuna.pruners.BasePruner):
    """Prunes a trial that is behind a percentile of the complete trials, at the same epoch.

    Near the peak of the rate a trial is at its worst, so it decides only where the trial's rate
    is in the lower part of its range, and compares best values so far, which a peak does not
    lower.

    Args:
        percentile: of the complete trials, which a trial has to reach, from the worst up: 50 is
            their median; the lower, the less is pruned.
        startup_trials: complete trials before the first decision.
        lower_part: the part of the rate's range, from the trough up, in which it decides.
    """

    percentile: float = 50.0
    startup_trials: int = STARTUP_TRIALS
    lower_part: float = LOWER_PART

    def __post_init__(self) -> None:
        if not 0 < self.percentile < 100:
            raise ValueError(f"percentile must be in (0, 100), got {self.percentile}")
        if self.startup_trials < 1:
            raise ValueError(f"startup_trials must be at least 1, got {self.startup_trials}")
        if not 0 <= self.lower_part <= 1:
            raise ValueError(f"lower_part must be in [0, 1], got {self.lower_part}")

    def prune(self, study: optuna.Study, trial: FrozenTrial) -> bool:
        curve = curve_of(study, trial)
        if curve is None or not curve.has_value:
            return False
        epoch = curve.epoch
        if curve.phases.positions[epoch - 1] > self.lower_part:
            return False
        # A trial that ended before this epoch is in it with all that it reached.
        others = [c.best[min(epoch, c.epoch) - 1] for c in complete_curves(study)]
        others = [value for value in others if np.isfinite(value)]
        if len(others) < self.startup_trials:
            return False
        return bool(curve.best[-1] < np.percentile(others, self.percentile))

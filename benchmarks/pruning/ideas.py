"""Rules that were tried beside those of clr-sweep, kept so that they can be tried again."""

from __future__ import annotations

import math

import numpy as np
import optuna
from optuna.trial import FrozenTrial

from clr_sweep.search.pruners.percentile import STARTUP_TRIALS
from clr_sweep.search.pruners.phases import complete_curves, curve_of


class BudgetMedianPruner(optuna.pruners.BasePruner):
    """The median of the best values so far, where others had the same part of their epochs."""

    def prune(self, study: optuna.Study, trial: FrozenTrial) -> bool:
        curve = curve_of(study, trial)
        if curve is None or not curve.has_value:
            return False
        part = curve.epoch / curve.phases.epochs
        others = [c.best[math.ceil(part * c.epoch) - 1] for c in complete_curves(study)]
        return len(others) >= STARTUP_TRIALS and bool(curve.best[-1] < np.median(others))


class PatientMedianPruner(optuna.pruners.BasePruner):
    """The median of the best values so far, after so many epochs behind it in a row."""

    def __init__(self, epochs: int) -> None:
        self._epochs = epochs

    def prune(self, study: optuna.Study, trial: FrozenTrial) -> bool:
        curve = curve_of(study, trial)
        complete = complete_curves(study)
        if curve is None or curve.epoch < self._epochs or len(complete) < STARTUP_TRIALS:
            return False
        last = range(curve.epoch - self._epochs, curve.epoch)
        return all(
            curve.best[at] < np.median([c.best[min(at, c.epoch - 1)] for c in complete])
            for at in last
        )

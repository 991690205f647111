"""Optuna pruners that know the schedule, so that no peak is held against a trough."""

from __future__ import annotations

from collections.abc import Callable

import optuna

from clr_sweep.definition.sweep import Sweep
from clr_sweep.search.pruners.forecast import ForecastPruner
from clr_sweep.search.pruners.halving import PhaseHalvingPruner
from clr_sweep.search.pruners.percentile import STARTUP_TRIALS, PhasePercentilePruner

PRUNERS: dict[str, Callable[[], optuna.pruners.BasePruner]] = {
    "cycle_aware": ForecastPruner,
    "phase_median": PhasePercentilePruner,
    "phase_percentile": lambda: PhasePercentilePruner(percentile=25.0),
    "phase_halving": PhaseHalvingPruner,
    "median": lambda: optuna.pruners.MedianPruner(n_startup_trials=STARTUP_TRIALS),
    "none": optuna.pruners.NopPruner,
}
"""By the names that `study.pruner` may have."""


def make_pruner(sweep: Sweep) -> optuna.pruners.BasePruner:
    """The pruner that the sweep names."""
    return PRUNERS[sweep.study.pruner]()

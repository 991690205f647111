"""Optuna pruners that know the schedule, so that no peak is held against a trough."""

from __future__ import annotations

import warnings
from collections.abc import Callable

import optuna

from clr_sweep.definition.optuna_classes import OptunaPruner
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
"""Ours, by the names that `study.pruner` may have."""


def make_pruner(sweep: Sweep) -> optuna.pruners.BasePruner:
    """The pruner that the sweep names."""
    asked = sweep.study.pruner
    if not isinstance(asked, OptunaPruner):
        return PRUNERS[asked]()
    make: Callable[..., optuna.pruners.BasePruner] = getattr(optuna.pruners, asked.class_name)
    own = {"wrapped_pruner": None} if asked.class_name == "PatientPruner" else {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        return make(**own, **asked.arguments)

"""Studies whose trials have reported given values, as the pruners of a sweep see them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import optuna
from optuna.trial import FrozenTrial, TrialState, create_trial

from clr_sweep.search.attributes import PHASES
from clr_sweep.search.pruners.phases import Phases

# Two cycles of four epochs: down at the second half's ends.
PLACES = [0.5, 1.0, 0.5, 0.0, 0.5, 1.0, 0.5, 0.0]
PHASES_OF_TWO_CYCLES = Phases(PLACES, [1.0, 4.0, 7.0, 8.0, 9.0, 12.0, 15.0, 16.0])


def complete(
    reported: Mapping[int, float],
    value: float | None = None,
    phases: Phases = PHASES_OF_TWO_CYCLES,
) -> FrozenTrial:
    """A complete trial that reported these values by epoch; it is worth its last, or `value`."""
    return create_trial(
        value=reported[max(reported)] if value is None else value,
        intermediate_values=dict(reported),
        user_attrs={PHASES: phases.stored()},
    )


def pruned(reported: Mapping[int, float], phases: Phases = PHASES_OF_TWO_CYCLES) -> FrozenTrial:
    """A pruned trial; a diverged one is told as one too."""
    return create_trial(
        state=TrialState.PRUNED,
        intermediate_values=dict(reported),
        user_attrs={PHASES: phases.stored()},
    )


def running(
    reported: Mapping[int, float], phases: Phases | None = PHASES_OF_TWO_CYCLES
) -> FrozenTrial:
    """A trial that has reported these values so far."""
    attributes: dict[str, Any] = {} if phases is None else {PHASES: phases.stored()}
    return create_trial(
        state=TrialState.RUNNING, intermediate_values=dict(reported), user_attrs=attributes
    )


def study_of(trials: Iterable[FrozenTrial], direction: Any = "maximize") -> optuna.Study:
    """A study with these trials."""
    study = optuna.create_study(direction=direction)
    study.add_trials(trials)
    return study


def constant(value: float, epochs: int = 8) -> dict[int, float]:
    """One value at every epoch."""
    return dict.fromkeys(range(1, epochs + 1), value)

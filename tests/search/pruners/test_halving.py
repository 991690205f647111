"""Successive halving by the part of its own schedule that a trial has behind it."""

from __future__ import annotations

import math
from typing import Any

import pytest
from pruned_studies import PHASES_OF_TWO_CYCLES, complete, constant, pruned, running, study_of

from clr_sweep.search.pruners.halving import PhaseHalvingPruner
from clr_sweep.search.pruners.phases import Phases

# Rungs at 1/8, 3/8 and, with three times that, no more; the peak at epoch 2 puts the second off.
NINE = [complete(constant(value / 10)) for value in range(1, 10)]
FIRST, SECOND = 1, 3


def cut_at(
    value: float, trials: list[Any], phases: Phases = PHASES_OF_TWO_CYCLES, **arguments: Any
) -> list[int]:
    """The epochs at whose ends a trial with this value at each epoch is cut."""
    pruner, study = PhaseHalvingPruner(**arguments), study_of(trials)
    return [e for e in range(1, 8) if pruner.prune(study, running(constant(value, e), phases))]


def test_it_decides_at_rungs_alone() -> None:
    """At an eighth of the schedule, and at the first comparable epoch from three eighths on."""
    assert cut_at(0.05, NINE) == [FIRST, SECOND]
    at_peak = Phases([0.5, 0.9, 1.0, 0.9, 0.5, 0.0, 0.5, 0.0], PHASES_OF_TWO_CYCLES.rate_sums)
    assert cut_at(0.05, NINE, at_peak) == [1, 5]  # epochs 3 and 4 are near the peak


@pytest.mark.parametrize(("value", "cut"), [(0.95, False), (0.65, False), (0.55, True)])
def test_the_best_third_goes_on(value: float, cut: bool) -> None:
    """Of ten trials with this one the best three go on."""
    trials = [*NINE[:6], *NINE[7:]]  # without .7: .9 and .8 are ahead of .65
    assert bool(cut_at(value, trials)) is cut


def test_equal_values_are_not_better() -> None:
    """Where all are as good as each other, none has any ahead of it, and all go on."""
    assert cut_at(0.5, [complete(constant(0.5))] * 9) == []
    two_ahead = [complete(constant(value)) for value in (0.9, 0.8, *[0.5] * 7)]
    assert cut_at(0.5, two_ahead) == []  # of ten the best three go on
    assert cut_at(0.5, [complete(constant(0.7)), *two_ahead]) == [FIRST, SECOND]


def test_the_best_half_goes_on() -> None:
    """With a reduction factor of 2, and rungs at 1/8, 1/4 and 1/2 of the schedule."""
    assert cut_at(0.62, NINE, reduction_factor=2) == []
    assert cut_at(0.42, NINE, reduction_factor=2) == [1, 3, 4]


def test_pruned_trials_count_at_the_rungs_they_reached() -> None:
    """They came to the first rung and not to the second."""
    ahead = [pruned(constant(0.9, 1))] * 9
    assert cut_at(0.5, ahead) == [FIRST]
    assert cut_at(0.5, []) == []


def test_rungs_are_parts_of_each_trial_own_schedule() -> None:
    """A trial twice as long comes to the rung later, and is compared with what it had there."""
    long = Phases([0.0] * 16, [float(e) for e in range(1, 17)])
    slow = [complete({**constant(0.2, 1), **dict.fromkeys(range(2, 17), 0.9)}, phases=long)] * 9
    # their rung is epoch 2, where they had .9
    assert cut_at(0.5, slow) == [FIRST, SECOND]


@pytest.mark.parametrize("direction", ["maximize", "minimize"])
def test_directions(direction: str) -> None:
    """Worse is lower for an accuracy and higher for a loss."""
    pruner, study = PhaseHalvingPruner(), study_of(NINE, direction)
    assert pruner.prune(study, running(constant(0.15, 1))) is (direction == "maximize")
    assert pruner.prune(study, running(constant(0.85, 1))) is (direction == "minimize")


def test_nothing_is_cut_without_a_value_or_a_place() -> None:
    """Neither a trial without a finite value nor one whose schedule is not stored."""
    pruner, study = PhaseHalvingPruner(), study_of(NINE)
    for trial in (running({}), running({1: math.nan}), running(constant(0.05, 1), None)):
        assert not pruner.prune(study, trial)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"reduction_factor": 1}, "reduction_factor must be at least 2, got 1"),
        ({"first_rung": 0.0}, r"first_rung must be in \(0, 1\), got 0.0"),
        ({"first_rung": 1.0}, r"first_rung must be in \(0, 1\), got 1.0"),
        ({"lower_part": -0.1}, r"lower_part must be in \[0, 1\], got -0.1"),
    ],
)
def test_wrong_arguments(arguments: dict[str, Any], message: str) -> None:
    """An argument out of range is refused with its name and value."""
    with pytest.raises(ValueError, match=message):
        PhaseHalvingPruner(**arguments)

"""The percentile of the best values so far, asked in the lower part of the cycle alone."""

from __future__ import annotations

import math
from typing import Any

import optuna
import pytest
from optuna.trial import TrialState, create_trial
from pruned_studies import (
    PHASES_OF_TWO_CYCLES,
    PLACES,
    complete,
    constant,
    pruned,
    running,
    study_of,
)

from clr_sweep.search.attributes import PHASES
from clr_sweep.search.pruners.percentile import PhasePercentilePruner
from clr_sweep.search.pruners.phases import Phases

FIVE = [complete(constant(value)) for value in (0.5, 0.6, 0.7, 0.8, 0.9)]  # median 0.7


@pytest.mark.parametrize(("epoch", "decides"), enumerate([p <= 0.5 for p in PLACES], start=1))
def test_it_decides_in_the_lower_half_alone(epoch: int, decides: bool) -> None:
    """A hopeless trial is cut at every epoch whose rate is in the lower half, and at no other."""
    pruner, study = PhasePercentilePruner(), study_of(FIVE)
    assert pruner.prune(study, running(constant(0.1, epoch))) is decides
    assert not pruner.prune(study, running(constant(0.95, epoch)))


@pytest.mark.parametrize(("lower_part", "cut_at"), [(0.0, [4, 8]), (1.0, [*range(1, 9)])])
def test_the_part_in_which_it_decides(lower_part: float, cut_at: list[int]) -> None:
    """At troughs alone, or at every epoch, as it is asked."""
    pruner, study = PhasePercentilePruner(lower_part=lower_part), study_of(FIVE)
    cut = [epoch for epoch in range(1, 9) if pruner.prune(study, running(constant(0.1, epoch)))]
    assert cut == cut_at


@pytest.mark.parametrize(
    ("direction", "value", "cut"),
    [
        ("maximize", 0.69, True),
        ("maximize", 0.7, False),
        ("maximize", 0.71, False),
        ("minimize", 0.69, False),
        ("minimize", 0.7, False),
        ("minimize", 0.71, True),
    ],
)
def test_it_cuts_what_is_worse_than_the_median(direction: str, value: float, cut: bool) -> None:
    """Worse is lower for an accuracy and higher for a loss; the median itself goes on."""
    study = study_of(FIVE, direction)
    assert PhasePercentilePruner().prune(study, running(constant(value, 4))) is cut


@pytest.mark.parametrize(("direction", "cut"), [("maximize", [0.5]), ("minimize", [0.9])])
def test_the_percentile_is_counted_from_the_worst(direction: str, cut: list[float]) -> None:
    """Of five the 25th percentile from the worst up is the second: the worst alone is cut."""
    study, pruner = study_of(FIVE, direction), PhasePercentilePruner(25.0)
    values = (0.5, 0.6, 0.7, 0.8, 0.9)
    assert [v for v in values if pruner.prune(study, running(constant(v, 4)))] == cut


@pytest.mark.parametrize("direction", ["maximize", "minimize"])
def test_the_best_so_far_counts(direction: str) -> None:
    """A trial that is bad now but was good before goes on: the others are judged likewise."""
    good, bad = (0.9, 0.1) if direction == "maximize" else (0.1, 0.9)
    study = study_of([complete(constant(0.5))] * 5, direction)
    pruner = PhasePercentilePruner()
    assert not pruner.prune(study, running({1: good, 2: bad, 3: bad, 4: bad}))
    assert pruner.prune(study, running({1: bad, 2: bad, 3: bad, 4: bad}))
    # what the others reached later than this epoch does not count
    late = study_of([complete(constant(bad, 4) | {5: good})] * 5, direction)
    assert not pruner.prune(late, running(constant(bad, 4)))


def test_it_waits_for_enough_complete_trials() -> None:
    """Nothing is cut before five trials are complete; those that are not do not count."""
    study = study_of([*FIVE[:4], pruned(constant(0.9)), running(constant(0.9))])
    study.add_trial(create_trial(state=TrialState.FAIL, intermediate_values=constant(0.9)))
    trial = running(constant(0.1, 4))
    assert not PhasePercentilePruner().prune(study, trial)
    assert PhasePercentilePruner(startup_trials=4).prune(study, trial)
    study.add_trial(FIVE[4])
    assert PhasePercentilePruner().prune(study, trial)


def test_diverged_trials_do_not_lower_the_median() -> None:
    """A diverged trial is told as pruned, so what it reached before is not compared with."""
    study = study_of([complete(constant(0.8))] * 5 + [pruned({1: 0.1})] * 20)
    assert PhasePercentilePruner().prune(study, running(constant(0.5, 4)))


def test_values_that_are_missing() -> None:
    """Epochs without a value, and trials without any by now, are left out of the comparison."""
    pruner = PhasePercentilePruner()
    late = [complete({6: 0.9})] * 9  # nothing reported by epoch 4
    assert not pruner.prune(study_of(late), running(constant(0.1, 4)))
    assert not pruner.prune(study_of([*FIVE[:4], *late]), running(constant(0.1, 4)))
    assert pruner.prune(study_of([*FIVE, *late]), running(constant(0.1, 4)))
    assert pruner.prune(study_of(FIVE), running({4: 0.1}))
    assert not pruner.prune(study_of(FIVE), running({}))


def test_values_that_are_no_numbers() -> None:
    """NaN and infinities, should a storage hold them, are as if they were not there."""
    pruner = PhasePercentilePruner()
    assert not pruner.prune(study_of(FIVE), running({4: math.nan}))
    assert pruner.prune(study_of(FIVE), running({3: 0.1, 4: math.inf}))
    without = complete({4: math.nan}, value=0.9)
    assert pruner.prune(study_of([*FIVE, without]), running({4: 0.1}))


@pytest.mark.parametrize("phases", [None, Phases([], []), Phases(PLACES[:3], [1.0, 2.0, 3.0])])
def test_nothing_is_cut_where_the_place_is_not_known(phases: Phases | None) -> None:
    """A trial that does not say where it stands in its cycle goes on."""
    assert not PhasePercentilePruner().prune(study_of(FIVE), running(constant(0.1, 4), phases))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"percentile": 0.0}, r"percentile must be in \(0, 100\), got 0.0"),
        ({"percentile": 100.0}, r"percentile must be in \(0, 100\), got 100.0"),
        ({"startup_trials": 0}, "startup_trials must be at least 1, got 0"),
        ({"lower_part": 1.1}, r"lower_part must be in \[0, 1\], got 1.1"),
        ({"lower_part": math.nan}, r"lower_part must be in \[0, 1\], got nan"),
    ],
)
def test_wrong_arguments(arguments: dict[str, Any], message: str) -> None:
    """An argument out of range is refused with its name and value."""
    with pytest.raises(ValueError, match=message):
        PhasePercentilePruner(**arguments)


def test_in_a_live_study() -> None:
    """Through Optuna's own report and should_prune, as the driver asks."""
    study = optuna.create_study(direction="maximize", pruner=PhasePercentilePruner())
    study.add_trials(FIVE)
    trial = study.ask()
    trial.set_user_attr(PHASES, PHASES_OF_TWO_CYCLES.stored())
    answers = []
    for epoch in range(2, 5):
        trial.report(0.3, epoch)
        answers.append(trial.should_prune())
    assert answers == [False, True, True]

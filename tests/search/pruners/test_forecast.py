"""The pruner that forecasts how a trial will end."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import optuna
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from optuna.trial import FrozenTrial, create_trial
from pruned_studies import complete, constant, pruned, running, study_of

from clr_sweep.definition.trial_config import ScheduleConfig
from clr_sweep.search.attributes import PHASES
from clr_sweep.search.pruners import forecast
from clr_sweep.search.pruners.forecast import (
    FIRST_EPOCH,
    LEARNS_FROM,
    STARTUP_TRIALS,
    ForecastPruner,
)
from clr_sweep.search.pruners.phases import Phases, complete_curves, curve_of, plan_phases

PER_EPOCH, BUDGET = 50, 16


def phases_of(max_lr: float, factor: int) -> Phases:
    """Of a triangular cycle that ends at its last trough within 16 epochs."""
    schedule = ScheduleConfig(
        policy="triangular",
        init_lr=max_lr / 100,
        max_lr=max_lr,
        step_size_factor=factor,
        step_size=factor * PER_EPOCH,
    )
    cycles = BUDGET // (2 * factor)
    return plan_phases(schedule, cycles * 2 * factor * PER_EPOCH, PER_EPOCH)


def errors_of(phases: Phases, power: float = 0.3, noise: Sequence[float] = ()) -> list[float]:
    """A trial whose error falls as a power of what its rates sum up to, higher at the peaks."""
    sums, heights = np.array(phases.rate_sums), np.array(phases.positions)
    wave = 1 + 0.15 * heights
    return list(np.minimum(0.9, 0.6 * sums**-power * wave * np.exp([*noise] or [0.0])))


def accuracies(errors: Sequence[float], epochs: int | None = None) -> dict[int, float]:
    return {epoch: 1 - error for epoch, error in enumerate(errors[:epochs], start=1)}


def trial_of(max_lr: float, factor: int, noise: Sequence[float] = ()) -> FrozenTrial:
    phases = phases_of(max_lr, factor)
    return complete(accuracies(errors_of(phases, noise=noise)), phases=phases)


FOUR = [trial_of(0.03, 2), trial_of(0.1, 5), trial_of(0.3, 8), trial_of(0.02, 8)]


def asked(
    pruner: ForecastPruner, study: optuna.Study, phases: Phases, values: dict[int, float]
) -> list[int]:
    """The epochs at whose ends the pruner would cut a trial."""
    return [
        epoch
        for epoch in values
        if pruner.prune(study, running({e: v for e, v in values.items() if e <= epoch}, phases))
    ]


def test_it_forecasts_the_end_of_a_known_law() -> None:
    """Where the error is a power of the rates' sum, the forecast is the law, from any epoch."""
    phases = [phases_of(rate, factor) for rate in (0.02, 0.1, 0.5) for factor in (2, 5, 8)]
    trials = []
    for one in phases:
        errors = 0.6 * np.array(one.rate_sums) ** -0.3
        trials.append(complete(accuracies(list(errors)), phases=one))
    curves = complete_curves(study_of(trials))
    fitted = forecast.fit(curves, forecast._accuracy)
    assert fitted.error < 0.05
    new = phases_of(0.2, 7)
    end = math.log(0.6 * new.rate_sums[-1] ** -0.3)
    for epoch in (2, 5, 9, 13):
        errors = 0.6 * np.array(new.rate_sums) ** -0.3
        curve = curve_of(study_of([]), running(accuracies(list(errors), epoch), new))
        assert curve is not None
        assert fitted.of(curve) == pytest.approx(end, abs=0.06)


def test_a_long_cycle_is_not_held_against_short_ones() -> None:
    """A trial that is behind all others in its first epochs and at its peak, and ends ahead."""
    late = phases_of(0.3, 8)
    values = accuracies(errors_of(late))
    short = [trial_of(rate, 2) for rate in (0.1, 0.15, 0.2, 0.25)]
    assert values[16] > max(trial.value or 0 for trial in short)
    assert asked(ForecastPruner(), study_of(short), late, values) == []
    median = optuna.pruners.MedianPruner(n_startup_trials=3)
    assert median.prune(study_of(short), running({1: values[1]}, late))


@pytest.mark.parametrize("first_epoch", [1, FIRST_EPOCH, 5])
def test_a_hopeless_trial_is_cut_as_soon_as_it_may_be(first_epoch: int) -> None:
    """A rate so small that what is left of the schedule cannot make up for it."""
    hopeless = phases_of(0.001, 4)
    values = accuracies(errors_of(hopeless))
    pruner = ForecastPruner(first_epoch=first_epoch)
    assert asked(pruner, study_of(FOUR), hopeless, values)[0] == first_epoch


def changed(trial: FrozenTrial, change: Callable[[float], float]) -> FrozenTrial:
    """The trial with its values in another unit."""
    values = {epoch: change(value) for epoch, value in trial.intermediate_values.items()}
    return complete(values, phases=Phases(**trial.user_attrs[PHASES]))


def assert_same_cuts(
    one: optuna.Study, of_one: Callable[[float], float],
    other: optuna.Study, of_other: Callable[[float], float],
) -> None:  # fmt: skip
    """The same trials, each in the unit of its study, are cut at the same epochs: the bad ones."""
    cuts = []
    for rate in (0.001, 0.01, 0.05, 0.2, 0.6):
        phases = phases_of(rate, 6)
        errors = dict(enumerate(errors_of(phases), start=1))
        cuts.append(asked(ForecastPruner(), one, phases, {e: of_one(v) for e, v in errors.items()}))
        found = asked(ForecastPruner(), other, phases, {e: of_other(v) for e, v in errors.items()})
        assert found == cuts[-1]
    assert cuts[0]
    assert not cuts[-1]


def test_losses_are_forecast_likewise() -> None:
    """With a loss the same trials are cut at the same epochs: it is the error itself."""
    mirrored = study_of([changed(one, lambda value: 1 - value) for one in FOUR], "minimize")
    assert_same_cuts(study_of(FOUR), lambda error: 1 - error, mirrored, lambda error: error)


def test_tiny_losses_are_forecast_as_others_are() -> None:
    """Those of a regression near 1e-9: the unit of a loss changes no decision."""
    plain, tiny = (
        study_of([changed(one, lambda v, unit=unit: unit * (1 - v)) for one in FOUR], "minimize")
        for unit in (1.0, 1e-9)
    )
    assert_same_cuts(plain, lambda error: error, tiny, lambda error: 1e-9 * error)


@pytest.mark.parametrize(
    ("direction", "change"),
    [
        ("maximize", lambda v: -10 * float(np.log10(1 - v))),  # decibels
        ("maximize", lambda v: 1000 * v),
        ("minimize", lambda v: -v),  # cosine similarity as a loss
    ],
)
def test_a_metric_without_a_bound(direction: str, change: Callable[[float], float]) -> None:
    """Where nothing is known of perfection the hopeless are cut too, and the best is kept."""
    study = study_of([changed(trial, change) for trial in FOUR], direction)
    cuts = {}
    for rate in (0.0005, 0.6):
        phases = phases_of(rate, 6)
        values = {e: change(v) for e, v in accuracies(errors_of(phases)).items()}
        cuts[rate] = asked(ForecastPruner(), study, phases, values)
    assert cuts[0.0005]
    assert not cuts[0.6]


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    rates=st.lists(st.floats(0.01, 0.5), min_size=6, max_size=12),
)
def test_the_best_to_come_is_kept(seed: int, rates: list[float]) -> None:
    """With noise in every epoch, a trial clearly better than all before it reaches its end."""
    generator = np.random.default_rng(seed)

    def noise() -> list[float]:
        return list(generator.normal(0, 0.03, BUDGET))

    trials = []
    for rate in rates:
        factor = int(generator.integers(2, 9))
        phases = phases_of(rate, factor)
        errors = errors_of(phases, noise=noise()[: phases.epochs])
        trials.append(complete(accuracies(errors), phases=phases))
    better = phases_of(max(rates) * 4, 4)
    values = accuracies(errors_of(better, noise=noise()[: better.epochs]))
    assert asked(ForecastPruner(tolerance=3.0), study_of(trials), better, values) == []


def test_trials_that_collapsed_do_not_blind_it() -> None:
    """They ended at chance: neither the goal nor what others may hope for follows from them."""
    phases = phases_of(0.9, 2)
    collapsed = complete({1: 0.7} | dict.fromkeys(range(2, 17), 0.1), phases=phases)
    hopeless = phases_of(0.001, 4)
    values = accuracies(errors_of(hopeless))
    alone = asked(ForecastPruner(), study_of(FOUR * 2), hopeless, values)
    beside = asked(ForecastPruner(), study_of([*FOUR * 2, collapsed]), hopeless, values)
    assert alone[0] == beside[0] == FIRST_EPOCH


def test_a_higher_tolerance_cuts_less() -> None:
    """Whatever is cut with a tolerance is cut with every smaller one."""
    noise = np.random.default_rng(0)
    noisy = [
        trial_of(rate, factor, noise.normal(0, 0.1, phases_of(rate, factor).epochs))
        for rate, factor in [(0.03, 2), (0.1, 5), (0.3, 8), (0.02, 4)]
    ]
    study, cuts = study_of(noisy), []
    for tolerance in (0.0, 1.0, 2.0, 4.0, 8.0):
        found = set()
        for rate in (0.005, 0.02, 0.05, 0.15):
            phases = phases_of(rate, 6)
            values = accuracies(errors_of(phases))
            epochs = asked(ForecastPruner(tolerance=tolerance), study, phases, values)
            found |= {(rate, epoch) for epoch in epochs}
        cuts.append(found)
    assert all(more >= less for more, less in itertools.pairwise(cuts))
    assert cuts[0] > cuts[-1]


def test_it_waits_for_enough_complete_trials() -> None:
    """Those that were pruned or still run do not count, nor do those of a single epoch."""
    phases = phases_of(0.001, 4)
    hopeless = running(accuracies(errors_of(phases), 3), phases)
    few = [*FOUR[: STARTUP_TRIALS - 1], pruned(constant(0.9)), running(constant(0.9))]
    one_epoch = complete({1: 0.9}, phases=Phases([0.0], [1.0]))
    assert not ForecastPruner().prune(study_of([*few, one_epoch]), hopeless)
    assert not ForecastPruner().prune(study_of([one_epoch] * 9), hopeless)
    assert ForecastPruner(startup_trials=2, tolerance=0.0).prune(study_of(few), hopeless)
    assert ForecastPruner().prune(study_of([*few, FOUR[3]]), hopeless)


def test_it_learns_from_the_newest_trials() -> None:
    """Of very many complete trials the oldest are left out, the best of them too."""
    phases = phases_of(0.6, 8)
    trial = running(accuracies(errors_of(phases), 4), phases)
    out_of_reach = complete({**constant(0.9, 15), 16: 0.99}, phases=phases_of(0.3, 8))
    newer = FOUR * (LEARNS_FROM // 4)
    assert ForecastPruner().prune(study_of([*newer[1:], out_of_reach]), trial)
    assert not ForecastPruner().prune(study_of([out_of_reach, *newer]), trial)


@pytest.mark.parametrize("values", [{}, {1: math.nan}, {0: 0.5}])
def test_nothing_is_cut_without_a_value(values: dict[int, float]) -> None:
    """Before the first finite value there is nothing to forecast from."""
    assert not ForecastPruner().prune(study_of(FOUR), running(values, phases_of(0.001, 4)))


def test_perfect_scores_are_no_error() -> None:
    """An accuracy of 1 and a loss of 0 have no logarithm; trials that reach them count."""
    phases = phases_of(0.1, 4)
    for direction, perfect, poor in (("maximize", 1.0, 0.2), ("minimize", 0.0, 0.8)):
        reached = constant(poor, 16) | {15: (perfect + poor) / 2, 16: perfect}
        study = study_of([complete(reached, phases=phases)] * 4, direction)
        assert not ForecastPruner().prune(study, running(constant(poor, 3), phases))
        scale = forecast._accuracy if direction == "maximize" else forecast._loss
        fitted = forecast.fit(complete_curves(study), scale)
        assert np.isfinite([*fitted.weights, fitted.error]).all()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"startup_trials": 1}, "startup_trials must be at least 2, got 1"),
        ({"tolerance": -0.5}, "tolerance must be 0 or more, got -0.5"),
        ({"first_epoch": 0}, "first_epoch must be at least 1, got 0"),
    ],
)
def test_wrong_arguments(arguments: dict[str, Any], message: str) -> None:
    """An argument out of range is refused with its name and value."""
    with pytest.raises(ValueError, match=message):
        ForecastPruner(**arguments)


def test_in_a_live_study() -> None:
    """Through Optuna's own report and should_prune, as the driver asks."""
    study = optuna.create_study(direction="maximize", pruner=ForecastPruner())
    study.add_trials(FOUR)
    phases = phases_of(0.001, 4)
    trial = study.ask()
    trial.set_user_attr(PHASES, phases.stored())
    assert not trial.should_prune()
    answers = []
    for epoch, error in enumerate(errors_of(phases)[:3], start=1):
        trial.report(1 - error, epoch)
        answers.append(trial.should_prune())
    assert answers == [False, True, True]


def test_trials_of_an_older_version_go_on() -> None:
    """Without a stored schedule a trial is neither cut nor learnt from."""
    old = [create_trial(value=0.9, intermediate_values=constant(0.9, 16)) for _ in range(9)]
    assert not ForecastPruner().prune(study_of(old), running(constant(0.1, 2), phases_of(0.1, 4)))
    assert not ForecastPruner().prune(study_of(FOUR), running(constant(0.1, 2), None))

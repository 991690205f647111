"""Trials as their pruners see them."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pruned_studies import (
    PHASES_OF_TWO_CYCLES,
    PLACES,
    complete,
    constant,
    pruned,
    running,
    study_of,
)

from clr_sweep.definition.trial_config import ScheduleConfig
from clr_sweep.search.pruners.phases import Phases, complete_curves, curve_of, plan_phases


def cyclical(step_size: int, **more: object) -> ScheduleConfig:
    fields = {"policy": "triangular", "init_lr": 0.0, "max_lr": 1.0, "step_size_factor": 1}
    return ScheduleConfig.model_validate({**fields, "step_size": step_size, **more})


def test_the_phases_of_whole_epochs() -> None:
    """The height at each epoch's end, the peak after half a cycle, and what the rates sum up to."""
    phases = plan_phases(cyclical(20), steps=80, steps_per_epoch=10)
    assert phases.positions == PLACES
    # rates of 0, 1/20, 2/20 ... 9/20 in the first epoch; a cycle of 40 steps sums up to 20
    assert phases.rate_sums[0] == pytest.approx(45 / 20)
    assert phases.rate_sums[3] == pytest.approx(20)
    assert phases.rate_sums[7] == pytest.approx(40)
    assert phases.epochs == 8


def test_the_phases_of_an_epoch_that_a_cycle_cuts_short() -> None:
    """The last epoch ends where the trial does, at its trough."""
    phases = plan_phases(cyclical(25), steps=50, steps_per_epoch=20)
    assert phases.positions == [0.8, 0.4, 0.0]
    assert phases.rate_sums[-1] == pytest.approx(25)


def test_a_constant_rate_has_phases_too() -> None:
    """It is always at its trough, and its rates sum up evenly."""
    constant_rate = cyclical(0, policy="constant", init_lr=0.5, max_lr=0.5, step_size_factor=0)
    phases = plan_phases(constant_rate, steps=30, steps_per_epoch=10)
    assert phases.positions == [0.0, 0.0, 0.0]
    assert phases.rate_sums == pytest.approx([5, 10, 15])


@pytest.mark.parametrize(
    ("policy", "lowest", "positions"),
    [
        ("linear", 0.0, [2 / 3, 1 / 3, 0.0]),
        ("cosine", 0.0, [0.75, 0.25, 0.0]),
        ("one_cycle", 1 / (25 * 1e4), None),
    ],
)
def test_policies_that_end_at_their_lowest_rate(
    policy: str, lowest: float, positions: list[float] | None
) -> None:
    """They fall to their end, which is their trough."""
    schedule = cyclical(
        0, policy=policy, init_lr=lowest, max_lr=1.0, step_size_factor=0, decay_steps=30
    )
    phases = plan_phases(schedule, steps=30, steps_per_epoch=10)
    assert phases.positions[-1] == pytest.approx(0.0, abs=1e-9)
    assert positions is None or phases.positions == pytest.approx(positions)
    assert phases.epochs == 3


@given(
    step_size=st.integers(1, 300),
    per_epoch=st.integers(1, 100),
    cycles=st.integers(1, 4),
    policy=st.sampled_from(["triangular", "triangular2", "exp_range"]),
)
def test_phases_fit_the_trial(step_size: int, per_epoch: int, cycles: int, policy: str) -> None:
    """One for each epoch; it ends at a trough; sums rise, and no faster than the highest rate."""
    steps = 2 * step_size * cycles
    phases = plan_phases(cyclical(step_size, policy=policy), steps, per_epoch)
    assert phases.epochs == len(phases.rate_sums) == math.ceil(steps / per_epoch)
    assert phases.positions[-1] == 0.0
    assert all(0 <= position <= 1 for position in phases.positions)
    rises = np.diff([0.0, *phases.rate_sums])
    assert (rises >= 0).all()
    assert (rises <= per_epoch).all()


@pytest.mark.parametrize(("direction", "sign"), [("maximize", 1), ("minimize", -1)])
def test_larger_is_better_in_a_curve(direction: str, sign: int) -> None:
    """Losses change their sign; the best so far never falls."""
    values = {1: 0.5, 2: 0.3, 3: 0.9}
    study = study_of([complete(values, value=0.7)], direction)
    (curve,) = complete_curves(study)
    wanted = [0.5, 0.5, 0.9] if sign > 0 else [-0.5, -0.3, -0.3]
    assert curve.best.tolist() == wanted
    assert curve.value == sign * 0.7
    assert (curve.epoch, curve.has_value) == (3, True)


def test_epochs_without_a_value() -> None:
    """They are there, without one: before the first value nothing is known."""
    study = study_of([])
    curve = curve_of(study, running({2: math.nan, 3: 0.4, 5: 0.2}))
    assert curve is not None
    assert curve.best.tolist() == [-math.inf, -math.inf, 0.4, 0.4, 0.4]
    assert curve.value is None
    nothing = curve_of(study, running({}))
    assert nothing is not None
    assert (nothing.epoch, nothing.has_value) == (0, False)
    unknown = curve_of(study, running({1: math.nan}))
    assert unknown is not None
    assert not unknown.has_value


@pytest.mark.parametrize("phases", [None, Phases(PLACES[:3], [1.0, 2.0, 3.0])])
def test_a_trial_whose_schedule_is_not_known(phases: Phases | None) -> None:
    """No curve, rather than one with guessed phases."""
    assert curve_of(study_of([]), running(constant(0.5, 4), phases)) is None


def test_steps_are_epochs_from_one() -> None:
    """A value reported at step 0 is of no epoch."""
    curve = curve_of(study_of([]), running({0: 0.9, 1: 0.1}))
    assert curve is not None
    assert curve.best.tolist() == [0.1]


def test_complete_trials_alone() -> None:
    """Pruned ones, and diverged ones with them, and those that run are not among them."""
    trials = [complete(constant(0.5)), pruned(constant(0.6, 2)), running(constant(0.7, 3))]
    (curve,) = complete_curves(study_of(trials))
    assert curve.best.tolist() == [0.5] * 8
    assert curve.phases == PHASES_OF_TWO_CYCLES

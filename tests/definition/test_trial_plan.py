"""Where a trial ends: at its last trough within the budget."""

from __future__ import annotations

import math
from fractions import Fraction
from itertools import product

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from clr_sweep.definition.trial_plan import (
    TrialPlan,
    cycles_within,
    epochs_needed,
    fits,
    plan_trial,
    plan_whole_budget,
)
from clr_sweep.schedules.cycles import position, whole_cycles


@pytest.mark.parametrize(
    ("factor", "epochs", "plan"),
    [
        (2, 16, TrialPlan(step_size=1688, steps=13504, epochs=16, cycles=4, at_trough=True)),
        (3, 16, TrialPlan(step_size=2532, steps=10128, epochs=12, cycles=2, at_trough=True)),
        (5, 16, TrialPlan(step_size=4220, steps=8440, epochs=10, cycles=1, at_trough=True)),
        (8, 16, TrialPlan(step_size=6752, steps=13504, epochs=16, cycles=1, at_trough=True)),
        (2.3, 16, TrialPlan(step_size=1941, steps=11646, epochs=14, cycles=3, at_trough=True)),
        # no whole cycle fits: the whole budget, which ends on the way down
        (8, 15, TrialPlan(step_size=6752, steps=12660, epochs=15, cycles=0, at_trough=False)),
    ],
)
def test_plans_at_844_steps_an_epoch(factor: float, epochs: int, plan: TrialPlan) -> None:
    """The shipped sweep's trials: 54,000 examples in batches of 64."""
    assert plan_trial(factor, 844, epochs, "cycle_end") == plan


def test_the_tutorial_ended_at_a_peak() -> None:
    """With `final`, the founding tutorial's 10 epochs at factor 2 are two and a half cycles."""
    plan = plan_trial(2, 938, 10, "final")
    assert (plan.steps, plan.cycles, plan.at_trough) == (9380, 2, False)
    assert position(plan.steps, plan.step_size) == 1.0
    assert plan_trial(2, 938, 10, "cycle_end").epochs == 8


def test_the_whole_budget_is_used_by_final_alone() -> None:
    """`best` compares troughs: nothing that it could keep comes after the last one."""
    plan = plan_trial(3, 100, 16, "final")
    assert (plan.steps, plan.epochs, plan.cycles, plan.at_trough) == (1600, 16, 2, False)
    assert plan_trial(4, 100, 16, "final").at_trough
    assert plan_trial(3, 100, 16, "best") == plan_trial(3, 100, 16, "cycle_end")
    assert plan_trial(3, 100, 16, "best").steps == 1200


@given(factor=st.floats(0.001, 100), per_epoch=st.integers(1, 5000), epochs=st.integers(1, 300))
def test_a_budget_that_holds_a_cycle_ends_at_a_trough(
    factor: float, per_epoch: int, epochs: int
) -> None:
    """Whatever the rounding of half a cycle to whole steps; one epoch less may not do."""
    assume(per_epoch * epochs > 1)  # half a cycle has at least a step
    needed = epochs_needed(factor)
    assert fits(factor, needed)
    assert not fits(factor, needed - 1)
    if fits(factor, epochs):
        assert plan_trial(factor, per_epoch, epochs, "cycle_end").at_trough


def test_rounding_up_costs_no_cycle() -> None:
    """2.5 x 7 steps are 17.5: with 18, two of them would be a step more than five epochs have."""
    plan = plan_trial(2.5, 7, 5, "cycle_end")
    assert (plan.step_size, plan.steps, plan.cycles, plan.at_trough) == (17, 34, 1, True)


def test_rounding_up_costs_no_second_cycle() -> None:
    """2.5 x 211 steps are 527.5: with 528, four of them would be two steps more than ten epochs."""
    plan = plan_trial(2.5, 211, 10, "cycle_end")
    assert plan == TrialPlan(step_size=527, steps=2108, epochs=10, cycles=2, at_trough=True)
    assert 4 * 528 > 10 * 211


def test_rounding_up_begins_no_epoch() -> None:
    """1.5 x 25 steps are 37.5: with 38, two cycles of three epochs would end two steps later."""
    plan = plan_trial(1.5, 25, 8, "cycle_end")
    assert plan == TrialPlan(step_size=37, steps=148, epochs=6, cycles=2, at_trough=True)


# Factors of denominators up to 10 that fit a whole number of times, two at least, into a budget.
EXACT_FITS = sorted(
    {
        (Fraction(epochs, 2 * cycles), epochs, cycles)
        for epochs in range(1, 101)
        for cycles in range(2, 51)
        if 2 <= Fraction(epochs, 2 * cycles).denominator <= 10
    }
)
# Steps an epoch: the shipped sweep's at five batch sizes, primes, and few.
PER_EPOCH = (3, 7, 8, 10, 25, 97, 106, 211, 422, 844, 1688, 1999)


def test_an_exact_fit_loses_no_cycle() -> None:
    """Every fraction and every number of steps: as many cycles as factor and epochs promise.

    The step size is that of the factor, rounded to one of the two numbers beside it.
    """
    lost = []
    for (factor, epochs, cycles), per_epoch in product(EXACT_FITS, PER_EPOCH):
        # Also written in decimals, as people write it and as floats come out of arithmetic.
        for number in (float(factor), float(f"{float(factor):.12g}")):
            plan = plan_trial(number, per_epoch, epochs, "cycle_end")
            exact = factor * per_epoch
            half = max(1, math.floor(exact)), max(1, math.ceil(exact))
            if plan.cycles < min(cycles, per_epoch * epochs // 2) or plan.step_size not in half:
                lost.append((number, per_epoch, epochs, cycles, plan))
    assert len(EXACT_FITS) * len(PER_EPOCH) > 8000
    assert not lost, f"{len(lost)}, the first: {lost[:3]}"


@given(
    factor=st.fractions(Fraction(1, 20), 20, max_denominator=64),
    per_epoch=st.integers(1, 5000),
    epochs=st.integers(1, 300),
)
@example(factor=Fraction(34, 45), per_epoch=1, epochs=6)
def test_a_plan_has_the_cycles_that_factor_and_epochs_promise(
    factor: Fraction, per_epoch: int, epochs: int
) -> None:
    """Of any fraction, short decimals or not; a step is the least that half a cycle has."""
    promised = epochs // (2 * factor)
    assert cycles_within(float(factor), epochs) == promised
    plan = plan_trial(float(factor), per_epoch, epochs, "cycle_end")
    assert plan.cycles >= min(promised, per_epoch * epochs // 2)
    if plan.cycles == promised > 0 and factor * per_epoch >= 1:
        assert plan.epochs <= math.ceil(2 * factor * promised)
    assert abs(plan.step_size - max(1, factor * per_epoch)) < 1


@given(factor=st.integers(1, 100), per_epoch=st.integers(1, 5000), epochs=st.integers(1, 300))
def test_whole_factors_need_no_rounding(factor: int, per_epoch: int, epochs: int) -> None:
    """Half a cycle is as many whole epochs, with as many cycles as fit."""
    plan = plan_trial(factor, per_epoch, epochs, "cycle_end")
    if fits(factor, epochs):
        assert plan.step_size == factor * per_epoch
        assert plan.cycles == epochs // (2 * factor)
        assert plan.epochs == 2 * factor * plan.cycles


@pytest.mark.parametrize(
    ("factor", "epochs", "cycles"),
    [
        (1 / 3, 2, 3), (7 / 3, 14, 3), (0.1 * 3, 3, 5), (25 * 0.1 + 4e-16, 10, 2), (2.334, 14, 2),
        (0.25, 1, 2), (1e-4, 1, 5000),
    ],
)  # fmt: skip
def test_factors_without_a_short_decimal(factor: float, epochs: int, cycles: int) -> None:
    """What a float leaves of a third costs no cycle; a factor that is a little larger does."""
    assert cycles_within(factor, epochs) == cycles
    assert fits(factor, epochs_needed(factor))
    assert plan_trial(factor, 10_000, epochs, "cycle_end").cycles == cycles


def test_without_cycles_the_end_is_the_budgets() -> None:
    """It is comparable with the troughs of others: the end of its own schedule."""
    plan = plan_whole_budget(100, 16)
    assert (plan.step_size, plan.steps, plan.epochs, plan.cycles) == (0, 1600, 16, 0)
    assert plan.at_trough


def test_half_a_cycle_is_at_least_a_step() -> None:
    """A factor that makes less than a step of half a cycle makes one."""
    assert plan_trial(0.01, 10, 1, "cycle_end").step_size == 1


@given(
    factor=st.floats(0.001, 100),
    per_epoch=st.integers(1, 5000),
    epochs=st.integers(1, 300),
    at=st.sampled_from(["cycle_end", "final", "best"]),
)
def test_a_plan_agrees_with_the_schedule(
    factor: float, per_epoch: int, epochs: int, at: str
) -> None:
    """The steps, cycles and the trough of a plan are those of the schedule's arithmetic."""
    plan = plan_trial(factor, per_epoch, epochs, at)  # type: ignore[arg-type]
    budget = per_epoch * epochs
    assert 1 <= plan.steps <= budget
    assert plan.epochs == math.ceil(plan.steps / per_epoch)
    assert plan.cycles == whole_cycles(plan.steps, plan.step_size)
    assert plan.at_trough == (position(plan.steps, plan.step_size) == 0)
    troughs = whole_cycles(budget, plan.step_size)
    if at != "final" and troughs:
        assert plan.at_trough
        assert plan.steps + 2 * plan.step_size > budget
    else:
        assert plan.steps == budget

"""What the arms of a comparison did: who won each, and what its finals came to."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from compared_arms import OF, Outcome, compared, study_of
from hypothesis import given
from hypothesis import strategies as st

from clr_sweep.results.arms import arm_results, chosen_trial, shown_arms, winner
from clr_sweep.search.arms import BASELINE
from clr_sweep.training.records import StudyRecord

THREE = {"CLR": {"candidates": (4, 1, 2)}}
# What a seed of a finalist may come to.
OUTCOMES = st.sampled_from([0.5, 0.7, 0.9, "diverged", "failed"])


def chosen(
    seeds: dict[int, list[Outcome]], direction: str = "maximize", finals: int = 2
) -> tuple[StudyRecord, str | None]:
    """The winner among three candidates, by their fresh seeds."""
    finalists = {f"{OF} trial {number}": outcomes for number, outcomes in seeds.items()}
    metric = "val_accuracy" if direction == "maximize" else "val_loss"
    study = compared(
        {"CLR": [0.9] * finals, "constant": [0.8] * finals}, finalists=finalists, arms=THREE,
        metric=metric, direction=direction,
    )  # fmt: skip
    assert study.comparison is not None
    return study, winner(study, study.comparison.arms[0])


@pytest.mark.parametrize(
    ("direction", "wins"), [("maximize", "tiny trial 1"), ("minimize", "tiny trial 2")]
)
def test_the_best_mean_wins(direction: str, wins: str) -> None:
    """Over the fresh seeds, whatever the search had thought of it."""
    found = chosen({4: [0.5, 0.6], 1: [0.9, 0.8], 2: [0.1, 0.2]}, direction)[1]
    assert found == wins


@pytest.mark.parametrize("direction", ["maximize", "minimize"])
def test_of_equals_the_one_that_the_search_ranked_higher_wins(direction: str) -> None:
    """Not the one with the lower number."""
    assert chosen({4: [0.5, 0.7], 1: [0.7, 0.5], 2: [0.6, 0.6]}, direction)[1] == "tiny trial 4"


@pytest.mark.parametrize(("direction", "good"), [("maximize", 0.99), ("minimize", 0.01)])
@pytest.mark.parametrize("lost", ["diverged", "failed"])
def test_one_that_loses_seeds_does_not_win_by_the_others(
    direction: str, good: float, lost: str
) -> None:
    """However good those are."""
    seeds: dict[int, list[Outcome]] = {4: [good, lost], 1: [0.4, 0.4], 2: [lost, lost]}
    assert chosen(seeds, direction)[1] == "tiny trial 1"


@given(seeds=st.lists(st.lists(OUTCOMES, min_size=3, max_size=3), min_size=3, max_size=3))
def test_nobody_is_better_than_the_winner(seeds: list[list[Outcome]]) -> None:
    """By seeds lost first, by the mean of the others then."""
    study, found = chosen(dict(zip((4, 1, 2), seeds, strict=True)))
    (arm, _) = arm_results(study)
    won = next(one for one in arm.finalists if one.entry == found)
    for other in arm.finalists:
        assert other.lost >= won.lost
        if other.lost == won.lost and other.mean is not None:
            assert won.mean is not None
            assert other.mean <= won.mean
    for finalist, outcomes in zip(arm.finalists, seeds, strict=True):
        values = [one for one in outcomes if isinstance(one, float)]
        assert finalist.lost == 3 - len(values)
        assert finalist.mean == (pytest.approx(np.mean(values)) if values else None)


@pytest.mark.parametrize("open_one", [None, "running", "interrupted"])
def test_there_is_no_winner_before_all_finalists_have_ended(open_one: Outcome) -> None:
    """One that leads may yet fall behind."""
    seeds: dict[int, list[Outcome]] = {4: [0.9, 0.9], 1: [0.1, 0.1], 2: [0.2, open_one]}
    study, found = chosen(seeds)
    assert found is None
    ours, _ = arm_results(study)
    assert (ours.entry, ours.is_complete, ours.example) == (None, False, None)
    assert np.isnan(ours.values).all()
    assert chosen_trial(study_of(study)) is None


def test_one_candidate_wins_without_a_choice() -> None:
    """And is no finalist; nor is a fixed arm."""
    study = compared({"CLR": [0.9, 0.8], BASELINE: [0.5, 0.6]})
    ours, baseline = arm_results(study)
    assert (ours.entry, ours.finalists) == ("tiny trial 0", ())
    assert (baseline.entry, baseline.finalists) == (BASELINE, ())
    assert chosen_trial(study_of(study)) == 0


def test_the_trial_that_fresh_seeds_chose() -> None:
    """By its number in the study that was compared."""
    study, _ = chosen({4: [0.5, 0.6], 1: [0.9, 0.8], 2: [0.1, 0.2]})
    assert chosen_trial(study_of(study)) == 1


def test_a_search_that_found_nothing_has_no_winner() -> None:
    """Its finals are none."""
    study = compared({"CLR": [0.9, 0.9], "constant": []}, arms={"constant": {"candidates": ()}})
    _, theirs = arm_results(study)
    assert (theirs.entry, theirs.runs, theirs.is_complete) == (None, (None, None), False)


@pytest.mark.parametrize(
    ("outcomes", "diverged", "failed", "is_complete"),
    [
        ([0.9, 0.8, 0.7], 0, 0, True),
        ([0.9, "diverged", "failed"], 1, 1, True),
        (["diverged"] * 3, 3, 0, True),
        ([0.9, "running", 0.8], 0, 0, False),
        ([0.9, None, "failed"], 0, 1, False),
        ([0.9, "interrupted", 0.8], 0, 0, False),
    ],
)
def test_finals(outcomes: list[Outcome], diverged: int, failed: int, is_complete: bool) -> None:
    """A value stands at its seed's place; a seed without one is counted by what became of it."""
    arm, _ = arm_results(compared({"CLR": outcomes, "constant": [0.8] * 3}))
    assert (arm.diverged, arm.failed, arm.lost) == (diverged, failed, diverged + failed)
    assert arm.is_complete == is_complete
    wanted = [one if isinstance(one, float) else math.nan for one in outcomes]
    assert np.array_equal(arm.values, wanted, equal_nan=True)


def test_what_was_not_tested_has_no_value() -> None:
    """The validation value that chose the winner never stands in for it."""
    arm, _ = arm_results(compared({"CLR": [0.9] * 2, "constant": [0.8] * 2}, is_tested=False))
    assert arm.is_complete
    assert np.isnan(arm.values).all()


def test_the_order_of_trainings_does_not_matter() -> None:
    """Seeds end as they like."""
    study = compared({"CLR": [0.9, 0.8, 0.7], "constant": [0.6, 0.5, 0.4]})
    for order in itertools.islice(itertools.permutations(study.trials), 0, 720, 97):
        mixed = StudyRecord(**{**vars(study), "trials": order})
        ours, theirs = arm_results(mixed)
        assert ours.values.tolist() == [0.9, 0.8, 0.7]
        assert theirs.values.tolist() == [0.6, 0.5, 0.4]


def test_arms_that_found_the_same_are_shown_once() -> None:
    """CLR's first trials are an arm of their own only where their winner is another."""
    first = "CLR, first 3 trials"
    finals = {"CLR": [0.9] * 2, first: [0.8] * 2, "constant": [0.7] * 2}
    same = compared(finals)
    assert [arm.arm.name for arm in shown_arms(same)] == ["CLR", "constant"]
    other = compared(finals, arms={first: {"candidates": (2,), "trials": 3}})
    assert [arm.arm.name for arm in shown_arms(other)] == ["CLR", first, "constant"]
    assert arm_results(other)[1].values.tolist() == [0.8, 0.8]

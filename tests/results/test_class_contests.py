"""Classes of schedules: independent searches as the unit, and at least five of them."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest
from compared_arms import compared

from clr_sweep.results.contests import class_contests, contests
from clr_sweep.results.statistics import paired


def searches(count: int, shift: float = 0.01, **more: Any) -> list[Any]:
    """Independent searches whose winners differ by so much, and by chance."""
    rng = np.random.default_rng(3)
    made = []
    for _ in range(count):
        truth = 0.88 + rng.normal(0, 0.002, 2)
        finals = {
            "CLR": (truth[0] + shift + rng.normal(0, 0.001, 4)).tolist(),
            "constant": (truth[1] + rng.normal(0, 0.001, 4)).tolist(),
        }
        made.append(compared(finals, **more))
    return made


@pytest.mark.parametrize("count", [0, 1, 4])
def test_no_class_below_five_searches(count: int) -> None:
    """One search an arm says nothing of its class, and four too little."""
    assert class_contests(searches(count)) == ()


@pytest.mark.parametrize(("shift", "answer"), [(0.01, "better"), (-0.01, "worse")])
def test_a_class_from_five_searches(shift: float, answer: str) -> None:
    """The unit is the search: its mean over the seeds is one value."""
    studies = searches(5, shift)
    [found] = class_contests(studies)
    assert (found.answer, found.test.n) == (answer, 5)
    means = [
        [np.mean(arm.values) for arm in (one.ours, one.theirs)]
        for [one] in map(contests, studies)
    ]  # fmt: skip
    assert found.test == paired(*np.array(means).T, margin=0.005)


def test_many_seeds_are_not_many_searches() -> None:
    """Winners that differ clearly over their seeds, now this way and now that, prove no class."""
    rng = np.random.default_rng(5)
    made = []
    for shift in (0.02, -0.015, 0.01, -0.02, 0.012):
        noise = rng.normal(0, 1e-4, (2, 10))
        finals = {"CLR": (0.88 + shift + noise[0]).tolist(), "constant": (0.88 + noise[1]).tolist()}
        study = compared(finals)
        assert contests(study)[0].answer != "not decidable"
        made.append(study)
    [found] = class_contests(made)
    assert (found.answer, found.why) == ("not decidable", "")


def test_a_class_with_seeds_lost() -> None:
    """Means over the seeds that are left do not tell of those that are lost."""
    studies = searches(5)
    trials = list(studies[2].trials)
    place = next(i for i, t in enumerate(trials) if t.seed_run.entry == "tiny trial 0")
    trials[place] = dataclasses.replace(
        trials[place], state="diverged", value=None, test_metrics={}
    )
    studies[2] = dataclasses.replace(studies[2], trials=tuple(trials))
    [found] = class_contests(studies)
    assert found.answer == "not decidable"
    assert "1 of 20 seeds" in found.why


def test_a_class_whose_searches_have_not_ended() -> None:
    """Five were begun, and that is not five."""
    studies = searches(5)
    studies[4] = dataclasses.replace(studies[4], trials=studies[4].trials[:-1])
    [found] = class_contests(studies)
    assert (found.answer, found.why) == ("not known yet", "the finals have not ended")


def test_a_search_whose_seeds_are_all_lost_does_not_count() -> None:
    """Four differences are left, which are no class, though the rival is the one that lost."""
    lost = compared({"CLR": [0.89] * 4, "constant": ["diverged"] * 4})
    [found] = class_contests([*searches(4, 0.05), lost])
    assert (found.test.n, found.answer) == (4, "not decidable")
    assert found.why == "both have a value of 4 of the searches, and at least 5 are needed"


def test_a_class_with_a_search_that_found_nothing() -> None:
    """There is nothing to wait for."""
    arms = {"constant": {"candidates": ()}}
    nothing = compared({"CLR": [0.88] * 4, "constant": []}, arms=arms)
    [found] = class_contests([*searches(4), nothing])
    assert found.answer == "not decidable"
    assert found.why == "no trial of the rival's search is complete"

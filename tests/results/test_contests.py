"""Arms against one another: the four answers, and all that stands against an answer."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest
from compared_arms import Outcome, compared
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from clr_sweep.results.contests import ALPHA, Contest, contests
from clr_sweep.results.statistics import holm
from clr_sweep.search.arms import BASELINE, MEAN_RATE
from clr_sweep.training.records import StudyRecord
from clr_sweep.training.reports import State

# Ten seeds of an arm, .2 points apart at most.
TEN = [0.880, 0.881, 0.8795, 0.8802, 0.8808, 0.8799, 0.8811, 0.8793, 0.8804, 0.8797]
NOISE = [0.0003, -0.0004, 0.0002, 0.0001, -0.0003, 0.0004, -0.0001, -0.0002, 0.0003, -0.0004]


def shifted(points: float, noise: float = 1) -> list[float]:
    """The same ten seeds, by so many points better, and a little moved."""
    return [a + points / 100 + noise * b for a, b in zip(TEN, NOISE, strict=True)]


def contest(
    ours: list[Outcome] | list[float], theirs: list[Outcome] | list[float], **more: Any
) -> Contest:
    """The only one of a comparison with one rival."""
    [found] = contests(compared({"CLR": ours, "constant": theirs}, **more))
    return found


# ---- the answers


@pytest.mark.parametrize(
    ("points", "margin", "answer"),
    [
        (1.0, 0.005, "better"),
        (-1.0, 0.005, "worse"),
        (0.0, 0.005, "equivalent"),
        (0.0, None, "not decidable"),
        (0.1, None, "better"),
        # A difference that can be shown, and surely does not matter, does not matter.
        (0.1, 0.005, "equivalent"),
        (-0.1, 0.005, "equivalent"),
        # One that can be shown, and may matter.
        (0.5, 0.005, "better"),
        (-0.5, 0.005, "worse"),
    ],
)
def test_the_four_answers(points: float, margin: float | None, answer: str) -> None:
    """Equivalence comes before a difference; without a margin there is none."""
    found = contest(shifted(points), TEN, margin=margin)
    assert (found.answer, found.why) == (answer, "")
    assert found.p is not None
    if answer in ("better", "worse"):
        assert found.p < ALPHA
    assert (found.p_equivalent is None) == (margin is None)


@pytest.mark.parametrize("points", [1.0, -1.0])
def test_of_a_loss_less_is_better(points: float) -> None:
    """A greater loss on the test set is worse."""
    how = {"metric": "val_loss", "direction": "minimize", "margin": None}
    found = contest(shifted(points), TEN, **how)
    assert found.answer == ("worse" if points > 0 else "better")
    assert found.test.mean == pytest.approx(-points / 100, abs=1e-4)


def test_wide_spread_decides_nothing() -> None:
    """Neither that they differ nor that they do not."""
    found = contest(shifted(0.1, noise=40), TEN)
    assert (found.answer, found.why) == ("not decidable", "")
    assert found.detectable is not None
    assert found.detectable > 0.005


@given(
    values=st.lists(st.lists(st.floats(0.7, 0.95), min_size=4, max_size=4), min_size=2, max_size=6),
    margin=st.none() | st.floats(1e-4, 0.1),
)
def test_answers_follow_from_the_corrected_p_values(
    values: list[list[float]], margin: float | None
) -> None:
    """Of all contests together: each p is no smaller than alone, and the answer its own."""
    names = ["CLR", "constant", "linear", "cosine", "one_cycle", BASELINE][: len(values)]
    found = contests(compared(dict(zip(names, values, strict=True)), margin=margin))
    asked = [one for one in found if not one.why]
    for one, p in zip(asked, holm([one.test.p or 0.0 for one in asked]), strict=True):
        assert one.p == p
        assert one.test.p is not None
        assert p >= one.test.p
        if one.p_equivalent is not None and one.p_equivalent < ALPHA:
            assert one.answer == "equivalent"
        elif p < ALPHA:
            assert one.test.mean
            assert one.answer == ("better" if one.test.mean > 0 else "worse")
        else:
            assert one.answer == "not decidable"


def test_a_difference_that_holds_alone_may_not_hold_among_many() -> None:
    """The more is asked, the more is needed."""
    ours = shifted(0.03)
    assert contest(ours, TEN, margin=None).answer == "better"
    many = {"CLR": ours, "constant": TEN, **{
        name: shifted(0.03, noise=-30) for name in ("linear", "cosine", "one_cycle")
    }}  # fmt: skip
    found = {one.theirs.arm.name: one for one in contests(compared(many, margin=None))}
    assert found["constant"].p is not None
    assert found["constant"].p > (contest(ours, TEN, margin=None).p or 0) * 3.9


def test_changing_sides_turns_the_answer() -> None:
    """Nothing else."""
    one, other = contest(shifted(1), TEN), contest(TEN, shifted(1))
    assert (one.answer, other.answer) == ("better", "worse")
    assert one.p == pytest.approx(other.p)


# ---- what stands against an answer


def test_two_seeds() -> None:
    """They are enough for a t test, which then needs a huge difference."""
    found = contest([0.9, 0.91], [0.8, 0.85])
    assert (found.answer, found.why, found.test.n) == ("not decidable", "", 2)
    assert contest([0.9, 0.9001], [0.5, 0.5002]).answer == "better"


def test_one_seed_of_two_lost() -> None:
    """One pair says nothing of seeds."""
    found = contest([0.9, "diverged"], [0.8, 0.8])
    assert found.answer == "not decidable"
    assert "1 of the seeds" in found.why


def test_no_variance_at_all() -> None:
    """Where the seed changes nothing, ten say no more than one: no p of 0 comes out of that."""
    for ours in (0.9, 0.8):
        found = contest([ours] * 10, [0.8] * 10)
        assert found.answer == "not decidable"
        assert "the seed changes nothing" in found.why
        assert (found.p, found.p_equivalent) == (None, None)


def test_no_variance_of_one_arm() -> None:
    """The other's is enough."""
    assert contest(shifted(1), [0.88] * 10).answer == "better"


def test_the_same_values_in_both_arms_are_equivalent() -> None:
    """Two arms of one configuration, seed by seed."""
    found = contest(TEN, TEN)
    assert (found.answer, found.p, found.p_equivalent) == ("equivalent", 1.0, 0.0)


def test_without_a_test_set_nothing_is_judged() -> None:
    """The validation examples have chosen the winners."""
    found = contest(shifted(5), TEN, is_tested=False)
    assert found.answer == "not decidable"
    assert "no value of a test set" in found.why


@pytest.mark.parametrize("is_ours", [True, False])
def test_a_search_that_found_nothing(is_ours: bool) -> None:
    """It is said whose; the other contests are judged."""
    name = "CLR" if is_ours else "constant"
    finals = {"CLR": shifted(1), "constant": TEN, "cosine": TEN}
    found = contests(compared(finals | {name: []}, arms={name: {"candidates": ()}}))
    whose = "CLR's" if is_ours else "the rival's"
    assert found[0].why == f"no trial of {whose} search is complete"
    assert [one.answer for one in found] == ["not decidable", found[1].answer]
    assert found[1].answer == ("not decidable" if is_ours else "better")


@pytest.mark.parametrize("open_one", [None, "running", "interrupted"])
def test_finals_that_have_not_ended(open_one: Outcome) -> None:
    """Nine seeds of ten are no result: who stops when it looks good is wrong too often."""
    ours: list[Outcome] = [*shifted(5)[:9], open_one]
    for found in (contest(ours, TEN), contest(TEN, ours)):
        assert (found.answer, found.why) == ("not known yet", "the finals have not ended")
        assert found.p is None
        # No number at all, whichever of the two is behind.
        assert (found.test.n, found.test.mean, found.test.p_flip) == (0, None, None)


def untested(study: StudyRecord, **changes: Any) -> StudyRecord:
    """The same, but the first final of the study's own arm has no value of the test set."""
    first, *others = study.trials
    return dataclasses.replace(
        study, trials=(dataclasses.replace(first, test_metrics={}), *others), **changes
    )


@pytest.mark.parametrize("state", ["running", "interrupted", "failed"])
def test_finals_that_are_still_to_be_tested(state: State) -> None:
    """Some of them have a value, and others get one: these are no result either."""
    [found] = contests(untested(compared({"CLR": shifted(5), "constant": TEN}), state=state))
    assert (found.answer, found.why) == ("not known yet", "the finals have not ended")
    assert found.test.n == 0


def test_a_final_without_a_value_of_the_test_set_is_lost() -> None:
    """As one that diverged: of a training that nearly did the loss is no number."""
    [found] = contests(untested(compared({"CLR": shifted(1), "constant": TEN})))
    assert (found.ours.untested, found.ours.lost, found.test.n) == (1, 1, 9)
    assert found.answer == "not decidable"
    assert "no result with 1 of 10 seeds" in found.why
    [other] = contests(untested(compared({"CLR": shifted(-1), "constant": TEN})))
    assert other.answer == "worse"


@pytest.mark.parametrize("seeds", [2, 3, 10])
def test_the_same_difference_in_every_seed(seeds: int) -> None:
    """Counts of right answers may do so by chance, twice above all; no p of 0 comes of it."""
    ours = [value + 0.01 for value in TEN[:seeds]]
    for found in (contest(ours, TEN[:seeds]), contest(TEN[:seeds], ours)):
        assert found.answer == "not decidable"
        assert "the same with all" in found.why
        assert (found.p, found.detectable) == (None, None)


def test_two_seeds_with_the_same_values_prove_no_equivalence() -> None:
    """So few may have them by chance."""
    assert "the same with all 2 seeds" in contest([0.9, 0.8], [0.9, 0.8]).why


def test_what_could_be_shown_is_shown_after_holm() -> None:
    """The power .8 is that of the answer: of a p below a sixth of .05, where six are asked."""
    names = ["constant", "linear", "cosine", "one_cycle", BASELINE, MEAN_RATE]
    rng = np.random.default_rng(2)
    many = {name: (np.array(TEN) + rng.normal(0, 0.001, 10)).tolist() for name in names}
    found = contests(compared({"CLR": TEN} | many, margin=None))
    for one in found:
        assert (one.family, one.test.n) == (6, 10)
        assert one.test.sd is not None
        assert one.detectable is not None
        ncp = one.detectable / (one.test.sd / 10**0.5)
        critical = stats.t.ppf(1 - 0.05 / 12, 9)
        assert stats.nct.sf(critical, 9, ncp) == pytest.approx(0.8, abs=1e-4)
    alone = contest(TEN, many["constant"], margin=None)
    assert alone.detectable is not None
    assert found[0].detectable is not None
    assert alone.detectable < 0.8 * found[0].detectable


@pytest.mark.parametrize("lost", ["diverged", "failed"])
def test_seeds_lost_on_the_better_side(lost: str) -> None:
    """It is not better by the seeds that are left; the other may be, which lost none."""
    ours: list[Outcome] = [lost, *shifted(1)[1:]]
    found = contest(ours, TEN)
    assert found.answer == "not decidable"
    assert "1 of 10 seeds" in found.why
    assert found.p is not None
    assert found.p < ALPHA
    assert contest(TEN, ours).answer == "not decidable"
    # The side that loses seeds is the worse one anyway.
    assert contest([lost, *shifted(-1)[1:]], TEN).answer == "worse"
    assert contest(shifted(1), [lost, *TEN[1:]]).answer == "better"


@pytest.mark.parametrize("lost", ["diverged", "failed"])
def test_seeds_lost_and_equal_else(lost: str) -> None:
    """No equivalence of what diverges and what does not."""
    for ours, theirs in (([lost, *TEN[1:]], TEN), (TEN, [*TEN[:9], lost])):
        found = contest(ours, theirs)
        assert found.answer == "not decidable"
        assert "has no result with" in found.why


def test_all_seeds_lost() -> None:
    """Nothing is left to be compared; it is said whose."""
    found = contest(["diverged"] * 10, TEN)
    assert found.why == "CLR's winner has come to an end with none of the 10 seeds"
    found = contest(TEN, ["failed"] * 10)
    assert found.why == "the rival has come to an end with none of the 10 seeds"


def test_a_contest_that_cannot_be_judged_is_none_of_the_family() -> None:
    """It has no p value, so the others are not corrected for it."""
    alone = contest(shifted(0.05), TEN, margin=None)
    finals: dict[str, Any] = {"CLR": shifted(0.05), "constant": TEN, "cosine": ["failed"] * 10}
    found = contests(compared(finals, margin=None))
    assert found[0].p == alone.p
    assert found[1].p is None


# ---- which questions there are


def test_the_same_winner_in_both_arms_of_clr_is_asked_once() -> None:
    """Where it is among the first trials, that is one question; else there are two."""
    first = "CLR, first 3 trials"
    finals = {"CLR": shifted(1), first: shifted(0.5), "constant": TEN, "cosine": TEN}
    arms = {"cosine": {"trials": 3}, first: {"trials": 3}}
    same = contests(compared(finals, arms=arms))
    assert [(one.ours.arm.name, one.theirs.arm.name) for one in same] == [
        ("CLR", "constant"), ("CLR", "cosine"),
    ]  # fmt: skip
    other = contests(compared(finals, arms=arms | {first: {"trials": 3, "candidates": (2,)}}))
    assert [(one.ours.arm.name, one.theirs.arm.name) for one in other] == [
        ("CLR", "constant"), ("CLR", "cosine"), (first, "cosine"),
    ]  # fmt: skip
    assert other[2].test.mean == pytest.approx(0.005, abs=1e-4)


def test_fixed_arms_are_asked_about_too() -> None:
    """In one family with the rivals."""
    finals = {"CLR": shifted(1), "constant": TEN, BASELINE: shifted(-3, -1), MEAN_RATE: TEN}
    found = contests(compared(finals))
    assert [one.theirs.arm.name for one in found] == ["constant", BASELINE, MEAN_RATE]
    assert [one.answer for one in found] == ["better"] * 3

"""The verdict in sentences: the numbers, units and directions in them, and what they leave out."""

from __future__ import annotations

import re
from typing import Any

import pytest
from compared_arms import OURS, THEIRS, Outcome, compared, found, study_of
from drawn_figures import texts

from clr_sweep.results import words
from clr_sweep.results.comparison_tables import contest_rows
from clr_sweep.results.verdict import verdict
from clr_sweep.results.verdict_figure import verdict_figure
from clr_sweep.search.arms import BASELINE, MEAN_RATE
from clr_sweep.training.records import StudyRecord

LOSS = {"metric": "val_loss", "direction": "minimize", "margin": None}


def test_a_study_that_was_not_compared_has_none() -> None:
    """Nothing is made up."""
    assert verdict(StudyRecord("s", "val_accuracy", "maximize", (), None)) is None


def test_better_by_points_of_accuracy() -> None:
    """Of a share: difference and interval in points, as they were measured."""
    said = found({"CLR": OURS + 0.012, "constant": THEIRS})
    [answer] = said.answers
    difference = 100 * (OURS + 0.012 - THEIRS)
    assert " beats " in answer
    assert f"{difference.mean():.2f} points" in answer
    half = 2.262157 * difference.std(ddof=1) / 10**0.5
    assert f"{difference.mean() - half:.2f} to {difference.mean() + half:.2f}" in answer
    assert f"{difference.std(ddof=1):.2f} points" in answer
    assert "10 seeds" in answer
    by = f"{difference.mean():.2f} points"
    assert said.headline == (
        "This triangular2 schedule (0.01 to 0.2), over 10 seeds on the test set: better than the "
        f"tuned constant rate (+{by})."
    )
    # Whoever reads both reads no sentence twice.
    assert not answer.startswith(said.headline.rstrip("."))


def test_worse_is_told_by_a_positive_size() -> None:
    """CLR loses by so much: the interval is turned with it."""
    [answer] = found({"CLR": OURS - 0.012, "constant": THEIRS}).answers
    size = 100 * (THEIRS - OURS + 0.012).mean()
    assert " loses to " in answer
    assert f"by {size:.2f} points" in answer
    low, high = re.findall(r"interval (\S+) to (\S+?)[,)]", answer)[0]
    assert 0 < float(low) < size < float(high)


def test_equivalent_names_the_margin_and_its_own_p() -> None:
    """The margin that the sweep states, in its unit."""
    [answer] = found({"CLR": OURS, "constant": THEIRS}, margin=0.01).answers
    assert "equivalent within 1.00 points" in answer
    assert "equivalence p below 0.001" in answer


def test_not_decidable_says_what_could_have_been_shown() -> None:
    """With so many seeds, at power .8."""
    [answer] = found({"CLR": OURS[:4], "constant": THEIRS[::-1][:4]}, margin=None).answers
    assert "not decidable with 4 seeds" in answer
    assert "power 0.8" in answer
    assert "Holm p" in answer


@pytest.mark.parametrize(
    ("shift", "verb"), [(-0.1, " beats "), (0.1, " loses to "), (0.0, "not decidable")]
)
def test_a_loss_has_neither_points_nor_accuracy(shift: float, verb: str) -> None:
    """Its own unit and direction, everywhere; less is better."""
    said = found(
        {"CLR": OURS + shift, "constant": THEIRS, "cosine": THEIRS + 0.3, BASELINE: THEIRS + 1},
        **LOSS,
    )
    text = "\n".join([said.headline, *said.answers, *said.notes])
    assert "point" not in text
    assert "accuracy" not in text
    assert "test loss" in text
    assert verb in said.answers[0]
    assert " beats " in said.answers[1]
    assert any("test loss, of which less is better: + is where CLR" in n for n in said.notes)


def test_a_metric_of_the_users_own_has_its_own_unit() -> None:
    """By its name, and in the direction that was given."""
    how = {"metric": "val_largest_gap", "direction": "minimize", "margin": 0.5}
    [answer] = found({"CLR": 1000 * OURS, "constant": 1000 * OURS + THEIRS / 99}, **how).answers
    assert "equivalent within 0.500 of test largest_gap" in answer


def test_the_headline_holds_every_tuned_rival() -> None:
    """Each with its answer; the fixed arms have answers of their own below."""
    said = found({
        "CLR": OURS, "constant": THEIRS, "linear": OURS + 0.02 + THEIRS / 99,
        "cosine": OURS - 0.02 + THEIRS / 99,
        BASELINE: THEIRS - 0.3, MEAN_RATE: THEIRS,
    })  # fmt: skip
    for answer, rival in (
        ("equivalent to", "constant rate"), ("worse than", "linear decay"),
        ("better than", "cosine decay"),
    ):  # fmt: skip
        assert re.search(f"{answer} the tuned {rival}", said.headline)
    assert "baseline" not in said.headline
    assert len(said.answers) == 5
    assert BASELINE in said.answers[3]
    assert MEAN_RATE in said.answers[4]
    assert said.headline.count("10 seeds") == 1


def test_the_headline_tells_a_shorter_search() -> None:
    """It is not tuned alike."""
    arms = {"cosine": {"trials": 3}}
    said = found({"CLR": OURS, "constant": THEIRS, "cosine": THEIRS[::-1]}, arms=arms)
    assert "the tuned cosine decay of 3 trials alone" in said.headline
    assert said.headline.count("alone") == 1


@pytest.mark.parametrize(
    ("metric", "direction", "told"),
    [
        ("val_loss", "minimize", "by test loss (less is better, + is CLR ahead): "),
        ("val_largest_gap", "maximize", "by test largest_gap: "),
        ("val_accuracy", "maximize", "on the test set: "),
    ],
)
def test_the_headline_says_what_its_numbers_are_of(metric: str, direction: str, told: str) -> None:
    """Points are of accuracy; of all else the metric is named, and which sign is better."""
    how = {"metric": metric, "direction": direction, "margin": None}
    said = found({"CLR": OURS, "constant": THEIRS, "cosine": THEIRS}, **how)
    assert f", over 10 seeds {told}" in said.headline
    for answer in said.answers:
        assert f"of {metric.replace('val_', 'test ')} (95 % interval" in answer


def test_one_reason_for_all_is_the_headline() -> None:
    """Without a test set nothing is said of one; a reason of one rival alone is not that of all."""
    nothing = [float("nan")] * 3
    said = found({"CLR": nothing, "constant": nothing, "cosine": nothing})
    assert "is not decided against any rival: there is no value of a test set" in said.headline
    assert "on the test set:" not in said.headline
    said = found({"CLR": nothing, "constant": nothing})
    assert "is not decided against the tuned constant rate: there is no value" in said.headline
    said = found({"CLR": OURS[:3], "constant": THEIRS[:3], "cosine": nothing})
    assert "decided against any rival" not in said.headline


def test_what_was_searched_for_is_named() -> None:
    """By policy and rates, and how many trials found it."""
    [answer] = found(
        {"CLR": OURS + 1, "constant": THEIRS},
        arms={"constant": {"trials": 50, "counts": {"complete": 50}}},
    ).answers
    assert answer.startswith("This triangular2 schedule (0.01 to 0.2) ")
    assert "the best constant rate that 50 trials found (constant 0.01)" in answer


@pytest.mark.parametrize("lost", ["diverged", "failed"])
def test_seeds_lost_are_told(lost: str) -> None:
    """How many, of which arm, and of how many."""
    ours: list[Outcome] = [lost, lost, *OURS[2:].tolist()]
    said = found({"CLR": ours, "constant": THEIRS})
    assert any(note.startswith(f"CLR: 2 of 10 finals {lost}") for note in said.notes)


def test_finals_under_way_give_no_numbers() -> None:
    """Nobody may stop when it looks good."""
    ended, under_way = OURS.tolist(), [*(THEIRS - 0.1)[:9].tolist(), None]
    for finals in ({"CLR": ended, "constant": under_way}, {"CLR": under_way, "constant": ended}):
        study = compared(finals)
        said = verdict(study_of(study))
        assert said is not None
        text = f"{said.headline} {' '.join(said.answers)}"
        assert "have not ended" in text
        assert "not known yet: the finals have not ended" in text
        assert "decidable" not in text
        assert "points" not in text
        drawn = texts(verdict_figure(study))
        assert "not known yet" in drawn
        assert "points" not in drawn
        [cells] = contest_rows(study)[1]
        assert cells[1] == "not known yet"
        assert set(cells[2:]) == {"-"}


@pytest.mark.parametrize("rivals", [["constant"], ["constant", "cosine"]])
def test_a_comparison_under_way_has_no_headline_of_answers(rivals: list[str]) -> None:
    """It says how far it is, and not what five seeds have shown that nobody has trained."""
    theirs = dict.fromkeys(rivals, THEIRS[:4])
    said = found({"CLR": OURS[:5], **theirs})
    assert "has not ended" in said.headline
    assert f"{5 + 4 * len(rivals)} trainings" in said.headline
    assert "decidable" not in said.headline
    assert "on the test set" not in said.headline


@pytest.mark.parametrize(
    "finals",
    [
        {"CLR": [], "constant": THEIRS},
        {"CLR": OURS, "constant": []},
        {"CLR": [None] * 10, "constant": [None] * 10},
        {"CLR": ["failed"] * 10, "constant": ["diverged"] * 10},
        {"CLR": [0.5] * 10, "constant": [0.5] * 10},
        {"CLR": [0.5, "failed"], "constant": ["failed", 0.5]},
    ],
)
@pytest.mark.parametrize("is_loss", [False, True])
def test_whatever_there_is_can_be_said(finals: dict[str, Any], is_loss: bool) -> None:
    """An arm without finals is one whose search found nothing; no NaN is told of it."""
    arms = {name: {"candidates": ()} for name, values in finals.items() if not len(values)}
    said = found(finals, arms=arms, **(LOSS if is_loss else {}))
    text = "\n".join([said.headline, *said.answers, *said.notes])
    assert re.search("not decidable|not known yet", said.answers[0])
    assert not re.search(r"\bnan\b|\binf\b|None", text)
    assert said.answers[0].endswith(".")


def test_equal_seed_by_seed_has_a_spread_too() -> None:
    """None: that is said."""
    [answer] = found({"CLR": OURS, "constant": OURS}).answers
    assert "equivalent within 0.50 points" in answer
    assert answer.endswith("Over the seeds the difference is always the same.")


def test_what_could_be_shown_names_its_correction() -> None:
    """Where there is one."""
    one = found({"CLR": OURS, "constant": THEIRS})
    assert "Holm's" not in one.answers[0]
    two = found({"CLR": OURS, "constant": THEIRS, "cosine": THEIRS[::-1]})
    assert all("Holm's correction for 2 answers included" in answer for answer in two.answers)


def test_a_difference_that_there_cannot_be_is_not_named() -> None:
    """Shares differ by 100 points at most."""
    [answer] = found({"CLR": [0.9, 0.8], "constant": [0.5, 0.6]}, margin=None).answers
    assert "2 seeds would show" not in answer
    assert "so few seeds would show no difference at all with power 0.8." in answer
    [of_loss] = found({"CLR": [0.9, 0.8], "constant": [0.5, 0.6]}, **LOSS).answers
    assert "2 seeds would show a difference of " in of_loss


@pytest.mark.parametrize(
    ("p", "text"),
    [
        (None, "-"),
        (0.5, "0.5"),
        (0.0123, "0.012"),
        (0.0009, "below 0.001"),
        (0, "b"),
        (0.0499, "0.0499"),
        (0.0501, "0.0501"),
        (0.05, "0.05"),
        (0.04999999, "0.04999999"),
    ],
)
def test_p_values(p: float | None, text: str) -> None:
    """Two digits, and never 0."""
    assert words.p_value(p).startswith(text)

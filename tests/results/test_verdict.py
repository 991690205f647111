"""The verdict in sentences: the numbers, units and directions in them, and what they leave out."""

from __future__ import annotations

import dataclasses
import re
from typing import Any

import numpy as np
import pytest
from compared_arms import Outcome, compared, study_of
from drawn_figures import texts
from small_trials import small_config

from clr_sweep.results import words
from clr_sweep.results.comparison_tables import contest_rows
from clr_sweep.results.verdict import Verdict, verdict
from clr_sweep.results.verdict_figure import verdict_figure
from clr_sweep.search.arms import BASELINE, MEAN_RATE
from clr_sweep.training.records import StudyRecord

RNG = np.random.default_rng(8)
SHARED = RNG.normal(0, 0.004, 10)
OURS, THEIRS = (0.88 + SHARED + RNG.normal(0, 0.001, 10) for _ in range(2))
LOSS = {"metric": "val_loss", "direction": "minimize", "margin": None}


def found(finals: dict[str, Any], **more: Any) -> Verdict:
    lists = {name: list(values) for name, values in finals.items()}
    said = verdict(study_of(compared(lists, **more)))
    assert said is not None
    return said


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
    assert said.headline == answer.split(" Over the seeds")[0]


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
        assert f"of {words.metric(metric.replace('val_', 'test_'))} (95 % interval" in answer


def test_which_sign_is_better_is_the_first_thing_noted() -> None:
    """Right below the answers, which are read the wrong way round without it."""
    said = found({"CLR": OURS[:5], "constant": THEIRS[:5]}, **LOSS)
    assert "less is better" in said.notes[0]


def test_the_margin_is_noted_or_that_there_is_none() -> None:
    """`Not decidable` is read by it; without one it is said how to give it."""
    finals = {"CLR": OURS[:5], "constant": THEIRS[:5]}
    [note] = [note for note in found(finals, margin=0.02).notes if "margin" in note]
    assert "below 2.00 points of test accuracy" in note
    [note] = [note for note in found(finals, **LOSS).notes if "margin" in note]
    assert "comparison.margin, --margin" in note
    assert "test loss" in note


def test_one_reason_for_all_is_the_headline() -> None:
    """Without a test set nothing is said of one; a reason of one rival alone is not that of all."""
    nothing = [float("nan")] * 3
    said = found({"CLR": nothing, "constant": nothing, "cosine": nothing})
    assert "is not decided against any rival: there is no value of a test set" in said.headline
    assert "on the test set:" not in said.headline
    said = found({"CLR": OURS[:3], "constant": THEIRS[:3], "cosine": nothing})
    assert "decided against any rival" not in said.headline


def test_what_was_searched_for_is_named() -> None:
    """By policy and rates, and how many trials found it."""
    [answer] = found(
        {"CLR": OURS + 1, "constant": THEIRS}, arms={"constant": {"trials": 50}}
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
        assert "not decidable" in text
        assert "points" not in text
        assert "points" not in texts(verdict_figure(study))
        [cells] = contest_rows(study)[1]
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
    assert "not decidable" in said.answers[0]
    assert not re.search(r"\bnan\b|\binf\b|None", text)
    assert said.answers[0].endswith(".")


def test_few_seeds_are_told() -> None:
    """Below ten; ten are not."""
    few = found({"CLR": OURS[:5], "constant": THEIRS[:5]})
    assert any("5 seeds were asked for" in note for note in few.notes)
    many = found({"CLR": OURS, "constant": THEIRS})
    assert not any("less is better" in note for note in many.notes)
    assert not any("seeds were asked for" in note for note in many.notes)


def test_a_later_comparison_says_so() -> None:
    """The last one is told, and that it is not the first."""
    first = compared({"CLR": [0.1] * 10, "constant": THEIRS.tolist()})
    second = compared({"CLR": OURS.tolist(), "constant": THEIRS.tolist()}, number=2)
    said = verdict(study_of(first, second))
    assert said is not None
    assert "equivalent" in said.headline
    assert any("comparison 2" in note for note in said.notes)


def test_edges_of_the_winner_are_told_and_no_others() -> None:
    """A wider range may hold a better one."""
    at_edge = {"0": ("max_lr at the upper end of its range",), "3": ("init_lr at an end",)}
    said = found(
        {"CLR": OURS, "constant": THEIRS}, arms={"constant": {"edges": at_edge}, "CLR": {}}
    )
    [note] = [note for note in said.notes if "end" in note and "range" in note]
    assert note.startswith("constant: the winner has max_lr at the upper end of its range")


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
    assert "2 seeds show" not in answer
    assert "so few seeds show no difference at all with power 0.8." in answer
    [of_loss] = found({"CLR": [0.9, 0.8], "constant": [0.5, 0.6]}, **LOSS).answers
    assert "2 seeds show a difference of " in of_loss


def changed_winner(name: str, **changes: Any) -> StudyRecord:
    """A comparison in which the configuration of one entry is another."""
    study = compared({"CLR": OURS.tolist(), "constant": THEIRS.tolist()})
    trials = [
        dataclasses.replace(trial, config=trial.config.model_copy(update=changes))
        if trial.seed_run and trial.seed_run.entry == name
        else trial
        for trial in study.trials
    ]
    return dataclasses.replace(study, trials=tuple(trials))


def notes_of(study: StudyRecord) -> str:
    said = verdict(study_of(study))
    assert said is not None
    return "\n".join(said.notes)


def test_what_winners_differ_in_beside_the_schedule_is_told() -> None:
    """A gain by a batch size is none by cycles."""
    training = small_config("constant").training.model_copy(update={"batch_size": 17})
    notes = notes_of(changed_winner("tiny.constant trial 0", training=training))
    assert re.search(
        r"Against constant CLR's winner differs .*: batch_size \d+ \(there 17\)", notes
    )
    assert "in more than the schedule" not in notes_of(changed_winner(""))


def test_unequal_training_is_told() -> None:
    """Cycles end at a trough: a rival may have trained for longer."""
    training = small_config("constant").training.model_copy(update={"epochs": 7})
    notes = notes_of(changed_winner("tiny.constant trial 0", training=training))
    assert re.search(r"Unequal training.*: \d+ epochs?: CLR; 7 epochs: constant", notes)
    assert "Unequal" not in notes_of(changed_winner(""))


def test_a_winner_without_cycles_is_not_passed_off_as_one_with() -> None:
    """A study may have such policies among its own."""
    schedule = small_config("cosine").schedule
    assert "CLR's winner has no cycles (cosine" in notes_of(
        changed_winner("tiny trial 0", schedule=schedule)
    )
    assert "no cycles" not in notes_of(changed_winner(""))


def test_fewer_trials_are_told() -> None:
    """At equal searches the first trials answer, whether or not their winner is another."""
    first = "CLR, first 3 trials"
    finals = {"CLR": OURS, first: OURS - 0.01, "constant": THEIRS}
    arms = {"constant": {"trials": 3}, first: {"trials": 3, "candidates": (2,)}}
    said = found(finals, arms=arms)
    assert any(note.startswith("CLR had 5 trials, some rivals 3 trials:") for note in said.notes)
    assert "that CLR's first 3 trials found" in said.answers[1]


def test_one_seed_lost_is_one() -> None:
    """In number as in grammar."""
    ours: list[Outcome] = ["diverged", *OURS[1:].tolist()]
    notes = found({"CLR": ours, "constant": THEIRS}).notes
    assert "CLR: 1 of 10 finals diverged; it is left out of its mean." in notes


def test_tests_that_disagree_are_told() -> None:
    """Strongly correlated arms: paired they differ, unpaired not."""
    wide = RNG.normal(0, 0.01, 10)
    ours, theirs = 0.8 + wide + 0.001 + RNG.normal(0, 1e-4, 10), 0.8 + wide
    said = found({"CLR": ours, "constant": theirs}, margin=None)
    assert " beats " in said.headline
    assert any("Welch" in note for note in said.notes)
    agreeing = found({"CLR": OURS + 0.2, "constant": THEIRS}, margin=None)
    assert not any("Welch" in note or "sign-flip" in note for note in agreeing.notes)


def test_one_search_speaks_of_configurations() -> None:
    """And names the command that would speak of classes."""
    said = found({"CLR": OURS + 0.1, "constant": THEIRS})
    assert "CLR helps" not in said.headline
    assert any("clr-sweep compare tiny --searches 5" in note for note in said.notes)


def searches(count: int, shift: float, **more: Any) -> list[StudyRecord]:
    rng = np.random.default_rng(4)
    return [
        compared({
            "CLR": (0.8 + shift + rng.normal(0, 0.002, 3)).tolist(),
            "constant": (0.8 + rng.normal(0, 0.002, 3)).tolist(),
            BASELINE: (0.8 - 3 * abs(shift) + rng.normal(0, 0.002, 3)).tolist(),
        }, **more)
        for _ in range(count)
    ]  # fmt: skip


def test_five_searches_speak_of_the_class() -> None:
    """Only then it is said that CLR helps, or that it does not; against a tuned rival."""
    for shift, wanted in ((0.02, "CLR helps here"), (-0.02, "CLR does not help here")):
        made = searches(5, shift)
        said = verdict(study_of(made[0], searches=tuple(made)))
        assert said is not None
        assert said.headline.startswith(wanted)
        assert "5 independent searches" in said.headline
        helping = [one for one in (*said.answers, said.headline) if "CLR helps" in one]
        assert len(helping) == (shift > 0)
        assert not any("--searches" in note for note in said.notes)


def class_headline(made: list[StudyRecord]) -> str:
    said = verdict(study_of(made[0], searches=tuple(made)))
    assert said is not None
    assert any("Of the 5 searches of each arm the first alone" in note for note in said.notes)
    return said.headline


def test_classes_that_are_equivalent_name_the_margin() -> None:
    """And the p of equivalence, not that of a difference."""
    headline = class_headline(searches(5, 0.0, margin=0.03))
    assert headline.startswith("CLR and a tuned constant rate are equivalent here within 3.00 poi")
    assert "equivalence p" in headline
    assert "Holm p" not in headline


@pytest.mark.parametrize(
    ("arms", "wanted"),
    [
        ({"constant": {"trials": 3}}, "A CLR tuned by 5 trials is better here than a constant ra"),
        ({"CLR": {"trials": 9}}, "A CLR tuned by 9 trials is better here than a constant rate tu"),
    ],
)
def test_an_unequal_search_is_no_proof_for_cycles(arms: Any, wanted: str) -> None:
    """That is better which was searched for longer: it is said by how much."""
    assert class_headline(searches(5, 0.02, arms=arms)).startswith(wanted)


def test_against_a_rival_with_cycles_nothing_is_said_of_cycles() -> None:
    """Both sides have them."""
    made = [
        compared(
            {"CLR": (OURS[i : i + 3] - 0.1).tolist(), "triangular": THEIRS[i : i + 3].tolist()}
        )
        for i in range(5)
    ]
    assert class_headline(made).startswith("A tuned CLR is worse here than a tuned triangular sch")


def test_a_class_whose_winner_has_no_cycles_is_not_helped_by_them() -> None:
    """Once in five searches is enough."""
    made = searches(5, 0.02)
    cosine = small_config("cosine").schedule
    made[3] = dataclasses.replace(made[3], trials=tuple(
        dataclasses.replace(trial, config=trial.config.model_copy(update={"schedule": cosine}))
        for trial in made[3].trials
    ))  # fmt: skip
    assert class_headline(made).startswith("A tuned schedule of the study's policies is better")


def test_four_searches_do_not() -> None:
    """However clear it is."""
    made = searches(4, 0.1)
    said = verdict(study_of(made[0], searches=tuple(made)))
    assert said is not None
    assert "CLR helps" not in "\n".join([said.headline, *said.answers])


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


def test_a_seed_far_from_the_others_is_told() -> None:
    """With its value and the median: it decides the mean and the spread."""
    theirs = [0.1, *THEIRS[1:].tolist()]
    [note] = [one for one in found({"CLR": OURS, "constant": theirs}).notes if " far from " in one]
    assert note.startswith("constant: 1 of 10 finals ended far from the others, at 0.1000")
    assert f"{np.median(theirs):.4f}" in note
    assert "It counts" in note
    assert not any(" far from " in one for one in found({"CLR": OURS, "constant": THEIRS}).notes)

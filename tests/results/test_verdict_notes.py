"""What has to be known to read the answers rightly."""

from __future__ import annotations

import dataclasses
import re
from typing import Any

import numpy as np
from compared_arms import OURS, THEIRS, Outcome, compared, found, said_of, study_of
from small_trials import small_config
from written_sweeps import sweep

from clr_sweep.results.verdict import verdict
from clr_sweep.training.records import StudyRecord, StudySource

LOSS = {"metric": "val_loss", "direction": "minimize", "margin": None}


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
    return "\n".join(said_of(study).notes)


def test_what_winners_differ_in_beside_the_schedule_is_told() -> None:
    """A gain by a batch size is none by cycles."""
    training = small_config("constant").training.model_copy(update={"batch_size": 17})
    notes = notes_of(changed_winner("tiny.constant trial 0", training=training))
    assert re.search(
        r"Against constant CLR's winner differs .*: batch_size \d+ \(there 17\)", notes
    )
    assert "in more than the schedule" not in notes_of(changed_winner(""))


def test_a_default_that_is_not_known_is_no_difference() -> None:
    """The winner was given what the rival's function may have as its default."""
    model = small_config("constant").model.model_copy(update={"arguments": {"units": 32}})
    notes = notes_of(changed_winner("tiny trial 0", model=model))
    assert (
        "Against constant CLR's winner may differ in more than the schedule: model.units 32 (there "
        "its default, which is not known)."
    ) in notes
    assert "differs in more" not in notes


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
    assert (
        "CLR had 5 trials, each rival 3 trials: at equal searches the answers are those of CLR's "
        "first 3 trials."
    ) in said.notes
    assert "that CLR's first 3 trials found" in said.answers[1]


def test_fewer_trials_of_some_rivals_are_told() -> None:
    """Against those with as many the study's own winner answers."""
    first = "CLR, first 3 trials"
    finals = {"CLR": OURS, first: OURS - 0.01, "constant": THEIRS, "cosine": THEIRS}
    arms = {"constant": {"trials": 3}, first: {"trials": 3, "candidates": (2,)}}
    [note] = [one for one in found(finals, arms=arms).notes if one.startswith("CLR had")]
    assert note == (
        "CLR had 5 trials, some rivals 3 trials: at equal searches the answers against these are "
        "those of CLR's first 3 trials."
    )


def test_one_seed_lost_is_one() -> None:
    """In number as in grammar."""
    ours: list[Outcome] = ["diverged", *OURS[1:].tolist()]
    notes = found({"CLR": ours, "constant": THEIRS}).notes
    assert "CLR: 1 of 10 finals diverged; it is left out of its mean." in notes


def test_tests_that_disagree_are_told() -> None:
    """Strongly correlated arms: paired they differ, unpaired not."""
    random = np.random.default_rng(8)
    wide = random.normal(0, 0.01, 10)
    ours, theirs = 0.8 + wide + 0.001 + random.normal(0, 1e-4, 10), 0.8 + wide
    said = found({"CLR": ours, "constant": theirs}, margin=None)
    assert ": better than " in said.headline
    assert any("Welch" in note for note in said.notes)
    agreeing = found({"CLR": OURS + 0.2, "constant": THEIRS}, margin=None)
    assert not any("Welch" in note or "sign-flip" in note for note in agreeing.notes)


def test_one_search_speaks_of_configurations() -> None:
    """And names the command that would speak of classes."""
    said = found({"CLR": OURS + 0.1, "constant": THEIRS})
    assert "CLR helps" not in said.headline
    assert any("clr-sweep compare tiny --searches 5" in note for note in said.notes)


def test_a_seed_far_from_the_others_is_told() -> None:
    """With its value and the median: it decides the mean and the spread."""
    theirs = [0.1, *THEIRS[1:].tolist()]
    [note] = [one for one in found({"CLR": OURS, "constant": theirs}).notes if " far from " in one]
    assert note.startswith("constant: 1 of 10 finals ended far from the others, at 0.1000")
    assert f"{np.median(theirs):.4f}" in note
    assert "It counts" in note
    assert not any(" far from " in one for one in found({"CLR": OURS, "constant": THEIRS}).notes)


def test_what_the_searches_differ_in_is_told() -> None:
    """Trials that the study was given, and searches that its rule has ended early."""
    last = compared(
        {"CLR": OURS.tolist(), "constant": THEIRS.tolist()},
        arms={"CLR": {"counts": {"complete": 3}}, "constant": {"counts": {"complete": 4}}},
    )
    study = study_of(last)
    starts = {"study.start_with": [{"max_lr": 0.1}], "study.warm_start": {"study": "before"}}
    given = sweep(starts)
    study = dataclasses.replace(study, source=StudySource(given, "", "", {}))
    said = verdict(study)
    assert said is not None
    [note] = [note for note in said.notes if "start_with" in note]
    assert note.startswith("CLR's search was given 1 trial to start with")
    [note] = [note for note in said.notes if "warm_start" in note]
    assert note.startswith("CLR's search began with the 3 best trials of study before")
    assert "that 4 trials found" in said.answers[0]
    [note] = [note for note in said.notes if "ended before all their trials" in note]
    assert re.search(r"that of CLR after 3 of \d+, that of constant after 4 of \d+\.", note)
    quiet = found({"CLR": OURS, "constant": THEIRS}).notes
    assert not any("start_with" in note or "ended before" in note for note in quiet)

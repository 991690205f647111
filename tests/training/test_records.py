"""The records of a study: which trial is the best, and how trials are named and counted."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
from small_trials import small_config

from clr_sweep.training.records import StudyRecord, TrialRecord
from clr_sweep.training.reports import State


def trial(number: int | None, value: float | None, state: State = "complete") -> TrialRecord:
    """A stored trial."""
    return TrialRecord("trial", number, state, None, small_config(), Path("trials"), value)


def study(direction: str, *trials: TrialRecord) -> StudyRecord:
    """A study of these."""
    return StudyRecord("a", "val_loss", direction, trials, trial(None, 0.0))


@pytest.mark.parametrize(("direction", "expected"), [("maximize", 2), ("minimize", 1)])
def test_the_best_trial(direction: str, expected: int) -> None:
    """By the study's direction, among complete trials, the earliest of equals; 0 is a value."""
    best = study(
        direction,
        trial(0, None, "diverged"), trial(1, 0.0), trial(2, 0.9), trial(3, 0.9), trial(4, 0.0),
        trial(5, 2.0, "failed"), trial(6, -1.0, "pruned"), trial(7, None),
    ).best  # fmt: skip
    assert best is not None
    assert best.number == expected


def test_no_best_trial() -> None:
    """None where no trial is complete; the baseline is no trial."""
    assert study("maximize").best is None
    assert study("maximize", trial(0, None, "pruned"), trial(1, 3.0, "running")).best is None


def test_counts_and_labels() -> None:
    """Trials are counted by state, the baseline not among them."""
    some = study("maximize", trial(0, 1.0), trial(1, 2.0), trial(2, None, "pruned"))
    assert (some.count("complete"), some.count("pruned"), some.count("failed")) == (2, 1, 0)
    assert (trial(0, 1.0).label, trial(None, 1.0).label) == ("trial 0", "baseline")


def test_a_function_that_left_the_objective_out_is_asked_again() -> None:
    """It may have been mended; our own evaluation is done once, whatever it told."""
    ours = dataclasses.replace(trial(0, 1.0), test_metrics={"test_loss": 0.5})
    own = {"function": "own:train", "evaluate": "own:test"}
    training = ours.config.training.model_copy(update=own)
    theirs = dataclasses.replace(ours, config=ours.config.model_copy(update={"training": training}))
    judged = dataclasses.replace(theirs, test_metrics={"test_accuracy": 0.5})
    for one, waits in ((ours, False), (theirs, True), (judged, False)):
        alone = dataclasses.replace(study("maximize", one), baseline=None)
        assert alone.untested == [one] * waits

"""What of a study is refused for its form: the trials it starts with, and when it stops."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from json_schemas import SWEEP_SCHEMA, allows
from written_sweeps import content, problems, sweep, written

from clr_sweep.definition.study_config import StopRule


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ({"no_better_in": 1}, "a trial is no better than the best before it"),
        ({"no_better_in": 5}, "5 trials in a row are no better than the best before them"),
        ({"target": 0.9}, "a trial reaches 0.9"),
        (
            {"no_better_in": 5, "target": 0.9},
            "5 trials in a row are no better than the best before them, or a trial reaches 0.9",
        ),
    ],
)
def test_a_rule_in_words(value: dict[str, Any], words: str) -> None:
    """As check and the report say it."""
    assert StopRule(**value).describe() == words
    assert allows(SWEEP_SCHEMA, content({"study.stop_when": value}))


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        ({}, "study.stop_when: must give no_better_in, target, or both"),
        (5, "study.stop_when: must be a mapping of keys to values, got 5"),
        ({"no_better_in": 0}, "study.stop_when.no_better_in: must be at least 1, got 0"),
        ({"target": "high"}, "study.stop_when.target: must be a finite number, got 'high'"),
        ({"target": 95}, "study.stop_when.target: must be from 0 to 1, as val_accuracy is, got 95"),
        ({"patience": 5}, "study.stop_when.patience: unknown key 'patience'"),
    ],
)
def test_rules_that_are_refused(value: Any, problem: str, tmp_path: Path) -> None:
    """With the place, and what is allowed."""
    (found,) = problems(written(tmp_path, {"study.stop_when": value}))
    assert found.startswith(problem)


def test_a_target_of_a_loss_is_no_share() -> None:
    """What may be above 1 has a target above it."""
    made = sweep({"objective": {"metric": "val_loss"}, "study.stop_when": {"target": 2}})
    assert made.study.stop_when == StopRule(target=2)


LISTED = "must be a list of mappings such as [{max_lr: 0.1, policy: triangular}], got "


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        ({"max_lr": 0.1}, f"study.start_with: {LISTED}{{max_lr: 0.1}}"),
        ([{}], f"study.start_with: {LISTED}"),
        ([0.1], f"study.start_with: {LISTED}"),
        (
            [{"max_lr": 0.1}, {"max_lr": 0.1}],
            "study.start_with: must be a list in which each trial stands once",
        ),
        ([{"max_lr": [0.1]}], "study.start_with.0.max_lr: must be a finite number, a text, or"),
    ],
)
def test_lists_that_are_refused(value: Any, problem: str, tmp_path: Path) -> None:
    """Not a list of mappings, an empty one, one twice, a list for a value."""
    (found,) = problems(written(tmp_path, {"study.start_with": value}))
    assert found.startswith(problem)


@pytest.mark.parametrize(
    ("value", "place", "problem"),
    [
        ({}, ".study", "is required"),
        ({"study": "a b"}, ".study", "must be letters, digits"),
        ({"study": "before", "trials": 0}, ".trials", "must be at least 1, got 0"),
        ({"study": "before", "storage": "optuna.db"}, ".storage", "must be a database URL"),
        ({"study": "before", "trails": 2}, ".trails", "did you mean 'trials'"),
        (
            {"study": "before", "storage": "postgresql://me:secret@host/name"},
            ".storage",
            "must hold no password",
        ),
        ("before", "", "must be a mapping"),
    ],
)
def test_a_warm_start_that_is_refused(value: Any, place: str, problem: str, tmp_path: Path) -> None:
    """With its place; a password is shown to nobody."""
    (found,) = problems(written(tmp_path, {"study.warm_start": value}))
    assert found.startswith(f"study.warm_start{place}: ")
    assert problem in found
    assert "secret" not in found


def test_a_warm_start() -> None:
    """The best trials, three unless said otherwise; of a study of the same name elsewhere too."""
    start = {"study": "example", "storage": "sqlite:///other.db"}
    assert allows(SWEEP_SCHEMA, content({"study.warm_start": start}))
    assert not allows(SWEEP_SCHEMA, content({"study.warm_start": {"trials": 3}}))
    made = sweep({"study.warm_start": start}).study.warm_start
    assert made is not None
    assert (made.trials, made.describe()) == (3, "the 3 best trials of study example")


def test_the_schema_takes_what_the_file_may_hold() -> None:
    """In an editor, before `check`."""
    assert allows(SWEEP_SCHEMA, content({"study.start_with": [{"max_lr": 0.1, "nesterov": True}]}))
    assert not allows(SWEEP_SCHEMA, content({"study.start_with": [{}]}))
    assert not allows(SWEEP_SCHEMA, content({"study.start_with": [{"max_lr": [0.1]}]}))
    assert not allows(SWEEP_SCHEMA, content({"study.stop_when": {"no_better_in": 0}}))

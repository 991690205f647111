"""The options of the command line, which stand in place of values of the sweep file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from written_sweeps import ABSENT, problems, written

from clr_sweep.definition.loading import OPTIONS, load_sweep


def test_overrides_stand_in_place_of_the_file(tmp_path: Path) -> None:
    """An option takes the place of the file's value, as text or as a number."""
    file = written(tmp_path, {"study": ABSENT})
    given = {"study.trials": "7", "training.epochs": 17, "study.name": "0815", "study.seed": "+1"}
    sweep = load_sweep(file, given)
    assert (sweep.study.trials, sweep.training.epochs, sweep.study.seed) == (7, 17, 1)
    assert sweep.study_name == "0815"


@pytest.mark.parametrize("overrides", [None, {}])
def test_what_is_not_given_overrides_nothing(
    tmp_path: Path, overrides: dict[str, Any] | None
) -> None:
    """Without options the file's values hold; there are no defaults beside it."""
    file = written(tmp_path, {"study.trials": 5, "study.seed": 7})
    sweep = load_sweep(file, overrides)
    assert (sweep.study.trials, sweep.study.seed) == (5, 7)


def test_an_override_mends_a_wrong_value(tmp_path: Path) -> None:
    """What the file says is not looked at where an option stands in its place."""
    file = written(tmp_path, {"study.trials": "many", "training.epochs": ABSENT})
    assert load_sweep(file, {"study.trials": 3, "training.epochs": "20"}).training.epochs == 20


@pytest.mark.parametrize(
    ("key", "text", "message"),
    [
        ("study.trials", "0", "--trials: must be at least 1, got 0"),
        ("study.trials", "-1", "--trials: must be at least 1, got -1"),
        ("study.trials", "many", "--trials: must be a whole number, got 'many'"),
        ("study.trials", "1.5", "--trials: must be a whole number, got '1.5'"),
        ("study.trials", "1_0", "--trials: must be a whole number, got '1_0'"),
        ("study.trials", "٣", "--trials: must be a whole number, got '٣'"),
        ("study.trials", "9" * 30, "--trials: must be a whole number, got '999"),
        ("study.trials", "9999999", "--trials: must be at most 1000000, got 9999999"),
        ("training.epochs", "0", "--epochs: must be at least 1, got 0"),
        ("study.jobs", "0", "--jobs: must be at least 1, got 0"),
        ("study.seed", "-1", "--seed: must be at least 0, got -1"),
        ("study.name", "a b", "--study: must be letters, digits, '.', '_' and '-'"),
    ],
)
def test_wrong_options_are_named_as_options(
    tmp_path: Path, key: str, text: str, message: str
) -> None:
    """A value from the command line is at fault there, not in the file; nothing is converted."""
    (found,) = problems(written(tmp_path), {key: text})
    assert found.startswith(message)
    assert OPTIONS[found.split(":")[0]] == key


@pytest.mark.parametrize("changes", [{"study": [1]}, {"study": None}])
def test_options_are_checked_whatever_the_file_is(tmp_path: Path, changes: Any) -> None:
    """A wrong option is named beside a file whose section is wrong, or that is not there."""
    wrong = "--trials: must be at least 1, got 0"
    assert problems(written(tmp_path, changes), {"study.trials": 0})[0] == wrong
    found, missing = problems(tmp_path / "no.yaml", {"study.trials": 0})
    assert found == wrong
    assert missing.startswith("cannot be read: No such file or directory")


def test_a_password_may_come_from_the_command_line(tmp_path: Path) -> None:
    """What is not kept in the file may name a database as it likes."""
    url = "postgresql://me:secret@host/db"
    assert load_sweep(written(tmp_path), {"study.storage": url}).study.storage == url

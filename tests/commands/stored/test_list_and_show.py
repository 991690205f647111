"""`clr-sweep list` and `clr-sweep show`: tables for people, JSON for programs."""

from __future__ import annotations

import os
import re
import shutil
from datetime import datetime
from pathlib import Path

import optuna
import pytest
from held_locks import HOLD, holding
from small_studies import SmallStudy
from stored_commands import invoke, printed_json

from clr_sweep.commands.list import list_studies
from clr_sweep.commands.show import show_study
from clr_sweep.search.attributes import FACTS
from clr_sweep.search.one_driver import is_run
from clr_sweep.search.seed_runs import open_comparison
from clr_sweep.search.writing import record_progress
from clr_sweep.tracking.which_store import StoreChoice
from clr_sweep.training.comparison_records import ComparisonRecord

CHOICE = StoreChoice()


@pytest.fixture(autouse=True)
def _in_place(two_studies: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(two_studies)


def test_list_tells_of_each_study(two_studies: Path) -> None:
    """A line each, by name, with the numbers that Optuna has."""
    result = invoke("list")
    assert result.exit_code == 0, result.output
    head, *rows = result.stdout.splitlines()
    assert head.split() == ["study", "state", "trials", "best", "began"]
    best = SmallStudy(two_studies).study.best_value
    assert [row.split()[:3] for row in rows] == [
        ["example", "complete", "5/5"],
        ["example.constant", "complete", "1/1"],
        ["other", "complete", "1/1"],
    ]
    metric, value = rows[0].split()[3:5]
    assert (metric, float(value)) == ("val_accuracy", pytest.approx(best, rel=1e-3))
    assert re.fullmatch(r"\d{4}-\d\d-\d\d", rows[0].split()[5])


def test_list_as_json(two_studies: Path) -> None:
    """The same with all digits, and the trials by state."""
    study = SmallStudy(two_studies).study
    first = printed_json("list")[0]
    assert first["best"] == study.best_value
    assert first["best_trial"] == study.best_trial.number
    assert first["counts"] == {"complete": 2, "pruned": 1, "diverged": 1, "failed": 1}
    assert (first["name"], first["ended"], first["planned"]) == ("example", 5, 5)
    assert (first["metric"], first["direction"]) == ("val_accuracy", "maximize")
    began = datetime.fromisoformat(first["began"])
    assert began.tzinfo is not None
    assert began == study.trials[0].datetime_start.astimezone()


def test_a_killed_driver_is_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A study that nobody runs is not said to be running; nothing is written for it."""
    monkeypatch.chdir(tmp_path)
    small = SmallStudy(tmp_path)
    small.add("running")
    record_progress(small.study, "running", 5)
    with holding(HOLD, small.url, "example"):
        assert printed_json("list")[0]["state"] == "running"
        assert invoke("show", "example").stdout.startswith("example: running\n")
    found = printed_json("list")[0]
    assert (found["state"], found["reason"]) == ("interrupted", "its process ended without a word")
    assert invoke("list").stdout.splitlines()[1].split()[:2] == ["example", "interrupted"]
    shown = invoke("show", "example").stdout
    assert shown.startswith("example: interrupted (its process ended without a word)\n")
    assert "1 interrupted" in shown
    assert small.record.state == "running"


def test_a_study_that_ends_while_it_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between a look at it and one at its lock: its process ended with a word, and well."""
    monkeypatch.chdir(tmp_path)
    small = SmallStudy(tmp_path)
    small.add("complete")

    def ending(url: str | None, study: str) -> bool | None:
        record_progress(small.study, "complete", 1)
        return is_run(url, study)

    for module in ("commands.list", "study.killed_driver"):
        monkeypatch.setattr(f"clr_sweep.{module}.is_run", ending)
    record_progress(small.study, "running", 1)
    assert printed_json("list")[0]["state"] == "complete"
    record_progress(small.study, "running", 1)
    assert printed_json("show", "example")["state"] == "complete"


def test_a_killed_comparison_is_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its study is complete; the comparison, a study of its own, says that it is running."""
    monkeypatch.chdir(tmp_path)
    small = SmallStudy(tmp_path)
    small.add("complete")
    record_progress(small.study, "complete", 1)
    small.study.set_user_attr(FACTS, {**small.study.user_attrs[FACTS], "comparison": {}})
    assert "the searches of its rivals have not ended" in invoke("show", "example").stdout
    part = SmallStudy(tmp_path, "example.comparison")
    open_comparison(part.study, ComparisonRecord("example", 1, 3, 10, None, (), ()))
    record_progress(part.study, "running", 84)
    line = "comparison example.comparison: {}, 0 of 84 trainings"
    with holding(HOLD, part.url, "example.comparison"):
        assert f"{line.format('running')}\n" in invoke("show", "example").stdout
    shown = " ".join(invoke("show", "example").stdout.split())
    assert f"{line.format('interrupted')} (its process ended without a word); `clr-sweep" in shown


def test_an_empty_storage_and_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is not there is told apart from what is empty."""
    monkeypatch.chdir(tmp_path)
    assert invoke("list").exit_code == 1
    assert "there is no study storage" in invoke("list").stderr
    optuna.create_study(study_name="somebody's", storage="sqlite:///optuna.db")
    assert invoke("list").stdout == "the storage holds no study of clr-sweep\n"
    assert printed_json("list") == []


def test_show_a_study(two_studies: Path) -> None:
    """How it stands; its trials, the best on top, in the words of the report."""
    record = SmallStudy(two_studies).record
    result = invoke("show", "example")
    assert result.exit_code == 0, result.output
    about, table = result.stdout.split("\n\n")
    assert about.startswith("example: complete\nobjective: maximize val_accuracy\n")
    assert "5 trials: 2 complete, 1 pruned, 1 diverged, 1 failed" in about
    assert f"best: trial {record.best.number}, val_accuracy {record.best.value:.4f}" in about
    head, *rows = table.splitlines()
    names = "trial state val_accuracy epochs policy init_lr max_lr factor"
    assert head.split() == names.split()
    ranked = [trial.number for trial in record.ranked]
    assert [int(row.split()[0]) for row in rows] == [*ranked, 2, 3, 4]
    assert [row.split()[1] for row in rows[2:]] == ["pruned", "diverged", "failed"]


def test_show_a_study_as_json(two_studies: Path) -> None:
    """What is stored, to the last digit."""
    record = SmallStudy(two_studies).record
    found = printed_json("show", "example")
    assert found["best_trial"] == record.best.number
    assert [trial["number"] for trial in found["trials"]] == [0, 1, 2, 3, 4]
    for shown, stored in zip(found["trials"], record.trials, strict=True):
        assert shown["params"] == dict(stored.params)
        assert shown["metrics"] == dict(stored.metrics)
        assert shown["value"] == stored.value
    assert found["baseline"]["test_metrics"] == dict(record.baseline.test_metrics)


def test_show_a_trial(two_studies: Path) -> None:
    """How it ended, its schedule, and a line for each epoch."""
    trial = SmallStudy(two_studies).record.trials[0]
    about, table = invoke("show", "example", "0").stdout.split("\n\n")
    assert about.startswith("example, trial 0: complete after 2 epochs\nschedule: ")
    assert re.search(r"^time: .+ of CPU, .+ by the clock$", about, re.MULTILINE)
    head, *rows = table.splitlines()
    assert head.split() == ["epoch", "step", "rate", "val_accuracy", "accuracy", "val_loss", "loss"]
    assert [row.split()[:2] for row in rows] == [["1", "8"], ["2", "16"]]
    epochs = printed_json("show", "example", "0")["epochs"]
    assert [e["metrics"] for e in epochs] == [dict(report.metrics) for report in trial.reports]


def test_show_the_baseline_and_a_diverged_trial() -> None:
    """The baseline goes by its name; of a failed trial the reason is told."""
    assert invoke("show", "example", "baseline").stdout.startswith("example, baseline: complete")
    assert "diverged at step" in invoke("show", "example", "3").stdout
    assert "ValueError: it broke" in invoke("show", "example", "4").stdout
    assert printed_json("show", "example", "baseline")["number"] is None


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("exampel",), "there is no study 'exampel' in the storage - did you mean 'example'?"),
        (("example", "9"), "study 'example' has no trial '9' (there: 0, 1, 2, 3, 4, baseline)"),
    ],
)
def test_what_is_not_there(arguments: tuple[str, ...], message: str) -> None:
    """A wrong name is refused with what there is."""
    result = invoke("show", *arguments)
    assert result.exit_code == 2
    assert message in result.stderr
    assert result.stdout == ""


@pytest.mark.parametrize("width", [30, 40, 60, 80])
def test_nothing_is_wider_than_the_terminal_or_cut(width: int) -> None:
    """At every width all is there; a path alone may be longer."""
    wide = [
        list_studies(None, None, as_json=False),
        show_study("example", None, None, CHOICE, None, as_json=False),
        show_study("example", "0", None, CHOICE, None, as_json=False),
    ]
    narrow = [
        list_studies(None, width, as_json=False),
        show_study("example", None, None, CHOICE, width, as_json=False),
        show_study("example", "0", None, CHOICE, width, as_json=False),
    ]
    for all_of_it, shown in zip(wide, narrow, strict=True):
        too_long = [line for line in shown.splitlines() if len(line) > width]
        assert all(os.sep in line or " " not in line.strip() for line in too_long), too_long
        # Longer ones may be broken, see the tests of tables.
        words = {word for word in re.findall(r"[\w.]+", all_of_it) if len(word) <= 10}
        assert words <= set(re.findall(r"[\w.]+", shown))


def test_a_study_whose_folders_are_gone_is_listed(place: Path) -> None:
    """The list needs the storage alone."""
    shutil.rmtree(place / "trials")
    assert printed_json("list")[0]["name"] == "example"

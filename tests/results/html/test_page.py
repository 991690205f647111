"""The report's page as plain values: its numbers are those of the records."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
from report_pages import described, part, rows

from clr_sweep.definition.sweep import Objective
from clr_sweep.results import words
from clr_sweep.results.comparison import compare
from clr_sweep.results.html.page import study_page
from clr_sweep.results.html.render import report_html
from clr_sweep.results.html.views import Page, Table, Verdict
from clr_sweep.training.records import Importance, StudyRecord

PARTS = ["asked", "arms", "curves", "cost", "search", "ended-early", "environment", "reproduce"]


@pytest.fixture(scope="module")
def page(big_study: StudyRecord) -> Page:
    found = {"max_lr": Importance(0.7, 0.6, 0.8), "init_lr": Importance(0.3, 0.2, 0.4)}
    study = dataclasses.replace(big_study, state="complete", planned=50)
    return study_page(described(study), found)


def test_the_parts_stand_in_their_order(page: Page) -> None:
    """A part with nothing to show, here the range test, is left out."""
    assert [section.anchor for section in page.sections] == PARTS


def test_the_verdict_is_that_of_the_comparison(page: Page, big_study: StudyRecord) -> None:
    """Every word of it, its notes, and a dot for each run and each set of examples."""
    assert " ".join(page.verdict.sentences).startswith(compare(big_study).verdict)
    assert "clr-sweep compare fashion-mnist" in page.verdict.sentences[-1]
    assert set(compare(big_study).notes) <= set(page.verdict.notes)
    assert page.verdict.figure is not None
    (ax,) = page.verdict.figure.axes
    dots = {(line.get_gid(), float(line.get_xdata()[0])) for line in ax.get_lines()}  # type: ignore[index]
    assert dots == {
        (where, value)
        for record in (big_study.best, big_study.baseline)
        if record is not None
        for where, value in (
            ("validation", record.value), ("test", record.test_metrics["test_accuracy"])
        )
    }  # fmt: skip


def test_what_was_asked(page: Page) -> None:
    """Model, data, objective, trials, and the space as the sweep has it."""
    asked = part(page, "asked")
    facts = dict(asked.facts)
    assert facts["Objective"].startswith("maximize validation accuracy")
    assert facts["Search"].startswith("50 trials, sampler tpe")
    assert "10,000 to test on" in facts["Data"]
    names = [row["hyperparameter"] for row in rows(asked.tables[0])]
    assert names[:4] == ["init_lr", "max_lr", "step_size_factor", "policy"]


def test_the_arms_in_numbers(page: Page, big_study: StudyRecord) -> None:
    """The best trial and the baseline, validated and tested."""
    (table,) = part(page, "arms").tables
    for row, record in zip(rows(table), (big_study.best, big_study.baseline), strict=True):
        assert record is not None
        assert record.value is not None
        assert row["arm"].lower() == record.label
        assert row["validation accuracy"] == words.value(record.value)
        assert row["test accuracy"] == words.value(record.test_metrics["test_accuracy"])
        assert row["CPU s"] == f"{record.cpu_seconds:,.1f}"


def test_rates_and_losses_stand_side_by_side(page: Page, big_study: StudyRecord) -> None:
    """Each run a line of its name, in each half."""
    pictures = part(page, "curves").pictures
    assert all(picture.is_half for picture in pictures)
    labels = [picture.figure.axes[0].get_ylabel() for picture in pictures]
    assert labels == ["learning rate", "validation loss", "training loss", "validation accuracy"]
    assert big_study.best is not None
    for picture in pictures:
        named = [str(line.get_gid()) for line in picture.figure.axes[0].get_lines()]
        for label in (big_study.best.label, "baseline"):
            assert any(name.startswith(f"{label}: ") for name in named)
            assert f"{label}: " in picture.alt


def test_what_ended_early_has_its_reason(page: Page, big_study: StudyRecord) -> None:
    """Failed first, then diverged, then pruned, each once."""
    (table,) = part(page, "ended-early").tables
    found = rows(table)
    expected = {t.label: t for t in big_study.trials if t.state != "complete"}
    assert {row["run"].lower() for row in found} == expected.keys()
    assert len(found) == len(expected)
    states = list(dict.fromkeys(row["state"] for row in found))
    assert states == ["failed", "diverged", "pruned"]
    for row in found:
        trial = expected[row["run"].lower()]
        told = words.divergence(trial) if trial.divergence else trial.reason or ""
        assert row["why"].lower() == told.lower()


def test_where_it_comes_from_and_how_to_have_it_again(page: Page) -> None:
    """Versions, commit, digest, and commands with the study's own names."""
    facts = dict(part(page, "environment").facts)
    assert facts["keras"] == "3.15.1"
    assert facts["Git commit"] == "c" * 40 + ", with changes that were not committed"
    assert facts["Digest of the data"] == "d" * 64
    again = part(page, "reproduce")
    commands = [line for step in again.commands for line in step.splitlines()]
    run = "clr-sweep run sweep.yaml --study fashion-mnist --trials 50 --epochs 16 --seed 42"
    assert commands[1] == run  # whatever stood on the command line
    assert "clr-sweep report fashion-mnist" in commands
    assert again.fold is not None
    assert again.fold[1] == "name: example  # as written\n"


def test_versions_that_differ_between_runs_are_all_told(build: Any) -> None:
    """With how many runs had which."""
    trials = [
        dataclasses.replace(build.trial(n), provenance={"python": version, "packages": {}})
        for n, version in enumerate(["3.11.7", "3.12.1", "3.11.7"])
    ]
    facts = dict(part(study_page(build.study(trials)), "environment").facts)
    assert facts["Python"] == "3.11.7 (2 runs); 3.12.1 (1 run)"


def test_a_study_that_has_just_begun(build: Any) -> None:
    """Nothing complete, no baseline: it says so, and the page can be made."""
    study = build.study([build.trial(0, "running", 1), build.trial(1, "pruned", 2)], planned=9)
    page = study_page(study)
    assert page.status.startswith("Running, not the last word: 1 of 9 trials")
    assert page.verdict.sentences[0].startswith("No complete trial yet")
    assert page.verdict.figure is None
    assert "No trial is complete yet" in part(page, "arms").paragraphs[0]
    assert report_html(build.study([], planned=3)).count("<h2>") == 4


def test_while_nothing_is_tested_no_column_stands_empty(build: Any) -> None:
    """The test set comes at the end."""
    study = build.study([build.trial(0)], build.baseline(), planned=9)
    (table,) = part(study_page(study), "arms").tables
    assert not [name for name in table.head if name.startswith("test")]
    assert "none was tested yet" in study_page(study).verdict.notes[0]


def test_a_regression_is_told_in_its_own_words(build: Any) -> None:
    """No accuracy anywhere, neither in the texts nor in the figures."""
    objective = Objective(metric="val_mean_absolute_error", direction="minimize")

    def of(record: Any) -> Any:
        config = record.config.model_copy(update={"objective": objective})
        reports = tuple(
            dataclasses.replace(r, metrics={
                "loss": r.metrics["loss"], "val_loss": r.metrics["val_loss"],
                "val_mean_absolute_error": r.metrics["val_loss"] / 2,
            })
            for r in record.reports
        )  # fmt: skip
        last = dict(reports[-1].metrics)
        training = config.training.model_copy(update={"metrics": ("mean_absolute_error",)})
        config = config.model_copy(update={"training": training})
        return dataclasses.replace(
            record, config=config, reports=reports, metrics=last,
            value=last["val_mean_absolute_error"],
        )  # fmt: skip

    study = build.study(
        [of(build.trial(0)), of(build.trial(1, max_lr=0.2))], of(build.baseline()),
        metric="val_mean_absolute_error", direction="minimize",
    )  # fmt: skip
    page = study_page(study)
    assert part(page, "cost").title == "Mean absolute error against cost"
    assert "validation mean absolute error" in page.verdict.sentences[0]
    assert "accuracy" not in str(dataclasses.replace(page, verdict=Verdict(("x",)))).lower()
    assert "accuracy" not in report_html(study).lower()


def test_columns_without_a_value_are_left_out() -> None:
    """In all rows; one value keeps the column, at its own side."""
    table = Table("x", ("a", "b", "c"), (("1", "-", ""), ("2", "", "3")), "lrr")
    assert table.trimmed() == Table("x", ("a", "c"), (("1", ""), ("2", "3")), "lr")


def test_without_cycles_there_are_no_bounds_to_draw(build: Any) -> None:
    """Nor a column of half cycles."""
    trials = [build.trial(n, policy="linear", max_lr=0.1 * (n + 1)) for n in range(3)]
    search = part(study_page(build.study(trials)), "search")
    assert not any("bounds" in picture.alt for picture in search.pictures)
    assert "half cycle (epochs)" not in search.tables[0].head

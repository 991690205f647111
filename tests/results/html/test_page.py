"""The report's page as plain values: its numbers are those of the records."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
from compared_arms import compared, study_of
from written_sweeps import sweep

from clr_sweep.definition.sweep import Objective
from clr_sweep.results import words
from clr_sweep.results.comparison import compare
from clr_sweep.results.comparison_report import comparison_markdown
from clr_sweep.results.html.arms import arms_section, curves_section
from clr_sweep.results.html.page import study_page
from clr_sweep.results.html.render import report_html
from clr_sweep.results.html.views import Page, Section, Table, Verdict
from clr_sweep.results.rival_figures import Rival
from clr_sweep.results.verdict import verdict
from clr_sweep.search.arms import BASELINE
from clr_sweep.training.records import Importance, StudyRecord, StudySource

PARTS = ["asked", "arms", "curves", "cost", "search", "ended-early", "environment", "reproduce"]


def part(page: Page, anchor: str) -> Section:
    return next(section for section in page.sections if section.anchor == anchor)


def rows(table: Table) -> list[dict[str, str]]:
    """The rows of a table by the names of its columns."""
    return [dict(zip(table.head, row, strict=True)) for row in table.rows]


def described(study: StudyRecord, **changes: Any) -> StudyRecord:
    """The study with what it was made from."""
    data = {"digest": "d" * 64, "source": "/data", "train": 60000, "test": 10000}
    provenance = {
        "python": "3.11.7", "machine": "Linux x86_64", "git_commit": "c" * 40, "git_dirty": True,
        "packages": {"keras": "3.15.1", "clr-sweep": "0.1.0"},
    }  # fmt: skip
    return dataclasses.replace(
        study,
        source=StudySource(sweep(changes), "name: example  # as written\n", "sweep.yaml", data),
        trials=tuple(dataclasses.replace(t, provenance=provenance) for t in study.trials),
    )


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


def test_rivals_are_told_apart(build: Any) -> None:
    """Of seven, a comparison's by default, each stands beside the first in a panel of its own."""
    policies = ["triangular2", "cosine", "linear", "one_cycle", "constant", "constant", "constant"]
    arms = [
        Rival(f"arm {n}", build.trial(n, policy=policy, tested=True))
        for n, policy in enumerate(policies)
    ]
    study = build.study([arms[0].record])
    assert len(rows(arms_section(study, arms).tables[0])) == 7
    for picture in curves_section(study, arms).pictures:
        panels = picture.figure.axes
        assert [panel.get_title(loc="left") for panel in panels] == [one.label for one in arms[1:]]
        for panel, rival in zip(panels, arms[1:], strict=True):
            named = [line for line in panel.get_lines() if str(line.get_gid()).startswith("arm ")]
            assert [line.get_gid() for line in named] == [arms[0].label, rival.label]
            looks = {(line.get_color(), str(line.get_linestyle())) for line in named}
            assert len(looks) == 2


def test_a_compared_study() -> None:
    """The verdict over fresh seeds is first, its figure beside it; then every answer, in tables."""
    finals = {"CLR": [0.9, 0.91, 0.92], "constant": [0.5, 0.52, 0.51], BASELINE: [0.1, 0.1, 0.12]}
    study = study_of(compared(finals))
    found = verdict(study)
    assert found is not None
    page = study_page(study)
    assert page.verdict.sentences[0] == found.headline
    assert page.verdict.notes == found.notes
    assert page.verdict.figure is not None
    arms = part(page, "arms")
    assert arms.paragraphs == found.answers
    captions = [table.caption for table in arms.tables]
    assert captions == ["On the test set", "The answers, in points", "What it cost"]
    assert [row["arm"] for row in rows(arms.tables[0])] == [
        "CLR", "constant", "The untuned baseline"
    ]  # fmt: skip
    html = report_html(study)
    assert found.headline in html
    assert "clr-sweep compare tiny" in html


def test_how_it_was_compared_stands_there_and_is_repeated() -> None:
    """Rivals, trials, seeds and margin in words; and the command with the options of this one."""
    first = "CLR, first 3 trials"
    finals = {
        "CLR": [0.9, 0.91], first: [0.9, 0.91], "constant": [0.5, 0.52], "cosine": [0.6, 0.5],
        BASELINE: [0.1, 0.2],
    }  # fmt: skip
    arms = {"cosine": {"trials": 3}, first: {"trials": 3}}
    source = StudySource(sweep(), file="tiny.yaml")
    page = study_page(study_of(compared(finals, arms=arms, margin=0.01), source=source))
    said = dict(part(page, "asked").facts)["Comparison"]
    assert "constant (5 trials), cosine (3 trials)" in said
    assert "; 2 fresh seeds for the finals; equivalent within 1.00 points" in said
    commands = " ".join(part(page, "reproduce").commands)
    assert "tiny --rivals constant,cosine --trials cosine=3 --finalists 1 --finalist-s" in commands
    assert "--seeds 2 --margin 0.01 --searches 1" in commands


def test_finals_that_were_lost_are_told_with_their_reason() -> None:
    """Beside the trials of the search."""
    study = compared({"CLR": [0.9, "failed"], "constant": ["diverged", 0.5], BASELINE: [0.1, 0.2]})
    trials = tuple(
        dataclasses.replace(trial, reason="the machine is on fire") if trial.state == "failed"
        else trial
        for trial in study.trials
    )  # fmt: skip
    page = study_page(study_of(dataclasses.replace(study, trials=trials)))
    found = {row["run"]: row for row in rows(part(page, "ended-early").tables[0])}
    assert found["Final 2 of tiny trial 0"]["why"] == "The machine is on fire"
    assert found["Final 1 of tiny.constant trial 0"]["state"] == "diverged"


def test_a_warning_of_wrong_rates_stands_beside_a_verdict_too() -> None:
    """Whichever training used them."""
    study = compared({"CLR": [0.9, 0.8], "constant": [0.5, 0.6], BASELINE: [0.1, 0.2]})
    wrong = dataclasses.replace(study.trials[1], learning_rate_deviation=0.01)
    broken = dataclasses.replace(study, trials=(study.trials[0], wrong, *study.trials[2:]))
    assert not any("Warning" in one for one in study_page(study_of(study)).verdict.sentences)
    assert any("Warning" in one for one in study_page(study_of(broken)).verdict.sentences)
    assert "Warning" in comparison_markdown(broken)


def test_each_search_is_a_row() -> None:
    """Its winners' means: what a sentence about classes is made of."""
    made = [
        compared({"CLR": [0.9 + n / 100, 0.9], "constant": [0.5, "failed"], BASELINE: [0.1, 0.2]})
        for n in range(3)
    ]
    page = study_page(study_of(made[0], searches=tuple(made)))
    table = part(page, "arms").tables[-1]
    assert table.caption == "The winners of each search on the test set"
    assert [row["CLR"] for row in rows(table)] == ["0.9000", "0.9050", "0.9100"]
    assert {row["constant"] for row in rows(table)} == {"0.5000"}
    alone = study_page(study_of(made[0]))
    assert table.caption not in [one.caption for one in part(alone, "arms").tables]


def test_a_search_for_a_comparison_has_no_baseline(build: Any) -> None:
    """None is trained, so none is told."""
    study = described(build.study([build.trial(0)], build.baseline()))
    assert "Baseline" in dict(part(study_page(study), "asked").facts)
    search = study_page(dataclasses.replace(study, is_tested=False))
    assert "Baseline" not in dict(part(search, "asked").facts)


def test_a_line_of_a_compared_study_is_one_seed_and_says_so(build: Any) -> None:
    """Of the study by itself each line is named; of a winner it would be taken for all seeds."""
    finals = {"CLR": [0.9, 0.91], "constant": [0.5, 0.52], BASELINE: [0.1, 0.1]}
    made = compared(finals)
    trials = tuple(
        dataclasses.replace(trial, reports=build.trial(0).reports) for trial in made.trials
    )
    study = build.study([build.trial(0)], build.baseline())
    assert not part(study_page(study), "curves").paragraphs
    one = dataclasses.replace(study, comparisons=(dataclasses.replace(made, trials=trials),))
    [told] = part(study_page(one), "curves").paragraphs
    assert "the first seed of the finals" in told


def test_a_search_that_a_comparison_made_is_reproduced_from_its_own_sweep(build: Any) -> None:
    """It stands in no file, and is a rival: nothing is to be compared with it."""
    study = described(build.study([build.trial(0)]))
    assert study.source is not None
    study = dataclasses.replace(study, source=dataclasses.replace(study.source, file=""))
    again = part(study_page(study), "reproduce")
    commands = "\n".join(again.commands)
    assert "from the file below, saved as sweep.yaml\nclr-sweep run sweep.yaml" in commands
    assert "clr-sweep compare" not in commands
    assert again.fold is not None
    assert again.fold[0] == "The sweep, as it was made"


def test_a_comparison_before_its_finals(build: Any) -> None:
    """It says that it has not ended; the curves are those of the study by itself."""
    begun = compared({"CLR": [None] * 3, "constant": [None] * 3, BASELINE: [None] * 3})
    study = build.study([build.trial(0)], build.baseline())
    by_itself = part(study_page(study), "curves").pictures
    page = study_page(dataclasses.replace(study, comparisons=(begun,)))
    assert "has not ended" in page.verdict.sentences[0]
    pictures = part(page, "curves").pictures
    assert [picture.alt for picture in pictures] == [picture.alt for picture in by_itself]


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

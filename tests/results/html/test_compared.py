"""The page of a study that was compared: its numbers are those of the records."""

from __future__ import annotations

import dataclasses
from typing import Any

from compared_arms import compared, study_of
from report_pages import described, part, rows
from written_sweeps import sweep

from clr_sweep.results.comparison_report import comparison_markdown
from clr_sweep.results.html.arms import arms_section, curves_section
from clr_sweep.results.html.page import study_page
from clr_sweep.results.html.render import report_html
from clr_sweep.results.rival_figures import Rival
from clr_sweep.results.verdict import verdict
from clr_sweep.search.arms import BASELINE
from clr_sweep.training.records import StudySource


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


def test_no_comparison_that_cannot_be_judged_is_among_the_commands(build: Any) -> None:
    """What evaluates the trials gives no number of the objective."""
    best = build.trial(0)
    own = {"function": "own:train", "evaluate": "own:test"}
    training = best.config.training.model_copy(update=own)
    config = best.config.model_copy(update={"training": training})
    for metric in ("accuracy", "loss"):
        told = dataclasses.replace(best, config=config, test_metrics={f"test_{metric}": 0.5})
        again = part(study_page(described(build.study([told]))), "reproduce")
        assert ("clr-sweep compare" in "\n".join(again.commands)) == (metric == "accuracy")


def test_a_comparison_before_its_finals(build: Any) -> None:
    """It says that it has not ended; the curves are those of the study by itself."""
    begun = compared({"CLR": [None] * 3, "constant": [None] * 3, BASELINE: [None] * 3})
    study = build.study([build.trial(0)], build.baseline())
    by_itself = part(study_page(study), "curves").pictures
    page = study_page(dataclasses.replace(study, comparisons=(begun,)))
    assert "has not ended" in page.verdict.sentences[0]
    pictures = part(page, "curves").pictures
    assert [picture.alt for picture in pictures] == [picture.alt for picture in by_itself]

"""What a comparison found, on the page of the study that was compared."""

from __future__ import annotations

from collections.abc import Sequence

from clr_sweep.results import words
from clr_sweep.results.arms import ArmResult, shown_arms
from clr_sweep.results.comparison_tables import gain_sentence, search_rows, tables
from clr_sweep.results.html.views import Section, Table, Verdict
from clr_sweep.results.rival_figures import Rival
from clr_sweep.results.verdict import verdict
from clr_sweep.results.verdict_figure import verdict_figure
from clr_sweep.results.warnings import warnings
from clr_sweep.training.records import StudyRecord, TrialRecord

ONE_SEED = (
    "Each line is one training of an arm's winner, with the first seed of the finals; the verdict "
    "is of all seeds."
)
# Columns of words; all others are of numbers.
_TEXTS = ("arm", "winner", "CLR against", "answer", "schedule", "search", "wins")


def compared_verdict(study: StudyRecord) -> Verdict | None:
    """The verdict over fresh seeds; None of a study that was not compared."""
    found = verdict(study)
    if found is None:
        return None
    last = study.comparisons[-1]
    beside = (gain_sentence(last), *warnings(study), *warnings(last))
    sentences = (found.headline, *filter(None, beside))
    return Verdict(sentences, verdict_figure(last), found.notes)


def compared_rivals(study: StudyRecord) -> tuple[Rival, ...]:
    """A training of each arm's winner, CLR's first: the first seed of the finals."""
    return tuple(
        Rival(_label(arm, arm.example), arm.example)
        for arm in shown_arms(study.comparisons[-1])
        if arm.example is not None
    )


def compared_section(study: StudyRecord) -> Section:
    """The answers in full; the arms, the finalists and the costs in tables."""
    found = verdict(study)
    shown = dict(tables(study.comparisons[-1]))
    if study.searches:
        shown["The winners of each search on the test set"] = search_rows(study.searches)
    in_numbers = tuple(
        Table(title, tuple(head), tuple(map(tuple, rows)), _sides(head))
        for title, (head, rows) in shown.items()
    )
    return Section("arms", "The arms", found.answers if found else (), tables=in_numbers)


def _label(arm: ArmResult, example: TrialRecord) -> str:
    schedule = words.bounds(example)
    return schedule if arm.arm.kind == "rival" else f"{arm.arm.title}: {schedule}"


def _sides(head: Sequence[str]) -> str:
    return "".join("l" if name in _TEXTS else "r" for name in head)

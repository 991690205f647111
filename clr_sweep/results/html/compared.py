"""What a comparison found, on the page of the study that was compared."""

from __future__ import annotations

from clr_sweep.results import words
from clr_sweep.results.arms import shown_arms
from clr_sweep.results.comparison_tables import gain_sentence, tables
from clr_sweep.results.html.views import Section, Table, Verdict
from clr_sweep.results.rival_figures import Rival
from clr_sweep.results.verdict import verdict
from clr_sweep.results.verdict_figure import verdict_figure
from clr_sweep.training.records import StudyRecord


def compared_verdict(study: StudyRecord) -> Verdict | None:
    """The verdict over fresh seeds; None of a study that was not compared."""
    found = verdict(study)
    if found is None:
        return None
    last = study.comparisons[-1]
    gained = gain_sentence(last)
    answers = (*found.answers, *([gained] if gained else []))
    return Verdict((found.headline, *answers), verdict_figure(last), None, found.notes)


def compared_rivals(study: StudyRecord) -> tuple[Rival, ...]:
    """A training of each arm's winner, CLR's first: the first seed of the finals."""
    return tuple(
        Rival(f"{words.capital(arm.arm.name)}: {words.bounds(arm.example)}", arm.example)
        for arm in shown_arms(study.comparisons[-1])
        if arm.example is not None
    )


def compared_section(study: StudyRecord) -> Section:
    """The arms, the answers, the finalists and the costs, in tables."""
    found = tuple(
        Table(title, tuple(head), tuple(map(tuple, rows)), "ll" + "r" * (len(head) - 2))
        for title, (head, rows) in tables(study.comparisons[-1])
    )
    return Section("arms", "The arms", tables=found)

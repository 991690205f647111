"""The page of a study, from what is stored alone."""

from __future__ import annotations

from collections.abc import Mapping

from clr_sweep.results import words
from clr_sweep.results.html.arms import arms_section, cost_section, curves_section, verdict_of
from clr_sweep.results.html.asked import asked_section
from clr_sweep.results.html.compared import (
    ONE_SEED,
    compared_rivals,
    compared_section,
    compared_verdict,
)
from clr_sweep.results.html.origin import (
    environment_section,
    range_test_section,
    reproduce_section,
)
from clr_sweep.results.html.search import ended_early_section, search_section
from clr_sweep.results.html.views import Page
from clr_sweep.results.rival_figures import best_and_baseline
from clr_sweep.training.records import Importance, StudyRecord


def study_page(
    study: StudyRecord,
    importances: Mapping[str, Importance] | None = None,
) -> Page:
    """What the page shows, in the order in which it does; parts with nothing to show are left out.

    Args:
        importances: of the hyperparameters, where they are known.
    """
    # Of a comparison the winners; before its finals, and of a study by itself, the best trial and
    # the baseline.
    verdict = compared_verdict(study)
    winners = compared_rivals(study) if verdict else ()
    rivals, lines = (winners, ONE_SEED) if winners else (best_and_baseline(study), "")
    sections = (
        asked_section(study),
        compared_section(study) if verdict else arms_section(study, rivals),
        curves_section(study, rivals, lines),
        cost_section(study, rivals),
        search_section(study, importances or {}),
        ended_early_section(study),
        range_test_section(study),
        environment_section(study),
        reproduce_section(study),
    )
    return Page(
        title=study.name,
        status=_status(study),
        verdict=verdict or verdict_of(study),
        sections=tuple(section for section in sections if not section.is_empty),
    )


def _status(study: StudyRecord) -> str:
    counts = words.counts(study, study.planned)
    if study.state == "complete":
        return f"{words.capital(counts)}."
    reason = f" ({study.reason})" if study.reason else ""
    return f"{words.capital(study.state)}{reason}, not the last word: {counts}."

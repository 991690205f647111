"""The report of a comparison for MLflow's pages: the verdict first, then what it stands on."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from clr_sweep.results import words
from clr_sweep.results.comparison_tables import gain_sentence, tables
from clr_sweep.results.markdown import LIMIT, inline, table
from clr_sweep.results.verdict import verdict
from clr_sweep.results.warnings import warnings
from clr_sweep.training.records import StudyRecord


def comparison_markdown(study: StudyRecord, links: str = "") -> str:
    """The report of a comparison, for the page of the run that its trainings lie below.

    Args:
        study: that holds the trainings.
        links: Markdown that stands below the verdict.

    Returns:
        Markdown of fewer than 8000 characters: where it would be longer, the last tables are left
        out.
    """
    sections = list(_sections(study, links))
    while len(text := "\n\n".join(sections)) >= LIMIT and len(sections) > 1:
        sections.pop()
    return text


def verdict_markdown(study: StudyRecord) -> str:
    """The verdict on a study that was compared, in a sentence; else an empty text."""
    found = verdict(study)
    return "" if found is None else f"**{inline(found.headline)}**"


def _sections(study: StudyRecord, links: str) -> Iterator[str]:
    record = study.comparison
    assert record is not None
    found = verdict(replace(study, comparison=None, name=record.of, comparisons=(study,)))
    assert found is not None
    yield "  \n".join([f"**{inline(found.headline)}**", *([links] if links else [])])
    yield "\n".join(f"- {inline(answer)}" for answer in found.answers)
    if gained := gain_sentence(study):
        yield inline(gained)
    for warning in warnings(study):
        yield f"**{inline(warning)}**"
    for title, (head, rows) in tables(study):
        yield f"## {title}"
        yield table(head, [[inline(cell) for cell in row] for row in rows])
    if found.notes:
        yield "## Notes"
        yield "\n".join(f"- {inline(note)}" for note in found.notes)
    yield f"{words.counts(study, study.planned)}."

"""The report's page, taken apart."""

from __future__ import annotations

import dataclasses
from typing import Any

from written_sweeps import sweep

from clr_sweep.results.html.views import Page, Section, Table
from clr_sweep.training.records import StudyRecord, StudySource


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

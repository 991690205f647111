"""From what a page shows to the file: one, that asks for nothing else."""

from __future__ import annotations

from collections.abc import Mapping

from jinja2 import Environment, PackageLoader, StrictUndefined

from clr_sweep.common.secrets import hidden
from clr_sweep.results.html import pictures
from clr_sweep.results.html.page import study_page
from clr_sweep.results.html.views import Page
from clr_sweep.training.records import Importance, StudyRecord

_TITLE = ": clr-sweep report"
"""What the title of each page ends with."""


def report_html(study: StudyRecord, importances: Mapping[str, Importance] | None = None) -> str:
    """The report of a study as one HTML file; the same study gives the same text."""
    return render(study_page(study, importances))


def is_report(text: str) -> bool:
    """Whether a file's text is the report of a study, by its title."""
    return f"{_TITLE}</title>" in text


def render(page: Page) -> str:
    """A page as HTML; every text in it is shown as it is, but for secrets in addresses."""
    templates = Environment(
        loader=PackageLoader("clr_sweep.results.html", "."),
        autoescape=True,
        finalize=_without_secrets,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    templates.filters |= {"address": pictures.address, "size": pictures.size}
    return templates.get_template("report.html.jinja").render(page=page, after_title=_TITLE)


def _without_secrets(value: object) -> object:
    # What is HTML already has passed through here.
    return hidden(value) if isinstance(value, str) and not hasattr(value, "__html__") else value

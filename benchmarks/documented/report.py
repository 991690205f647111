"""The report of the comparison on the full data, as `clr-sweep report` would write it."""

from __future__ import annotations

from pathlib import Path

from benchmarks.documented.kept import COMPARED, read
from clr_sweep.results.html.render import report_html
from clr_sweep.search.importances import importances

FILE = Path(__file__).parents[2] / "docs" / "report-fashion-mnist.html"


def write_report() -> Path:
    """Write it from the kept run."""
    study = read(COMPARED).study
    FILE.write_text(report_html(study, importances(study)), encoding="utf-8")
    return FILE

"""`clr-sweep report`: a stored study as one HTML file."""

from __future__ import annotations

from pathlib import Path

from clr_sweep.commands.output import Replaceable, refuse_output, write_output
from clr_sweep.commands.stored_study import find_study
from clr_sweep.common.errors import InputError
from clr_sweep.results.html.render import is_report, report_html
from clr_sweep.search.importances import importances
from clr_sweep.search.lost_files import warn_of_lost
from clr_sweep.study.killed_driver import study_as_run
from clr_sweep.study.store_errors import plain_storage_errors
from clr_sweep.tracking.which_store import StoreChoice
from clr_sweep.training.records import StudyRecord

_REPLACEABLE = Replaceable("a report of clr-sweep's", is_report)


def write_report(
    study_or_run: str, url: str | None, choice: StoreChoice, output: Path | None = None
) -> Path:
    """Write the report of a study; it may still be running.

    Args:
        study_or_run, url, choice: as for `find_study`.
        output: the file; None: NAME.html in the current folder.

    Returns:
        The file that was written.

    Raises:
        InputError: there is no such study or run, or the file cannot be written, or
            holds something else than a report.
        StoreError: a store cannot be used.
    """
    with plain_storage_errors(url):
        study = study_as_run(find_study(study_or_run, url, choice))
    return written_report(study, output)


def written_report(record: StudyRecord, output: Path | None = None) -> Path:
    """Write the report of a study that was read; arguments and errors as for `write_report`."""
    if record.comparison is not None:
        raise InputError(
            f"study {record.name!r} holds the trainings of a comparison, which the report of "
            f"{record.comparison.of!r} shows"
        )
    file = output or Path(f"{record.name}.html")
    refuse_output(file, _REPLACEABLE)  # drawing takes seconds
    warn_of_lost(record)
    write_output(file, report_html(record, importances(record)), _REPLACEABLE)
    return file

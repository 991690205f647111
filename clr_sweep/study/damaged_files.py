"""Files of a trial's folder that are not there, or not what they should be."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator

from clr_sweep.search.lost_files import lost_files
from clr_sweep.training.folder import TrialFolder
from clr_sweep.training.records import TrialRecord


def unreadable_files(folder: TrialFolder) -> Iterator[str]:
    """What is there and cannot be read."""
    for file, read in (
        (folder.path / "result.json", folder.result),
        (folder.curve_file, lambda: zipfile.ZipFile(folder.curve_file).close()),
        (folder.model_file, lambda: zipfile.ZipFile(folder.model_file).close()),
    ):
        try:
            if file.exists():
                read()
        except (ValueError, LookupError, TypeError, OSError, EOFError, zipfile.BadZipFile) as error:
            why = str(error).split("\n")[0]
            yield f"{file} cannot be read ({why}): put it back or remove it, then look again"


def missing_files(record: TrialRecord) -> Iterator[str]:
    """What the folder of a trial that has ended should hold, and does not."""
    folder = TrialFolder(record.folder)
    if not record.has_ended or record.state == "failed":
        return
    yield from (f"its file {name} is gone" for name in lost_files(record))
    result = folder.result()
    if result is not None and (result.value, result.metrics) != (record.value, record.metrics):
        yield (
            f"result.json says {result.value} and {dict(result.metrics)}, the study "
            f"{record.value} and {dict(record.metrics)}"
        )
    if result is not None and result.epochs != len(record.reports):
        yield f"epochs.jsonl has {len(record.reports)} epochs, result.json {result.epochs}"

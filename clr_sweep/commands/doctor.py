"""`clr-sweep doctor`: do the study, the trials' folders and MLflow agree, and if not, mend it."""

from __future__ import annotations

from clr_sweep.common.scratch import scratch_folder
from clr_sweep.search import storage
from clr_sweep.search.reading import stored_tracking
from clr_sweep.study.examination import Examination, Findings
from clr_sweep.study.store_errors import plain_storage_errors, plain_tracker_errors
from clr_sweep.tracking.which_store import StoreChoice


def report(
    name: str | None, url: str | None, choice: StoreChoice, *, fix: bool
) -> tuple[str, bool]:
    """What `examine` finds, for people.

    Returns:
        The lines, and whether nothing is wrong, or left wrong after mending.
    """
    with scratch_folder():
        findings = examine(name, url, choice, fix=fix)
    if not findings:
        return "the storage holds no study of clr-sweep", True
    lines = [line for found in findings for line in found.lines(fixed=fix)]
    return "\n".join(lines), not any(
        found.lost or (found.mendable and not fix) for found in findings
    )


def examine(name: str | None, url: str | None, choice: StoreChoice, *, fix: bool) -> list[Findings]:
    """Look at one study, or at all that the storage holds.

    Args:
        name: of the study; None is all.
        url: of the study storage; None is the default one.
        choice: of MLflow's store.
        fix: mend what can be mended.

    Raises:
        InputError: there is no such study.
        StoreError: a store cannot be used.
    """
    found = []
    with plain_storage_errors(url):
        store = storage.open_storage(url or storage.DEFAULT_STORAGE, must_exist=True)
        studies = [storage.load_study(store, name)] if name else list(storage.own_studies(store))
        for study in studies:
            uri = choice.uri(stored_tracking(study), f"study {study.study_name!r}")
            with plain_tracker_errors(uri):
                found.append(Examination(store, study, url, uri, fix=fix).findings())
    return found

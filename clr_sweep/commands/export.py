"""`clr-sweep export`: the best configuration of a stored study, found by name or by run."""

from __future__ import annotations

import re
from pathlib import Path

from clr_sweep.common.errors import InputError, StoreError
from clr_sweep.results.export import Origin, as_yaml, best_trial
from clr_sweep.search import storage
from clr_sweep.search.attributes import FACTS, STUDY_ID
from clr_sweep.search.reading import read_study

_RUN_ID = re.compile(r"^[0-9a-f]{32}$")


def export_study(
    study_or_run: str, number: int | None, url: str | None, output: Path | None = None
) -> str:
    """The YAML of a trial, written to a file where one is given.

    Args:
        study_or_run: the study's name, or the id of its parent run (or of one of its children).
        number: the trial; the best one if None.
        url: the study storage; if None, the one that the run names, or the default.
        output: the file.

    Raises:
        InputError: there is no such study, run or trial, or the file cannot be written.
        StoreError: a store cannot be used.
    """
    name, study_id = study_or_run, None
    if _RUN_ID.match(study_or_run):
        name, study_id, found = _study_of_run(study_or_run)
        url = url or found
    store = storage.open_storage(url or storage.DEFAULT_STORAGE, must_exist=True)
    study = storage.load_study(store, name)
    if study_id is not None and study.user_attrs.get(STUDY_ID, study_id) != study_id:
        raise InputError(
            f"the run {study_or_run} is of a study {name!r} that is not in the storage: the one of "
            "this name there is another (name the storage of the run's with --storage)"
        )
    record = read_study(study)
    if number is None:
        trial = best_trial(record)
    else:
        trials = {t.number: t for t in record.trials}
        if number not in trials:
            raise InputError(f"study {name!r} has no trial {number} (0 to {len(trials) - 1})")
        trial = trials[number]
    digest = study.user_attrs[FACTS].get("data_digest")
    run_id = _run_of_trial(study.user_attrs.get(STUDY_ID, ""), trial.number)
    origin = Origin(run_id, digest, trial.provenance)
    text = as_yaml(record, trial, origin)
    if output is not None:
        try:
            output.write_text(text, encoding="utf-8")
        except OSError as error:
            raise InputError(f"cannot be written: {error.strerror}", str(output)) from None
    return text


def _study_of_run(run_id: str) -> tuple[str, str | None, str | None]:
    """The study's name, its id and its storage, as far as the run tells."""
    from clr_sweep.common.secrets import HIDDEN, hidden_address
    from clr_sweep.tracking import tags
    from clr_sweep.tracking.find_runs import tags_of_run
    from clr_sweep.tracking.store import connect, tracking_uri

    uri = tracking_uri()
    client = connect(uri)
    found = tags_of_run(client, run_id)
    if found is None or tags.STUDY not in found:
        raise InputError(
            f"no run {run_id} of a clr-sweep study in the MLflow store {hidden_address(uri)}"
        )
    # It stands on the parent.
    url = (tags_of_run(client, found.get(tags.PARENT, run_id)) or found).get(tags.STORAGE)
    # A password is not kept in a tag: such a storage has to be named.
    return (
        found[tags.STUDY],
        found.get(tags.STUDY_ID),
        None if url is None or HIDDEN in url else url,
    )


def _run_of_trial(study_id: str, number: int | None) -> str | None:
    """The trial's run id, or None where the store cannot be asked: the rest is worth having."""
    from clr_sweep.tracking.find_runs import find_trial
    from clr_sweep.tracking.store import connect, tracking_uri

    try:
        return find_trial(connect(tracking_uri()), study_id, number)
    except StoreError:
        return None

"""A stored study, found by its name or by one of its runs."""

from __future__ import annotations

import re

import optuna

from clr_sweep.common.door import option
from clr_sweep.common.errors import InputError
from clr_sweep.search import storage
from clr_sweep.search.attributes import STUDY_ID
from clr_sweep.tracking.which_store import VARIABLE, StoreChoice

_RUN_ID = re.compile(r"^[0-9a-f]{32}$")


def find_study(study_or_run: str, url: str | None, choice: StoreChoice) -> optuna.Study:
    """The study of this name, or of this run.

    Args:
        study_or_run: the study's name, or the id of its parent run (or of one of its children).
        url: the study storage; if None, the one that the run names, or the default.
        choice: of MLflow's store, which is asked for a run.

    Raises:
        InputError: there is no such study or run.
        StoreError: a store cannot be used.
    """
    name, study_id = study_or_run, None
    if _RUN_ID.match(study_or_run):
        name, study_id, found = _study_of_run(study_or_run, choice.uri())
        url = url or found
    store = storage.open_storage(url or storage.DEFAULT_STORAGE, must_exist=True)
    study = storage.load_study(store, name)
    if study_id is not None and study.user_attrs.get(STUDY_ID, study_id) != study_id:
        raise InputError(
            f"the run {study_or_run} is of a study {name!r} that is not in the storage: the one of "
            f"this name there is another (name the storage of the run's with {option('--storage')})"
        )
    return study


def _study_of_run(run_id: str, uri: str) -> tuple[str, str | None, str | None]:
    """The study's name, its id and its storage, as far as the run tells."""
    from clr_sweep.common.secrets import HIDDEN, hidden_address
    from clr_sweep.tracking import tags
    from clr_sweep.tracking.find_runs import tags_of_run
    from clr_sweep.tracking.store import connect

    client = connect(uri)
    found = tags_of_run(client, run_id)
    if found is None or tags.STUDY not in found:
        raise InputError(
            f"no run {run_id} of a clr-sweep study in the MLflow store {hidden_address(uri)}: name "
            f"the store that it is in with {option('--tracking-uri')} or in {VARIABLE}"
        )
    # It stands on the parent.
    url = (tags_of_run(client, found.get(tags.PARENT, run_id)) or found).get(tags.STORAGE)
    # A password is not kept in a tag: such a storage has to be named.
    return (
        found[tags.STUDY],
        found.get(tags.STUDY_ID),
        None if url is None or HIDDEN in url else url,
    )

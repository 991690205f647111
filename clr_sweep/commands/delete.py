"""`clr-sweep delete`: a study, with its folders and its runs in MLflow."""

from __future__ import annotations

from collections.abc import Callable

from mlflow.tracking import MlflowClient

from clr_sweep.common.secrets import hidden_address
from clr_sweep.common.sqlite_files import is_missing
from clr_sweep.definition.storage_urls import sqlite_file
from clr_sweep.search import storage
from clr_sweep.search.reading import stored_tracking
from clr_sweep.study.deletion import compared_with, delete, held, refuse_registered, whole_study
from clr_sweep.study.store_errors import plain_storage_errors, plain_tracker_errors
from clr_sweep.tracking.store import connect
from clr_sweep.tracking.which_store import StoreChoice


def delete_study(
    name: str,
    url: str | None,
    choice: StoreChoice,
    say: Callable[[str], None],
    may_go_on: Callable[[], bool],
) -> bool:
    """Delete a study and the studies that its comparisons are made of.

    Args:
        url: of the study storage; None is the default one.
        choice: of MLflow's store.
        say: shows what will be deleted.
        may_go_on: asked after that.

    Returns:
        Whether it was deleted.

    Raises:
        InputError: there is no such study, a process runs it, or a model of it is registered.
        StoreError: a store cannot be used.
    """
    with plain_storage_errors(url):
        store = storage.open_storage(url or storage.DEFAULT_STORAGE, must_exist=True)
        study = storage.load_study(store, name, half_deleted=True)
        uri = choice.uri(stored_tracking(study), f"study {name!r}")
        with plain_tracker_errors(uri):
            client = _client(uri)
            doomed = whole_study(store, name, client)
            with held(store, url, doomed):
                refuse_registered(client, doomed)
                lines = [line for one in doomed for line in one.lines()]
                if (whole := compared_with(store, study)) is not None:
                    lines.append(f"study {whole!r} stays, whose comparison this is a part of")
                where = f"nothing in MLflow: there is no store {hidden_address(uri)}"
                say("\n".join(["this will be deleted:", *lines, *([] if client else [where])]))
                if not may_go_on():
                    return False
                for one in doomed:
                    delete(store, one, client)
    return True


def _client(uri: str) -> MlflowClient | None:
    """None where the store is a file that is not there, which connecting would make."""
    file = sqlite_file(uri)
    return None if file is not None and is_missing(file) else connect(uri, as_it_is=True)

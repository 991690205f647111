"""A store that fails on the way, in words that name it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from optuna.exceptions import StorageInternalError
from requests import RequestException
from sqlalchemy.exc import SQLAlchemyError

from clr_sweep.common.errors import StoreError
from clr_sweep.common.secrets import hidden_address
from clr_sweep.common.sqlite_files import with_cure
from clr_sweep.definition.storage_urls import sqlite_file
from clr_sweep.search import storage
from clr_sweep.tracking.tracker_errors import of_mlflow


@contextlib.contextmanager
def plain_storage_errors(url: str | None) -> Iterator[None]:
    """Raise a StoreError for what Optuna's storage raises.

    Args:
        url: of the study's storage; None is the default one.
    """
    try:
        yield
    except (StorageInternalError, SQLAlchemyError) as error:
        used = url or storage.DEFAULT_STORAGE
        why = with_cure(str(error.__cause__ or error).split("\n")[0], sqlite_file(used))
        raise StoreError(f"the study storage {hidden_address(used)} failed: {why}") from error


@contextlib.contextmanager
def plain_tracker_errors(uri: str) -> Iterator[None]:
    """Raise a StoreError for what MLflow's store raises, and the storage of its files.

    Args:
        uri: of the store.
    """
    try:
        yield
    except of_mlflow(RequestException) as error:
        why = with_cure(str(error).split("\n")[0], sqlite_file(uri))
        raise StoreError(f"the MLflow store {hidden_address(uri)} failed: {why}") from error

"""A new SQLite store for MLflow, which has its name only when it is whole."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from clr_sweep.common import file_locks
from clr_sweep.definition.storage_urls import with_file


def make_database(file: Path) -> None:
    """Make the store, and the folders above it as MLflow does, if there is none.

    MLflow makes its tables in many steps; killed between two of them it leaves a file that it
    will not open again.

    Raises:
        OSError: the folder cannot be written.
    """
    if _is_made(file):
        return
    # Takes a second, which a store that is there, or a server, need not wait for.
    from mlflow.store.tracking import DEFAULT_LOCAL_FILE_AND_ARTIFACT_PATH
    from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore

    file.parent.mkdir(parents=True, exist_ok=True)
    # Whole: MLflow keeps each store in mind by its address.
    part = file.absolute().with_name(f"{file.name}.part")
    with _held(part):
        if _is_made(file):  # by another process meanwhile
            return
        # What one that was killed left.
        part.write_bytes(b"")
        file.with_name(f"{part.name}-journal").unlink(missing_ok=True)
        address = with_file("sqlite:///", part)
        store = SqlAlchemyStore(address, DEFAULT_LOCAL_FILE_AND_ARTIFACT_PATH)
        store.engine.dispose()
        if not _is_made(file):  # by MLflow itself
            os.replace(part, file)


def _is_made(file: Path) -> bool:
    # SQLite makes an empty file when it is merely looked at.
    return file.exists() and file.stat().st_size > 0


@contextlib.contextmanager
def _held(part: Path) -> Iterator[None]:
    """One process at a time; the file goes with the block."""
    with part.open("ab") as file:
        file_locks.wait_for_lock(file)
        try:
            yield
        finally:
            part.unlink(missing_ok=True)

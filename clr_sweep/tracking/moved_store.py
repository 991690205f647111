"""A SQLite store of MLflow's, moved or copied with its files, that names them by where it was.

MLflow stores every artifact's place whole: in a copy it would read and write those of the original.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote, unquote, urlsplit

from clr_sweep.definition.storage_urls import sqlite_file, with_file
from clr_sweep.tracking import tags

# What MLflow calls the folder of its files, in the folder that it was started in.
_FILES = "mlruns"
# Where MLflow stores the places of files.
_COLUMNS = (
    ("experiments", "artifact_location"),
    ("runs", "artifact_uri"),
    ("logged_models", "artifact_location"),
    ("model_versions", "source"),
    ("model_versions", "storage_location"),
    ("trace_tags", "value"),
)


def moved_from(file: Path) -> list[Path]:
    """The folders that a store names its files by, though they lie beside it: where it was.

    They are known by the runs: a folder of a run's number, which no other store gives, has to be
    there. That an experiment of another store has the same number proves nothing.

    Args:
        file: the store's.
    """
    if not os.path.isfile(file):
        return []
    # What is no database, locked, or not to be read here, MLflow is asked about next: it says so.
    with contextlib.suppress(sqlite3.Error), _opened(file, "ro") as connection:
        return list(dict.fromkeys(_former(connection, file.absolute().parent)))
    return []


def follow(file: Path) -> list[Path]:
    """Let a store name the files beside it, where it names those of a place where it was.

    Returns:
        Where it was: nothing, as a rule.

    Raises:
        sqlite3.Error: it cannot be written.
    """
    former, here = moved_from(file), file.absolute().parent
    if former:
        with _opened(file, "rw") as connection, connection:
            for before in former:
                _rename(connection, before, here)
    return former


@contextlib.contextmanager
def _opened(file: Path, mode: str) -> Iterator[sqlite3.Connection]:
    address = f"file:{quote(str(file.absolute()))}?mode={mode}"
    with contextlib.closing(sqlite3.connect(address, uri=True, timeout=60)) as connection:
        yield connection


def _former(connection: sqlite3.Connection, here: Path) -> Iterator[Path]:
    if not _has(connection, "experiments") or not _has(connection, "runs"):
        return
    for number, location in connection.execute(
        "SELECT experiment_id, artifact_location FROM experiments"
    ).fetchall():
        place = _local(location or "")
        if place is None or (place.parent.name, place.name) != (_FILES, str(number)):
            continue  # somebody chose another place
        before = place.parent.parent
        if before.resolve() == here.resolve():
            continue
        runs = connection.execute("SELECT run_uuid FROM runs WHERE experiment_id = ?", (number,))
        if any((here / _FILES / str(number) / run).is_dir() for (run,) in runs):
            yield before


def _rename(connection: sqlite3.Connection, before: Path, here: Path) -> None:
    for table, column in _COLUMNS:
        if not _has(connection, table):
            continue
        for old, new in (
            (str(before / _FILES), str(here / _FILES)),
            ((before / _FILES).as_uri(), (here / _FILES).as_uri()),
        ):
            connection.execute(
                f"UPDATE {table} SET {column} = ? || substr({column}, ?) "
                f"WHERE substr({column}, 1, ?) = ?",
                (f"{new}/", len(old) + 2, len(old) + 1, f"{old}/"),
            )
    # A study's storage that came along is the one to be read.
    stored = connection.execute("SELECT DISTINCT value FROM tags WHERE key = ?", (tags.STORAGE,))
    for (url,) in stored.fetchall():
        file = sqlite_file(url)
        if file is None or not file.is_relative_to(before):
            continue
        there = here / file.relative_to(before)
        if there.is_file():
            connection.execute(
                "UPDATE tags SET value = ? WHERE key = ? AND value = ?",
                (with_file(url, there), tags.STORAGE, url),
            )


def _has(connection: sqlite3.Connection, table: str) -> bool:
    query = "SELECT count(*) FROM sqlite_master WHERE type = 'table' AND name = ?"
    return bool(connection.execute(query, (table,)).fetchone()[0])


def _local(location: str) -> Path | None:
    """The path of a place on this machine's disks."""
    parts = urlsplit(location)
    if parts.scheme == "file":
        return Path(unquote(parts.path))
    return Path(location) if not parts.scheme and location.startswith("/") else None

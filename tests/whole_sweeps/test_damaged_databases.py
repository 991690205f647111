"""Databases whose files are damaged: said in words, with the cure, and left as they are."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path

import optuna
import pytest

from clr_sweep.common.errors import StoreError
from clr_sweep.common.sqlite_files import damage
from clr_sweep.search.storage import open_storage
from clr_sweep.study.store_errors import plain_storage_errors
from clr_sweep.tracking.store import connect

CURE = "put back a copy of it, or move it away"


def study_storage(file: Path) -> None:
    open_storage(f"sqlite:///{file}")


def mlflow_store(file: Path) -> None:
    connect(f"sqlite:///{file}")


@pytest.mark.parametrize("use", [study_storage, mlflow_store])
@pytest.mark.parametrize("content", [b"not a database\n", b"\0" * 4096, b"SQLite"])
def test_a_file_that_is_no_database(
    tmp_path: Path, use: Callable[[Path], None], content: bytes
) -> None:
    """It is named, with the cure, and stays as it is."""
    file = tmp_path / "some.db"
    file.write_bytes(content)
    with pytest.raises(StoreError) as caught:
        use(file)
    assert f"{file} is no SQLite database" in str(caught.value)
    assert CURE in str(caught.value)
    assert file.read_bytes() == content


def test_a_broken_header(tmp_path: Path) -> None:
    """Of a storage that was used before."""
    file = tmp_path / "optuna.db"
    optuna.create_study(storage=f"sqlite:///{file}")
    with file.open("r+b") as opened:
        opened.write(b"garbage")
    with pytest.raises(StoreError) as caught:
        study_storage(file)
    assert CURE in str(caught.value)


def test_damage_that_shows_at_a_read(tmp_path: Path) -> None:
    """The header is whole, the pages are not: SQLite's words come with the cure."""
    file = tmp_path / "optuna.db"
    storage = f"sqlite:///{file}"
    optuna.create_study(storage=storage)
    with file.open("r+b") as opened:
        opened.seek(100)
        opened.write(b"\xff" * (file.stat().st_size - 100))
    with pytest.raises(StoreError) as caught, plain_storage_errors(storage):
        optuna.study.get_all_study_summaries(open_storage(storage))
    assert CURE in str(caught.value)


def test_what_is_whole_or_not_there_is_not_damaged(tmp_path: Path) -> None:
    """An empty file is a database to SQLite."""
    file = tmp_path / "some.db"
    assert damage(file) == ""
    file.touch()
    assert damage(file) == ""
    sqlite3.connect(file).execute("create table t (a)").connection.close()
    assert damage(file) == ""

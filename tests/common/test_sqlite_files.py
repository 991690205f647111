"""What SQLite says of a database that cannot be used, and the cure that comes with it."""

from __future__ import annotations

import contextlib
import sqlite3
from pathlib import Path

import pytest

from clr_sweep.common.sqlite_files import with_cure


def said(file: Path, statement: str = "CREATE TABLE t (a)") -> str:
    """By SQLite itself, as SQLAlchemy passes it on."""
    with (
        contextlib.closing(sqlite3.connect(file, timeout=0)) as opened,
        pytest.raises(sqlite3.Error) as caught,
    ):
        opened.execute(statement)
    return f"(sqlite3.{caught.type.__name__}) {caught.value}"


def test_a_database_that_another_process_has(tmp_path: Path) -> None:
    """It is said who has it, without the name of a class."""
    file = tmp_path / "some.db"
    with contextlib.closing(sqlite3.connect(file)) as holder:
        holder.execute("BEGIN EXCLUSIVE")
        text = said(file)
    assert text == "(sqlite3.OperationalError) database is locked"
    assert with_cure(text, file) == (
        "database is locked; another process has it: wait until that has ended, or end it, and "
        "start the same command again"
    )


def test_a_full_disk(tmp_path: Path) -> None:
    """The same command goes on."""
    file = tmp_path / "some.db"
    with contextlib.closing(sqlite3.connect(file)) as opened:
        opened.execute("PRAGMA max_page_count = 1")
        with pytest.raises(sqlite3.OperationalError) as caught:
            opened.execute("CREATE TABLE t (a)")
    assert "disk is full; free some space and start" in with_cure(str(caught.value), file)


def test_what_has_no_cure_is_left_as_it_is(tmp_path: Path) -> None:
    """And what a server says: its words are its own."""
    file = tmp_path / "some.db"
    assert with_cure(said(file, "SELECT a FROM t"), file) == "no such table: t"
    assert with_cure("(pymysql.err.OperationalError) disk is full", None) == "disk is full"

"""MLflow's store in SQLite: whole or not there."""

from __future__ import annotations

import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from clr_sweep.tracking.new_store import make_database
from clr_sweep.tracking.store import connect

MAKE = """
import sys
from pathlib import Path
from clr_sweep.tracking.new_store import make_database
make_database(Path(sys.argv[1]))
"""
# As the fault of the crash tests: in the middle of the transactions, the tables half made.
KILLED = """
import os, signal
from sqlalchemy.engine.default import DefaultDialect
commit, seen = DefaultDialect.do_commit, []
def die(self, connection):
    seen.append(1)
    if len(seen) == 30:
        os.kill(os.getpid(), signal.SIGKILL)
    return commit(self, connection)
DefaultDialect.do_commit = die
"""


def make(file: Path, before: str = "") -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-c", before + MAKE, str(file)])


@pytest.mark.heavy
def test_a_store_is_made_once(tmp_path: Path) -> None:
    """By one of several processes that start at once; nothing else is left."""
    file = tmp_path / "new" / "mlflow.db"
    assert [process.wait() for process in [make(file), make(file)]] == [0, 0]
    assert [path.name for path in file.parent.iterdir()] == ["mlflow.db"]
    assert connect(f"sqlite:///{file}").search_experiments()[0].name == "Default"


@pytest.mark.heavy
def test_a_kill_leaves_no_half_of_it(tmp_path: Path) -> None:
    """The next one makes it whole."""
    file = tmp_path / "mlflow.db"
    assert make(file, KILLED).wait() == -signal.SIGKILL
    assert not file.exists()
    assert list(tmp_path.iterdir()), "it was killed before it began"
    make_database(file)
    assert [path.name for path in tmp_path.iterdir()] == ["mlflow.db"]
    assert connect(f"sqlite:///{file}").search_experiments()


def test_a_store_that_is_there_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever it is; an empty file, which SQLite makes when it looks, is none."""
    file = tmp_path / "mlflow.db"
    file.touch()
    make_database(file)
    with sqlite3.connect(file) as database:
        assert database.execute("SELECT count(*) FROM experiments").fetchone() == (1,)
    content = file.read_bytes()
    monkeypatch.setattr("mlflow.store.tracking.sqlalchemy_store.SqlAlchemyStore", None)
    make_database(file)
    assert file.read_bytes() == content

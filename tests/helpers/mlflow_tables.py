"""MLflow's tables, migrated once in a process: its migrations take a second for each new store.

What a store made from nothing goes through is tested where it is made, in processes of their own
(test_new_store.py).
"""

from __future__ import annotations

import functools
import sqlite3
import tempfile
from pathlib import Path

import sqlalchemy
from mlflow.store.db import utils

_made_by_mlflow = utils._initialize_tables


def remember() -> None:
    """From now on a new SQLite store of this process, and of its forks, gets a copy of them."""
    utils._initialize_tables = _copied


def _copied(engine: sqlalchemy.Engine) -> None:
    if engine.dialect.name != "sqlite" or sqlalchemy.inspect(engine).get_table_names():
        _made_by_mlflow(engine)
        return
    with sqlite3.connect(":memory:") as made, engine.connect() as new:
        made.deserialize(tables())
        made.backup(new.connection.driver_connection)
    made.close()


@functools.cache
def tables() -> bytes:
    """An SQLite file that holds them, empty."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "mlflow.db"
        engine = sqlalchemy.create_engine(f"sqlite:///{file}")
        _made_by_mlflow(engine)
        engine.dispose()
        return file.read_bytes()

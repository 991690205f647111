"""One driver for a study: a lock in the study's own storage, that goes with the process.

The lock of the study's folder keeps out a second driver there; this one keeps out drivers that
were started elsewhere on the same storage.
"""

from __future__ import annotations

import contextlib
import os
import zlib
from collections.abc import Iterator
from pathlib import Path

from sqlalchemy import create_engine, text
from sqlalchemy.engine import make_url
from sqlalchemy.pool import NullPool

from clr_sweep.errors import InputError, StoreError
from clr_sweep.search.storage import DEFAULT_STORAGE
from clr_sweep.wording import without_password

# Takes the lock and says whether it got it; the session holds it until it ends.
_SERVERS = {
    "postgresql": "SELECT pg_try_advisory_lock({number})",
    "mysql": "SELECT GET_LOCK('clr-sweep-{number}', 0)",
    "mariadb": "SELECT GET_LOCK('clr-sweep-{number}', 0)",
}


@contextlib.contextmanager
def only_driver(url: str | None, study: str) -> Iterator[None]:
    """Hold a study's lock for as long as the block runs.

    Args:
        url: of the storage; None is the default one.

    Raises:
        InputError: another process holds it.
        StoreError: the lock's file cannot be written.
    """
    parsed = make_url(url or DEFAULT_STORAGE)
    kind = parsed.get_backend_name()
    # One number for each study of the storage.
    number = zlib.crc32(study.encode())
    shown = without_password(parsed.render_as_string(hide_password=True))
    lock: contextlib.AbstractContextManager[bool]
    if kind == "sqlite" and parsed.database and not parsed.database.startswith((":", "file:")):
        lock = _file_lock(Path(parsed.database), number)
    elif kind in _SERVERS:
        lock = _server_lock(url or "", _SERVERS[kind].format(number=number))
    else:
        lock = contextlib.nullcontext(True)
    with lock as taken:
        if not taken:
            raise InputError(
                f"study {study!r} in {shown} is run by another process: wait for it, stop it, "
                "or give this one another name with --study"
            )
        yield


@contextlib.contextmanager
def _file_lock(database: Path, number: int) -> Iterator[bool]:
    """A byte of a file beside the database; SQLite's own locks would drop one in the database."""
    try:
        import fcntl
    except ImportError:  # not a POSIX system: no such lock
        yield True
        return
    path = database.with_name(f"{database.name}.lock")
    try:
        handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
    except OSError as error:
        raise StoreError(f"the file {path} cannot be written: {error.strerror}") from None
    try:
        try:
            fcntl.lockf(handle, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, number)
        except OSError:
            yield False
            return
        yield True
    finally:
        os.close(handle)


@contextlib.contextmanager
def _server_lock(url: str, statement: str) -> Iterator[bool]:
    engine = create_engine(url, poolclass=NullPool, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        yield bool(connection.execute(text(statement)).scalar())

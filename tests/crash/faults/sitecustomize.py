"""Kills a process in the middle of writing, once; imported by every Python that has this on its
path.

The variable CRASH_FAULT says where, as JSON: `kind` (sync, copy or commit), `name` (a pattern for
the file's path), `nth` (which time), `fired` (a file that is made by the process that dies, so
that it is one alone). What has been written until then is on the disk, and torn.
"""

import fnmatch
import json
import os
import shutil
import signal
from typing import Any

FAULT = json.loads(os.environ.get("CRASH_FAULT", "{}"))
_seen = 0


def _is_now(path: str) -> bool:
    global _seen
    if not fnmatch.fnmatch(path, FAULT["name"]):
        return False
    _seen += 1
    if _seen != FAULT["nth"]:
        return False
    try:
        os.close(os.open(FAULT["fired"], os.O_CREAT | os.O_EXCL | os.O_WRONLY))
    except FileExistsError:
        return False
    return True


def _die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def _patch_sync() -> None:
    """In the middle of a file: its end is missing."""
    sync = os.fsync

    def fsync(handle: int) -> None:
        path = os.readlink(f"/proc/self/fd/{handle}")
        if _is_now(path):
            os.truncate(path, max(0, os.path.getsize(path) - 7))
            _die()
        sync(handle)

    os.fsync = fsync


def _patch_copy() -> None:
    """In the middle of copying a file: half of it is there."""
    copyfile = shutil.copyfile

    def half(source: Any, target: Any, **options: Any) -> Any:
        if _is_now(str(target)):
            with open(source, "rb") as read, open(target, "wb") as written:
                content = read.read()
                written.write(content[: len(content) // 2])
                written.flush()
                os.fsync(written.fileno())
            _die()
        return copyfile(source, target, **options)

    shutil.copyfile = half


def _patch_commit() -> None:
    """In the middle of a transaction: SQLite's journal is hot, the database half-written."""
    from clr_sweep.common.when_imported import when_imported

    def patch() -> None:
        from sqlalchemy.engine.default import DefaultDialect as dialect  # noqa: N813

        execute, commit = dialect.do_execute, dialect.do_commit
        small: set[int] = set()

        def do_execute(self: Any, cursor: Any, *arguments: Any, **options: Any) -> Any:
            if id(cursor.connection) not in small:
                # Changed pages go to the file at once, before the transaction ends.
                small.add(id(cursor.connection))
                cursor.execute("PRAGMA cache_size=1")
            return execute(self, cursor, *arguments, **options)

        def do_commit(self: Any, connection: Any) -> Any:
            if connection.in_transaction:
                (row, *_) = connection.execute("PRAGMA database_list").fetchall()
                if _is_now(row[2]):
                    _die()
            return commit(self, connection)

        dialect.do_execute, dialect.do_commit = do_execute, do_commit

    when_imported("sqlalchemy.engine.default", patch)


if FAULT:
    {"sync": _patch_sync, "copy": _patch_copy, "commit": _patch_commit}[FAULT["kind"]]()

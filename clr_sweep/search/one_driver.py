"""One driver for a study: a lock in the study's own storage, that goes with the process.

The lock of the study's folder keeps out a second driver there; this one keeps out drivers that
were started elsewhere on the same storage.

A lock may be lost while its holder goes on: with its connection, when the server is restarted or
closes one that was idle, or with its file. So the holder asks before each write.
"""

from __future__ import annotations

import contextlib
import json
import os
import platform
import threading
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import optuna
from optuna.storages._rdb.models import StudyModel, StudyUserAttributeModel
from sqlalchemy import Engine, event, select
from sqlalchemy.engine import make_url
from sqlalchemy.pool import NullPool

from clr_sweep.common.door import another_study
from clr_sweep.common.errors import InputError, LockLostError
from clr_sweep.common.secrets import hidden_address
from clr_sweep.definition.storage_urls import absolute, sqlite_file
from clr_sweep.search.attributes import DRIVER
from clr_sweep.search.lost_connections import until_answered, wait_for_server
from clr_sweep.search.postgresql import server_engine
from clr_sweep.search.storage import DEFAULT_STORAGE
from clr_sweep.search.storage_locks import FileLock, Lock, NoLock, ServerLock, number_of

_WRITES = ("INSERT", "UPDATE", "DELETE", "REPLACE")


class Holder:
    """The one process that may write into a study, until another has taken it over.

    Args:
        url: of the storage.
        lock: taken.
        say: shows a line: of a lock that was lost and taken again.
    """

    def __init__(self, url: str, study: str, lock: Lock, say: Callable[[str], None]) -> None:
        self._url, self._study, self._lock, self._say = url, study, lock, say
        self._name = f"{platform.node()} {os.getpid()} {uuid.uuid4().hex}"
        # Who may have written into it last, if no other process has had it meanwhile.
        self._writers = {self._name, _NOBODY}
        self._is_sure = True
        self._lost: LockLostError | None = None
        # The storage may be written by several threads.
        self._one_at_a_time = threading.RLock()

    def sign(self, study: optuna.Study) -> None:
        """Store in the study that this process was the last to write into it."""
        study.set_user_attr(DRIVER, self._name)
        self._writers = {self._name}

    def keep(self) -> None:
        """Take the lock again if it was lost.

        Raises:
            LockLostError: another process has it, or has had it meanwhile.
            SQLAlchemyError: the server cannot be reached.
        """
        with self._one_at_a_time:
            if self._lost is not None:
                raise self._lost
            if not (self._lock.is_held() and self._is_sure):
                until_answered(lambda _: self._take_again())

    def _take_again(self) -> None:
        self._is_sure = False
        if not self._lock.take():
            self._lose(
                "another process holds it (or the server has not noticed yet that the connection "
                "is gone)"
            )
        # By a connection of its own: it may be in the middle of a write of the storage's.
        engine = server_engine(self._url, poolclass=NullPool)
        wait_for_server(engine)
        if (last := _last_writer(engine, self._study)) not in self._writers:
            self._lose(f"another process ({last}) has written into the study meanwhile")
        self._is_sure = True
        self._say(f"the lock of study {self._study!r} was lost, and has been taken again")

    @contextlib.contextmanager
    def guarding(self, store: optuna.storages.BaseStorage) -> Iterator[None]:
        """Let nothing be written through `store` while another process holds the lock."""

        def ask(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
            if statement.lstrip()[:7].upper().startswith(_WRITES):
                self.keep()

        engine: Engine = store.engine  # type: ignore[attr-defined]
        self._writers.add(_last_writer(engine, self._study))
        event.listen(engine, "before_cursor_execute", ask)
        try:
            yield
        finally:
            event.remove(engine, "before_cursor_execute", ask)

    def _lose(self, why: str) -> None:
        self._lost = LockLostError(
            f"the lock of study {self._study!r} in {hidden_address(self._url)} was lost, and "
            f"{why}: this process has stopped and writes no more; what it stored is kept, and once "
            "no other process runs the study the same command goes on"
        )
        raise self._lost


# Who has written last into a study that nobody has signed, and into one that is not there.
_NOBODY = "that has not signed"
_NO_STUDY = "that deleted the study"


def _last_writer(engine: Engine, study: str) -> str:
    signed = (StudyUserAttributeModel.study_id == StudyModel.study_id) & (
        StudyUserAttributeModel.key == DRIVER
    )
    asked = (
        select(StudyUserAttributeModel.value_json)
        .select_from(StudyModel)
        .outerjoin(StudyUserAttributeModel, signed)
        .where(StudyModel.study_name == study)
    )
    with engine.connect() as connection:
        stored = connection.execute(asked).one_or_none()
    if stored is None:
        return _NO_STUDY
    return _NOBODY if stored[0] is None else str(json.loads(stored[0]))


@contextlib.contextmanager
def only_driver(
    url: str | None, study: str, say: Callable[[str], None] = lambda _: None
) -> Iterator[Holder]:
    """Hold a study's lock for as long as the block runs.

    Args:
        url: of the storage; None is the default one.
        say: shows a line.

    Raises:
        InputError: another process holds it.
        StoreError: the lock's file cannot be written, or the lock cannot be had.
    """
    url = url or DEFAULT_STORAGE
    with contextlib.closing(_lock_of(url, study)) as lock:
        if not lock.take():
            raise InputError(
                f"study {study!r} in {hidden_address(url)} is run by another process: wait for it, "
                f"or stop it ({another_study()} makes another one)"
            )
        yield Holder(absolute(url), study, lock, say)


def is_run(url: str | None, study: str) -> bool | None:
    """Whether a process runs a study now; None where its storage cannot tell.

    Args:
        url: of the storage; None is the default one.

    Raises:
        SQLAlchemyError: the storage's server cannot be reached.
    """
    with contextlib.closing(_lock_of(url or DEFAULT_STORAGE, study)) as lock:
        return lock.is_taken()


def _lock_of(url: str, study: str) -> Lock:
    kind = make_url(url).get_backend_name()
    if (file := sqlite_file(url)) is not None:
        return FileLock(file.absolute().with_name(f"{file.name}.lock"), number_of(study))
    return ServerLock(url, study) if kind in ServerLock.KINDS else NoLock()

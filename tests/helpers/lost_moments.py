"""Moments at which a real server's connection is lost in the middle of what Optuna writes."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

from database_servers import Server
from sqlalchemy import Engine, event
from sqlalchemy.pool import Pool

MOMENTS = ("before the statement", "before COMMIT", "after COMMIT")
_WRITES = ("INSERT", "UPDATE", "DELETE")


class LostMoment:
    """Ends all sessions of a server at a moment of the next write, each time it is armed.

    Attributes:
        times: how often it has.
    """

    def __init__(self, server: Server, moment: str) -> None:
        self._server, self._moment = server, moment
        self._is_armed = self._writes = False
        self.times = 0

    def arm(self) -> None:
        """Let it happen in the next transaction that writes."""
        self._is_armed, self._writes = True, False

    @contextlib.contextmanager
    def of(self, engine: Engine) -> Iterator[None]:
        """Watch what is written through an engine for as long as the block runs."""
        commit = engine.dialect.do_commit

        def statement(_connection: Any, _cursor: Any, text: str, *_: Any) -> None:
            if text.lstrip().upper().startswith(_WRITES):
                self._writes = True
                self._lose("before the statement")

        def done(connection: Any) -> None:
            self._lose("before COMMIT")
            commit(connection)
            if self._lose("after COMMIT"):
                commit(connection)  # what its driver says of a connection that is gone

        event.listen(engine, "before_cursor_execute", statement)
        engine.dialect.do_commit = done  # type: ignore[method-assign]
        try:
            yield
        finally:
            event.remove(engine, "before_cursor_execute", statement)
            engine.dialect.do_commit = commit  # type: ignore[method-assign]

    def _lose(self, moment: str) -> bool:
        if not (self._is_armed and self._writes and moment == self._moment):
            return False
        self._is_armed = False
        self.times += 1
        self._server.end_sessions()
        return True


@contextlib.contextmanager
def losing_a_new_connection(server: Server, number: int) -> Iterator[list[int]]:
    """Ends all sessions just when the so manieth new one is there; gives the number when it has."""
    made, lost = list[Any](), list[int]()

    def connect(connection: Any, _record: Any) -> None:
        made.append(connection)
        if len(made) == number:
            server.end_sessions()  # by a connection too, which counts no more
            lost.append(number)

    event.listen(Pool, "connect", connect)
    try:
        yield lost
    finally:
        event.remove(Pool, "connect", connect)

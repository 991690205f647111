"""A database server that goes away for a while: waited for, and what it lost is done again."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable
from typing import Any, TypeVar

from optuna.exceptions import StorageInternalError
from sqlalchemy import Engine, event
from sqlalchemy.exc import DBAPIError, OperationalError, PendingRollbackError, SQLAlchemyError

# So long a server that has answered before may be away.
AWAY_SECONDS = 60.0
_PAUSE_SECONDS = 0.2

Result = TypeVar("Result")


def wait_for_server(engine: Engine) -> None:
    """Let every new connection wait for a server that is away for a while: it is restarted."""

    def connect(dialect: Any, _record: Any, arguments: Any, keywords: Any) -> Any:
        deadline = time.monotonic() + AWAY_SECONDS
        while True:
            try:
                return dialect.connect(*arguments, **keywords)
            except dialect.loaded_dbapi.OperationalError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(_PAUSE_SECONDS)

    event.listen(engine, "do_connect", connect)


def until_answered(operation: Callable[[bool], Result]) -> Result:
    """Do something again for as long as its connection is lost on the way.

    Args:
        operation: one transaction, which may have been committed before the connection was lost;
            told whether it is done again.

    Raises:
        StorageInternalError, SQLAlchemyError: as it does, for another reason, or a minute after
            its first loss.
    """
    deadline = None
    while True:
        try:
            return operation(deadline is not None)
        except (StorageInternalError, SQLAlchemyError) as error:
            now = time.monotonic()
            deadline = now + AWAY_SECONDS if deadline is None else deadline
            if now >= deadline or not _may_answer_later(error):
                raise
        time.sleep(_PAUSE_SECONDS)


def _may_answer_later(error: BaseException) -> bool:
    """Whether a server failed for a reason of its own, not for what it was asked.

    How a driver says that a connection was lost depends on the moment, but it is such an error.
    """
    cause = error.__cause__ if isinstance(error, StorageInternalError) else error
    if isinstance(cause, PendingRollbackError):  # Optuna has gone on after a loss
        return True
    if not isinstance(cause, DBAPIError) or isinstance(cause.orig, sqlite3.Error):
        return False
    return cause.connection_invalidated or isinstance(cause, OperationalError)

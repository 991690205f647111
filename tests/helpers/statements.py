"""What a database is asked."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

from sqlalchemy import event


@contextlib.contextmanager
def statements(engine: Any) -> Iterator[list[str]]:
    """The statements of the block, in their order.

    Args:
        engine: one of SQLAlchemy's, or its class for all of this process.
    """
    said: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        said.append(statement)

    event.listen(engine, "before_cursor_execute", note)
    try:
        yield said
    finally:
        event.remove(engine, "before_cursor_execute", note)

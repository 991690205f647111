"""Whole answers limited in time: a tracker that drips a byte every two seconds never ends one.

The timeouts of MLflow's requests, and of databases' drivers, count from each byte to the next.
"""

from __future__ import annotations

import contextlib
import os
import socket
import threading
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

from mlflow.utils import request_utils
from requests import ReadTimeout, Response
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

from clr_sweep.common.durations import duration

Value = TypeVar("Value")

# Of the time that MLFLOW_HTTP_REQUEST_TIMEOUT gives for the next byte.
_TIMES_OF_A_BYTE = 3.0
_MAKES_ADAPTERS = "TCPKeepAliveHTTPAdapter"


def limit_answers() -> None:
    """From now on all answers that MLflow's clients in this process wait for are limited."""
    if not issubclass(request_utils.TCPKeepAliveHTTPAdapter, _LimitedAdapter):
        setattr(request_utils, _MAKES_ADAPTERS, _LimitedAdapter)
        request_utils._cached_get_request_session.cache_clear()


def within(seconds: float, what: str, function: Callable[[], Value]) -> Value:
    """What a function returns; it goes on in a thread of its own where it takes too long.

    Raises:
        TimeoutError: it has not returned within so many seconds.
    """
    returned: list[Value] = []
    raised: list[BaseException] = []

    def work() -> None:
        try:
            returned.append(function())
        except BaseException as error:
            raised.append(error)

    thread = threading.Thread(target=work, name=what, daemon=True)
    thread.start()
    thread.join(seconds)
    if raised:
        raise raised[0]
    if not returned:
        raise TimeoutError(f"{what} took longer than {duration(seconds)}")
    return returned[0]


class _Wait:
    """The answers that one call waits for: the first, and those of MLflow's own second tries."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.is_over = False
        self._timer: threading.Timer | None = None

    def begin(self, connection: socket.socket | None) -> None:
        """The request has been sent; how long that took, its size decides."""
        self.end()
        if self.is_over:
            raise self.error()
        self._timer = threading.Timer(self.seconds, self._give_up, [connection])
        self._timer.daemon = True
        self._timer.start()

    def end(self) -> None:
        if self._timer is not None:
            self._timer.cancel()

    def error(self) -> ReadTimeout:
        return ReadTimeout(f"the server's answer took longer than {duration(self.seconds)}")

    def _give_up(self, connection: socket.socket | None) -> None:
        self.is_over = True
        if connection is not None:
            # Ends the read of the other thread; of TLS too, which needs not be told.
            with contextlib.suppress(OSError):
                socket.socket.shutdown(connection, socket.SHUT_RDWR)


class _Current(threading.local):
    wait: _Wait | None = None


_current = _Current()


@contextlib.contextmanager
def _waiting(seconds: float) -> Iterator[_Wait]:
    before, _current.wait = _current.wait, _Wait(seconds)
    try:
        yield _current.wait
    finally:
        _current.wait.end()
        _current.wait = before


class _Limited:
    """What both kinds of connections do more than urllib3's."""

    def getresponse(self) -> Any:
        if _current.wait is not None:
            _current.wait.begin(self.sock)  # type: ignore[attr-defined]
        return super().getresponse()  # type: ignore[misc]


class _LimitedHTTP(_Limited, HTTPConnection):
    pass


class _LimitedHTTPS(_Limited, HTTPSConnection):
    pass


class _HTTPPool(HTTPConnectionPool):
    ConnectionCls = _LimitedHTTP


class _HTTPSPool(HTTPSConnectionPool):
    ConnectionCls = _LimitedHTTPS


class _LimitedAdapter(request_utils.TCPKeepAliveHTTPAdapter):
    """MLflow's, with a limit for the whole of each answer that is read at once."""

    def init_poolmanager(self, *arguments: Any, **keywords: Any) -> None:
        super().init_poolmanager(*arguments, **keywords)
        self.poolmanager.pool_classes_by_scheme = {"http": _HTTPPool, "https": _HTTPSPool}

    def send(self, request: Any, stream: bool = False, **keywords: Any) -> Response:
        a_byte = float(os.environ.get("MLFLOW_HTTP_REQUEST_TIMEOUT") or 120)
        with _waiting(_TIMES_OF_A_BYTE * a_byte) as wait:
            try:
                response: Response = super().send(request, stream=stream, **keywords)
                if not stream:
                    _ = response.content
            except Exception:
                if wait.is_over:
                    raise wait.error() from None
                raise
            if wait.is_over:
                raise wait.error()
            return response

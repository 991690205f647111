"""Answers that never end: real sockets that drip, and the limit for the whole of an answer."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator

import pytest
from dripping_servers import Dripping

from clr_sweep.common.errors import StoreError
from clr_sweep.tracking import store, time_limits
from clr_sweep.tracking.store import connect
from clr_sweep.tracking.time_limits import within

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
ANSWERS = {
    "drips its head": (b"", HEAD),
    "drips its body": (HEAD + b"Content-Length: 5000\r\n\r\n", b"{"),
    "drips without an end": (HEAD + b"Connection: close\r\n\r\n", b" "),
    "says nothing": (b"", b""),
    # Of hours: MLflow's client would wait for them.
    "asks for hours": (
        b"HTTP/1.1 429 Too Many\r\nRetry-After: 7200\r\nContent-Length: 0\r\n"
        b"Connection: close\r\n\r\n",
        None,
    ),
}


@pytest.fixture
def dripping(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., int]]:
    """Starts such servers; a byte may take a second here, and a whole answer three."""
    for name in [name for name in os.environ if name.startswith("MLFLOW_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "1")
    made: list[Dripping] = []

    def start(beginning: bytes = b"", then: bytes | None = b"", every: float = 0.2) -> int:
        made.append(Dripping(beginning, then, every))
        return made[-1].port

    yield start
    for server in made:
        server.close()


@pytest.mark.heavy
@pytest.mark.parametrize("kind", ANSWERS)
def test_a_tracker_that_never_ends_its_answer(dripping: Callable[..., int], kind: str) -> None:
    """The start is refused, with its name and the reason; before, it hung."""
    beginning, then = ANSWERS[kind]
    uri = f"http://127.0.0.1:{dripping(beginning, then)}"
    with pytest.raises(StoreError, match=f"the MLflow store {uri} cannot be used: ") as caught:
        connect(uri)
    if kind.startswith("drips"):
        assert "the server's answer took longer than 3 s" in str(caught.value)


# The beginning of a message whose rest drips: of an error, and of the server's greeting.
DATABASES = {
    "postgresql+psycopg2": b"NE\x00\x00\x10\x00",
    "mysql+pymysql": b"\x50\x00\x00\x00",
}


@pytest.mark.parametrize("scheme", DATABASES)
@pytest.mark.parametrize("drips", [False, True], ids=["silent", "dripping"])
def test_a_database_that_never_answers(
    dripping: Callable[..., int], monkeypatch: pytest.MonkeyPatch, scheme: str, drips: bool
) -> None:
    """Whatever its driver's limits count."""
    monkeypatch.setattr(store, "_PROBE_SECONDS", 1.0)
    then = DATABASES[scheme] if drips else b""
    uri = f"{scheme}://me@127.0.0.1:{dripping(b'', then)}/x"
    with pytest.raises(StoreError, match="the connection took longer than 1 s"):
        connect(uri)


def test_within() -> None:
    """What returns or raises in time does so here."""
    assert within(600, "it", lambda: 3) == 3
    with pytest.raises(ZeroDivisionError):
        within(600, "it", lambda: 1 / 0)
    with pytest.raises(TimeoutError, match="it took longer than"):
        within(0.05, "it", lambda: threading.Event().wait(600))


def test_an_answer_in_time_is_whole(dripping: Callable[..., int]) -> None:
    """A slow one that ends in time is read to its end."""
    time_limits.limit_answers()
    body = b'{"experiments": []}'
    head = HEAD + f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n".encode()
    client = connect(f"http://127.0.0.1:{dripping(head, body, 0.01)}")
    assert list(client.search_experiments()) == []

"""A sweep whose tracker never ends an answer: refused at the start, with name and reason."""

from __future__ import annotations

import contextlib
from collections.abc import Callable

import pytest
from dripping_servers import Dripping
from real_runs import Place

pytestmark = pytest.mark.heavy

HEAD = b"HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n"


@pytest.mark.parametrize(
    ("uri", "beginning", "reason"),
    [
        ("http://127.0.0.1:{}", HEAD, "the server's answer took longer than 30 s"),
        (
            "postgresql+psycopg2://me@127.0.0.1:{}/x",
            b"NE\x00\x00\x10\x00",
            "timeout expired",
        ),
    ],
    ids=["http", "postgresql"],
)
def test_a_start(places: Callable[..., Place], uri: str, beginning: bytes, reason: str) -> None:
    """It does not hang, and no trial begins."""
    with contextlib.closing(Dripping(beginning, b"x", 2.0)) as server:
        place = places("slow", MLFLOW_TRACKING_URI=uri.format(server.port))
        running = place.sweep("run", str(place.write_sweep()), status=1)
    assert f"the MLflow store {uri.format(server.port)} cannot be used: " in running.output
    assert reason in running.output
    assert not (place.folder / "optuna.db").exists()

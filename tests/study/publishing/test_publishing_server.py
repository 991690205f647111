"""A real MLflow server that is stopped and started again."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
from small_studies import SmallStudy
from told_sweep import Sweep, assert_nothing_is_wrong

from clr_sweep.tracking.link import Link


class Server:
    """An MLflow server with its database in a folder."""

    def __init__(self, folder: Path) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.folder = folder
        self.url = f"http://127.0.0.1:{self.port}"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it, and wait until it answers."""
        files = (self.folder / "served").as_uri()
        with (self.folder / "server.log").open("ab") as log:
            self._process = subprocess.Popen(
                [
                    sys.executable, "-m", "mlflow", "server", "--workers", "1",
                    "--host", "127.0.0.1", "--port", str(self.port),
                    "--backend-store-uri", f"sqlite:///{self.folder / 'served.db'}",
                    "--artifacts-destination", files,
                ],
                env={**os.environ, "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"},
                stdout=log, stderr=log, start_new_session=True, cwd=self.folder,
            )  # fmt: skip
        for _ in range(1200):
            with contextlib.suppress(requests.RequestException):
                if requests.get(f"{self.url}/health", timeout=5).ok:
                    return
            assert self._process.poll() is None, (self.folder / "server.log").read_text()
            time.sleep(0.1)
        raise AssertionError("the server does not answer")

    def stop(self) -> None:
        """End it as a crash would."""
        if self._process is not None:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
            self._process = None


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    made = Server(tmp_path)
    made.start()
    yield made
    made.stop()


@pytest.mark.heavy
def test_a_server_that_is_stopped_and_started_again(
    study: SmallStudy, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In the middle of a trial: calls go on without it, and in the end it has everything once."""
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "30")
    said: list[str] = []
    publisher = study.publisher(Link(said.append), server.url)
    sweep, records = Sweep(study, publisher), study.record.all
    sweep.whole(records[0])
    sweep.start(records[1])
    sweep.epoch(records[1], 1)
    assert publisher.link.missed == 0
    server.stop()
    sweep.epoch(records[1], 2)
    sweep.end(records[1])
    sweep.start(records[2])
    sweep.epoch(records[2], 1)
    assert publisher.link.away
    assert "training goes on" in said[1]
    server.start()
    sweep.epoch(records[2], 2)
    assert not publisher.link.away
    sweep.end(records[2])
    sweep.whole(records[3])
    sweep.whole(records[4])
    assert publisher.link.missed == 0
    assert publisher.finish(study.record)
    assert_nothing_is_wrong(study, publisher)
    assert any(text.startswith("MLflow answers again") for text in said)

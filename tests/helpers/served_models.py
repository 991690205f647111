"""A registered model behind HTTP, as `mlflow models serve` puts it there."""

from __future__ import annotations

import contextlib
import json
import socket
import urllib.error
import urllib.request
from collections.abc import Iterator
from typing import Any

from real_runs import MLFLOW, Place


class Served:
    """Answers of a server.

    Args:
        address: where it is.
    """

    def __init__(self, address: str) -> None:
        self.address = address

    def post(self, **body: Any) -> tuple[int, Any]:
        """The status and the content of its answer to JSON."""
        asked = urllib.request.Request(
            f"{self.address}/invocations",
            json.dumps(body).encode(),
            {"Content-Type": "application/json"},
        )
        try:
            with urllib.request.urlopen(asked, timeout=60) as answer:
                return answer.status, json.loads(answer.read())
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()

    def predictions(self, inputs: Any) -> Any:
        """What it predicts."""
        status, answer = self.post(inputs=inputs)
        assert status == 200, answer
        return answer["predictions"]


@contextlib.contextmanager
def served(place: Place, model: str, store: str) -> Iterator[Served]:
    """`mlflow models serve`, for as long as the block runs.

    Args:
        model: its URI.
        store: the URI of MLflow's store.
    """
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = str(probe.getsockname()[1])
    place.environment["MLFLOW_TRACKING_URI"] = store
    # In place of a virtual environment of its own, that of the tests.
    options = ("--env-manager", "local", "--port", port, "--workers", "1")
    running = place.start(*MLFLOW, "models", "serve", "-m", model, *options)
    try:
        running.wait_for("Application startup complete")
        yield Served(f"http://127.0.0.1:{port}")
    finally:
        place.close()

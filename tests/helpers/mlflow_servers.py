"""Real MLflow servers: processes that a test may stop, kill and start again at the same address."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import requests

# Never a verdict: only the end of a test that would hang.
_PATIENCE_SECONDS = 240.0
ADMIN, ADMIN_PASSWORD = "admin", "s3cr3tOfAdmin"


class MlflowServer:
    """`mlflow server`, with what it keeps in a folder, on one port as long as this lives.

    Args:
        folder: is there; the server's output goes to `server.log` in it.
        store: the URI of its database; None: a SQLite file in the folder.
        files: where it puts what is sent to it; None: a folder in the folder.
        with_users: it asks for a name and a password, those of `ADMIN`.
        environment: added to its environment.
    """

    def __init__(
        self,
        folder: Path,
        *,
        store: str | None = None,
        files: str | None = None,
        with_users: bool = False,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port: int = free.getsockname()[1]
        self.folder = folder
        self.store = store or f"sqlite:///{folder / 'served.db'}"
        self.url = f"http://127.0.0.1:{self.port}"
        self._command = [
            sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1",
            "--port", str(self.port), "--workers", "1", "--backend-store-uri", self.store,
            "--artifacts-destination", files or (folder / "served").as_uri(),
        ]  # fmt: skip
        kept = {key: value for key, value in os.environ.items() if not key.startswith("MLFLOW_")}
        self._environment = {
            **kept,
            "MLFLOW_DISABLE_TELEMETRY": "true",
            # Without the workers of its job queue, five processes that import MLflow and then poll.
            "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
            **(environment or {}),
        }
        if with_users:
            self._ask_for_users()
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def log(self) -> str:
        """All that it has printed."""
        return (self.folder / "server.log").read_text(encoding="utf-8", errors="replace")

    @property
    def answers(self) -> int:
        """How many requests of MLflow's clients it has answered, in all its lives."""
        return self.log.count("/api/2.0/")

    def start(self) -> None:
        """Start it; it answers when this returns."""
        with (self.folder / "server.log").open("ab") as log:
            self._process = subprocess.Popen(
                self._command, cwd=self.folder, env=self._environment, stdin=subprocess.DEVNULL,
                stdout=log, stderr=log, start_new_session=True,
            )  # fmt: skip
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while not self._answers():
            assert self._process.poll() is None, self.log
            assert time.monotonic() < deadline, self.log
            time.sleep(0.1)

    def stop(self) -> None:
        """Let it end as whoever looks after it does."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """End all its processes at once, whatever they do."""
        self._end(signal.SIGKILL)

    def restart(self) -> None:
        """Kill it and start it again."""
        self.kill()
        self.start()

    def _end(self, number: int) -> None:
        if self._process is None:
            return
        os.killpg(self._process.pid, number)
        self._process.wait(_PATIENCE_SECONDS)
        self._process = None

    def _answers(self) -> bool:
        with contextlib.suppress(requests.RequestException):
            return requests.get(f"{self.url}/health", timeout=5).ok
        return False

    def _ask_for_users(self) -> None:
        settings = self.folder / "users.ini"
        settings.write_text(
            "[mlflow]\n"
            "default_permission = READ\n"
            f"database_uri = sqlite:///{self.folder / 'users.db'}\n"
            f"admin_username = {ADMIN}\n"
            f"admin_password = {ADMIN_PASSWORD}\n"
            "authorization_function = mlflow.server.auth:authenticate_request_basic_auth\n"
        )
        self._command += ["--app-name", "basic-auth"]
        self._environment["MLFLOW_AUTH_CONFIG_PATH"] = str(settings)
        self._environment["MLFLOW_FLASK_SERVER_SECRET_KEY"] = "of this test"


@contextlib.contextmanager
def running(**settings: Any) -> Iterator[MlflowServer]:
    """A server in a folder of its own, killed and removed with the block; see `MlflowServer`."""
    folder = Path(tempfile.mkdtemp(prefix="mlflow-"))
    server = MlflowServer(folder, **settings)
    try:
        server.start()
        yield server
    finally:
        server.kill()
        shutil.rmtree(folder, ignore_errors=True)

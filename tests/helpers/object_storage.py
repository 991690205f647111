"""Object storage that speaks S3: moto's server, a process that a test may kill."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

# Never a verdict: only the end of a test that would hang.
_PATIENCE_SECONDS = 120.0
SECRET = "s3cr3tOfBucket"


class ObjectStorage:
    """A server with its buckets in memory, on one port: whoever kills it, empties it.

    Args:
        folder: for its output.
        refusing: it takes no request from anybody, whoever they say they are.
    """

    def __init__(self, folder: Path, *, refusing: bool = False) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port: int = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self._folder = folder
        self._environment = {**os.environ}
        if refusing:
            self._environment["INITIAL_NO_AUTH_ACTION_COUNT"] = "0"
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def environment(self) -> dict[str, str]:
        """What its clients have in their environment."""
        return {
            "AWS_ACCESS_KEY_ID": "me",
            "AWS_SECRET_ACCESS_KEY": SECRET,
            "AWS_DEFAULT_REGION": "us-east-1",
            "MLFLOW_S3_ENDPOINT_URL": self.url,
        }

    def start(self) -> None:
        """Start it; it answers when this returns."""
        with (self._folder / "storage.log").open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "moto.server", "--port", str(self.port)],
                env=self._environment, stdout=log, stderr=log,
            )  # fmt: skip
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while not self._answers():
            assert self._process.poll() is None, "the object storage did not start"
            assert time.monotonic() < deadline, "the object storage does not answer"
            time.sleep(0.1)

    def kill(self) -> None:
        """End it at once, with all that it holds."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def make_bucket(self, name: str) -> None:
        self._client().create_bucket(Bucket=name)

    def keys(self, bucket: str) -> list[str]:
        """The names of all that lies in a bucket."""
        pages = self._client().get_paginator("list_objects_v2").paginate(Bucket=bucket)
        return [item["Key"] for page in pages for item in page.get("Contents", [])]

    def _client(self) -> Any:
        import boto3

        return boto3.client(
            "s3", endpoint_url=self.url, region_name="us-east-1", aws_access_key_id="me",
            aws_secret_access_key=SECRET,
        )  # fmt: skip

    def _answers(self) -> bool:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 5):
            return True
        return False


@contextlib.contextmanager
def running(*, refusing: bool = False) -> Iterator[ObjectStorage]:
    """A server of its own, killed with the block."""
    with tempfile.TemporaryDirectory(prefix="s3-") as folder:
        storage = ObjectStorage(Path(folder), refusing=refusing)
        try:
            storage.start()
            yield storage
        finally:
            storage.kill()

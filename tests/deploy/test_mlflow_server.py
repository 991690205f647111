"""MLflow's server as deploy/kubernetes starts it, on a real PostgreSQL."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from database_servers import Server, running
from deployed import answers, named
from mlflow.tracking import MlflowClient
from slurm_clusters import PATIENCE_SECONDS, free_port, until

pytestmark = [pytest.mark.heavy, pytest.mark.timeout(900)]

CONTAINER = named("Deployment", "mlflow")["spec"]["template"]["spec"]["containers"][0]


@pytest.fixture
def database() -> Iterator[Server]:
    with running("postgresql") as server:
        yield server


@pytest.fixture
def address(database: Server, tmp_path: Path) -> Iterator[str]:
    """Of the server: its file's arguments, with this machine's port, database and folder."""
    port = free_port()
    others = {
        "postgresql+psycopg://clr_sweep@postgresql:5432/mlflow": database.url("mlflow").replace(
            "+psycopg2", "+psycopg"
        ),
        "--port=5000": f"--port={port}",
        "--host=0.0.0.0": "--host=127.0.0.1",
        "=/artifacts": f"={tmp_path}",
    }
    text = "\n".join(CONTAINER["args"])
    for theirs, ours in others.items():
        assert theirs in text
        text = text.replace(theirs, ours)
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    given = {one["name"]: one["value"] for one in CONTAINER["env"] if "value" in one}
    process = subprocess.Popen(
        text.split("\n"),
        env=os.environ | given | {"PATH": path, "MLFLOW_DISABLE_TELEMETRY": "true"},
        cwd=tmp_path,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        until(lambda: answers(f"http://127.0.0.1:{port}/health"), "the server answers")
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(PATIENCE_SECONDS)


def test_the_server_of_the_file(address: str, tmp_path: Path) -> None:
    """It is ready where probes look, answers to the service's name, and keeps runs and files."""
    (path,) = {CONTAINER[probe]["httpGet"]["path"] for probe in CONTAINER if "Probe" in probe}
    assert answers(address + path, host="10.1.2.3:5000")  # as the kubelet asks
    experiment = f"{address}/api/2.0/mlflow/experiments/get?experiment_id=0"
    for host in ("mlflow:5000", "mlflow.clr-sweep:5000", "localhost:5000"):
        assert answers(experiment, host=host), host
    assert not answers(experiment, host="elsewhere.example.org")
    client = MlflowClient(address)
    run = client.create_run("0").info.run_id
    client.log_metric(run, "loss", 0.5)
    client.log_text(run, "said", "words.txt")
    assert client.get_run(run).data.metrics == {"loss": 0.5}
    (kept,) = tmp_path.rglob("words.txt")
    assert kept.read_text() == "said"

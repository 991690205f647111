"""The commands of docs/scaling.md for a few machines, as written; the machines are this one."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
import tempfile
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from database_servers import Server, running
from deployed import answers, end_all
from documentation import blocks, text_of
from own_process import modules
from real_runs import PROJECT, definition
from slurm_clusters import PATIENCE_SECONDS, free_port, until

SCALING = PROJECT / "docs" / "scaling.md"
MARK = "CLR_SWEEP_TESTS_STARTED"


def commands(section: str) -> list[str]:
    """The blocks of shell commands of a section of the page."""
    text = text_of(SCALING)
    before, _, rest = text.partition(f"\n## {section}\n")
    first = before.count("\n")
    last = first + rest.partition("\n## ")[0].count("\n") + 2
    return [block for line, block in blocks(SCALING, "bash") if first < line < last]


class Machines:
    """Shells with an environment of their own, and all that was started in them.

    Args:
        folder: stands in place of /shared.
        others: texts that stand in place of others of the page, this machine being another one.
    """

    def __init__(self, folder: Path, scratch: Path, others: dict[str, str]) -> None:
        self._others = {"/shared": str(folder), **others}
        self._mark = uuid.uuid4().hex
        self._started: list[subprocess.Popen[bytes]] = []
        home = folder / "home"
        home.mkdir()
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("MLFLOW_", "RAY_"))}
        self._environment = {
            **kept,
            MARK: self._mark,
            "HOME": str(home),
            "PATH": os.pathsep.join([str(Path(sys.executable).parent), kept["PATH"]]),
            "PYTHONPATH": modules(),
            # Others may have a Ray on this machine.
            "RAY_TMPDIR": str(scratch),
            "RAY_USAGE_STATS_ENABLED": "0",
            # Trials would give way to all else on this machine, the tests beside them too.
            "RAY_worker_niceness": "0",
            "OMP_NUM_THREADS": "1",
            "MLFLOW_DISABLE_TELEMETRY": "true",
            "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
        }

    def here(self, block: str) -> str:
        for theirs, ours in self._others.items():
            block = block.replace(theirs, ours)
        return block

    def run(self, block: str) -> str:
        """A block, to its end; what it printed."""
        done = subprocess.run(
            ["bash", "-ec", self.here(block)], env=self._environment, capture_output=True,
            text=True, timeout=PATIENCE_SECONDS, check=False,
        )  # fmt: skip
        assert done.returncode == 0, f"{block}\n{done.stdout}\n{done.stderr}"
        return done.stdout + done.stderr

    def start(self, block: str) -> None:
        """A block that stays."""
        process = subprocess.Popen(
            ["bash", "-ec", self.here(block)], env=self._environment, stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        self._started.append(process)

    def close(self) -> None:
        """End all that was started, daemons too."""
        end_all(MARK, self._mark)
        for process in self._started:
            process.wait(PATIENCE_SECONDS)


@pytest.fixture
def scratch() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="ray", ignore_cleanup_errors=True) as folder:
        yield Path(folder)


@pytest.fixture
def postgresql() -> Iterator[Server]:
    with running("postgresql") as server:
        yield server


@pytest.mark.heavy
@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_few_machines(tmp_path: Path, scratch: Path, postgresql: Server) -> None:
    """A token, a head, another node, MLflow's server, the sweep on both, and how to look at it."""
    token, head, node, sweep, mlflow = commands("A few machines")
    status, doctor = commands("How to look")[0].splitlines()
    address, ray, tracker = "127.0.0.1", free_port(), free_port()
    database = postgresql.url("mlflow").replace("+psycopg2", "+psycopg")
    machines = Machines(
        tmp_path,
        scratch,
        {
            "postgresql+psycopg://me@10.0.0.1/mlflow": shlex.quote(database),
            "postgresql://me@10.0.0.1/optuna": shlex.quote(postgresql.url("optuna")),
            "http://10.0.0.1:5000": f"http://{address}:{tracker}",
            "10.0.0.1:6379": f"{address}:{ray}",
            "--port=6379": f"--port={ray}",
            "--port 5000": f"--port {tracker}",
            "10.0.0.1": address,
            "--num-cpus=15": "--num-cpus=1",
        },
    )
    shared = tmp_path / "sweeps"
    shared.mkdir()
    (shared / "my_sweep.yaml").write_text(yaml.safe_dump(definition(trials=3, jobs=None)))
    try:
        machines.run(token)
        machines.run(head)
        machines.run(node)
        machines.start(mlflow)
        until(lambda: answers(f"http://{address}:{tracker}/health"), "MLflow's server answers")
        told = machines.run(sweep)
        cores = 1 + len(os.sched_getaffinity(0))
        assert re.search(rf"{min(cores, 3)} at once on the Ray cluster at .* \(2 nodes\)", told), (
            told
        )
        assert "3 trials: 3 complete" in told
        assert "Resources" in machines.run(f"export RAY_AUTH_MODE=token\n{status}")
        rest = sweep.rpartition("\n")[0].rpartition("clr-sweep run")[0]  # the folder, the server
        storage = "--storage postgresql://me@10.0.0.1/optuna"
        looked = machines.run(
            f"{rest}\n{doctor.partition('#')[0].replace('my-study', 'tiny')} {storage}"
        )
        assert "study tiny" in looked
    finally:
        machines.close()

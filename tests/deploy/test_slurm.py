"""The Slurm job, run as written by a real Slurm whose three nodes are this machine."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import psutil
import pytest
import yaml
from deployed import SLURM_JOB
from documentation import text_of
from own_process import modules
from real_runs import PROJECT, definition
from slurm_clusters import Slurm, slurm, until

pytestmark = pytest.mark.timeout(900)

HELD = Path(__file__).parent / "held_sweep.py"
SCALING = PROJECT / "docs" / "scaling.md"
WORDS = ("my sweep.yaml", "--trials", "3")
SMALL = ("--nodes=2", "--cpus-per-task=2", "--mem-per-cpu=100M")
ENDED = ("COMPLETED", "FAILED", "CANCELLED", "NODE_FAIL", "TIMEOUT")


def test_the_script_is_clean() -> None:
    """ShellCheck finds nothing, and bash can read it."""
    for command in (["shellcheck", str(SLURM_JOB)], ["bash", "-n", str(SLURM_JOB)]):
        program = shutil.which(command[0], path=f"{Path(sys.executable).parent}:/usr/bin:/bin")
        assert program is not None, command
        done = subprocess.run([program, *command[1:]], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr


def test_options_of_the_job() -> None:
    """They stand before the first command, where sbatch looks for them, and are those it knows."""
    head = text_of(SLURM_JOB).partition("\nset -")[0].splitlines()
    options = dict(re.fullmatch(r"#SBATCH --([\w-]+)=?(\S*)", line).groups()  # type: ignore[union-attr]
                   for line in head if line.startswith("#SBATCH"))  # fmt: skip
    assert "#SBATCH" not in text_of(SLURM_JOB).partition("\nset -")[2]
    assert options["ntasks-per-node"] == "1"
    assert options["signal"] == "B:USR1@180"  # minutes that the head comment speaks of
    assert {"requeue", "no-kill"} <= set(options)
    assert options["open-mode"] == "append"


@pytest.fixture(scope="module")
def cluster() -> Iterator[Slurm]:
    with (
        tempfile.TemporaryDirectory(prefix="slurm") as folder,
        slurm(Path(folder), nodes=3) as made,
    ):
        yield made


class Job:
    """The job, in a folder that its files come into.

    Args:
        options: of sbatch.
        sweep: what Python runs as clr-sweep.
        words: what stands after the script's name.
    """

    def __init__(
        self,
        cluster: Slurm,
        folder: Path,
        *options: str,
        sweep: str = str(HELD),
        words: Sequence[str] = WORDS,
    ) -> None:
        self.cluster, self.folder = cluster, folder
        programs = folder / "bin"
        programs.mkdir()
        program = programs / "clr-sweep"
        program.write_text(f'#!/bin/sh\nexec {sys.executable} {sweep} "$@"\n')
        program.chmod(0o755)
        path = os.pathsep.join(
            [str(programs), str(Path(sys.executable).parent), "/usr/bin", "/bin"]
        )
        said = cluster.ask(
            "sbatch", "--parsable", *SMALL, *options, str(SLURM_JOB), *words, folder=folder,
            PATH=path, PYTHONPATH=modules(), OMP_NUM_THREADS="1",
        )  # fmt: skip
        assert said.isdecimal(), said
        self.number = said

    def said(self) -> list[dict[str, Any]]:
        file = self.folder / "said.jsonl"
        lines = file.read_text(encoding="utf-8").splitlines() if file.exists() else []
        return [json.loads(line) for line in lines]

    def wait_for(self, *words: str) -> list[dict[str, Any]]:
        """Until the program has said these things, and no other, since the job was submitted."""

        def has_said() -> bool:
            # Asked first: what it says before its end is written by then.
            over = self.cluster.state(self.number)["JobState"] in ENDED
            said = [one["said"] for one in self.said()] == list(words)
            assert said or not over, f"ended before {words}"
            return said

        try:
            until(has_said, f"{words}")
        except AssertionError as error:
            raise AssertionError(f"{error}: {self.said()}\n{self.log()}") from None
        return self.said()

    def wait_for_state(self, *states: str) -> dict[str, str]:
        try:
            until(lambda: self.cluster.state(self.number)["JobState"] in states, f"{states}")
        except AssertionError as error:
            found = self.cluster.state(self.number)
            raise AssertionError(f"{error}: {found}\n{self.log()}") from None
        return self.cluster.state(self.number)

    def log(self) -> str:
        return "\n".join(file.read_text() for file in sorted(self.folder.glob("*.log")))


def raylets() -> list[psutil.Process]:
    """Ray's own process on each node of a job, that of the head first."""
    word = "--raylet_socket_name=/tmp/ray-"
    found = [
        process
        for process in psutil.process_iter(["cmdline"])
        if any(one.startswith(word) for one in process.info["cmdline"] or ())
    ]
    return sorted(found, key=lambda process: process.create_time())


@pytest.mark.heavy
def test_a_job_runs_to_its_end(cluster: Slurm, tmp_path: Path) -> None:
    """All nodes join, less a core for the driver; the sweep gets all words as they are."""
    folders = set(Path("/tmp").glob("ray-*"))
    job = Job(cluster, tmp_path)
    (started,) = job.wait_for("started")
    assert started["arguments"] == ["run", *WORDS, "--engine", "ray"]
    assert started["cpus"] == 3
    (tmp_path / "go").touch()
    job.wait_for("started", "ended")
    assert job.wait_for_state("COMPLETED")["ExitCode"] == "0:0"
    assert set(Path("/tmp").glob("ray-*")) <= folders  # none of its folders is left


@pytest.mark.heavy
def test_a_job_whose_time_is_up_goes_on(cluster: Slurm, tmp_path: Path) -> None:
    """The sweep is stopped, the job waits under its number, and the same command runs again."""
    job = Job(cluster, tmp_path)
    job.wait_for("started")
    cluster.ask("scancel", "--signal=USR1", "--batch", job.number)
    job.wait_for("started", "stopped")
    assert job.wait_for_state("PENDING")["Restarts"] == "1"
    # Not within the second of its end, in which slurmd takes the new start for the old one; left
    # alone it starts two minutes later.
    cluster.ask("scontrol", "update", f"JobId={job.number}", "StartTime=now+3")
    first, _, second = job.wait_for("started", "stopped", "started")
    assert first == second
    (tmp_path / "go").touch()
    job.wait_for("started", "stopped", "started", "ended")
    assert job.wait_for_state("COMPLETED")["ExitCode"] == "0:0"


@pytest.mark.heavy
def test_a_job_that_is_stopped_does_not_go_on(cluster: Slurm, tmp_path: Path) -> None:
    """By the command that docs/scaling.md has for it; the exit status is the sweep's."""
    job = Job(cluster, tmp_path)
    job.wait_for("started")
    (command,) = re.findall(r"in order: `(scancel [^`]*) JOB`", text_of(SCALING))
    cluster.ask(*command.split(), job.number)
    job.wait_for("started", "stopped")
    ended = job.wait_for_state("FAILED", "CANCELLED")
    assert (ended["Restarts"], ended["ExitCode"]) == ("0", "143:0")


@pytest.mark.heavy
def test_a_cancelled_job_does_not_go_on(cluster: Slurm, tmp_path: Path) -> None:
    """Ray ends with it, and nothing of it is left."""
    job = Job(cluster, tmp_path)
    job.wait_for("started")
    cluster.ask("scancel", job.number)
    assert job.wait_for_state("CANCELLED")["Restarts"] == "0"
    until(lambda: not raylets(), "its Ray is gone")


@pytest.mark.heavy
def test_a_lost_node_takes_nothing_with_it(cluster: Slurm, tmp_path: Path) -> None:
    """Ray is killed on one of the nodes: the sweep goes on on the others."""
    job = Job(cluster, tmp_path, "--nodes=3")
    job.wait_for("started")
    raylets()[-1].kill()
    *_, less = job.wait_for("started", "a node less")
    assert less["cpus"] == 3
    (tmp_path / "go").touch()
    job.wait_for("started", "a node less", "ended")
    assert job.wait_for_state("COMPLETED")["ExitCode"] == "0:0"


@pytest.mark.heavy
def test_a_sweep_runs_as_a_job(cluster: Slurm, tmp_path: Path) -> None:
    """The real one, with its engine of Ray: a slot for each core but the driver's."""
    (tmp_path / "t.yaml").write_text(yaml.safe_dump(definition(trials=3, jobs=None)))
    job = Job(cluster, tmp_path, "--cpus-per-task=1", sweep="-m clr_sweep", words=["t.yaml"])
    assert job.wait_for_state("COMPLETED", "FAILED")["ExitCode"] == "0:0", job.log()
    assert "3 trials: 3 complete" in job.log()
    told = r"3 of 3 trials to run, 2 at once on the Ray cluster at .* \(2 nodes\)"
    assert re.search(told, job.log())

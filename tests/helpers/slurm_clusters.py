"""A real Slurm in a folder: a controller, and nodes that are all this machine.

tests/run installs its programs where they are missing; without them its tests fail.
"""

from __future__ import annotations

import contextlib
import getpass
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

# Never a verdict: only the end of a test that would hang.
PATIENCE_SECONDS = 300.0
# Daemons, which a user's path may lack the folder of.
_PATH = f"{os.environ.get('PATH', '')}:/usr/sbin"


class Slurm:
    """A cluster whose jobs get this environment, with other variables in place of some.

    Args:
        folder: for its files; its path has to be short, since there are sockets in it.
        nodes: so many, each with two cores, as it believes.
    """

    def __init__(self, folder: Path, nodes: int) -> None:
        self.folder = folder
        self.nodes = [f"n{number}" for number in range(1, nodes + 1)]
        for program in ("munged", "slurmctld", "slurmd", "sbatch"):
            if shutil.which(program, path=_PATH) is None:
                pytest.fail(f"there is no {program}; tests/run installs it")
        self._processes: list[subprocess.Popen[bytes]] = []
        self._environment = {
            **os.environ,
            "PATH": _PATH,
            "SLURM_CONF": str(folder / "slurm.conf"),
        }

    def start(self) -> None:
        """All daemons; when this returns, its nodes wait for jobs."""
        folder = self.folder
        folder.chmod(0o755)  # munge's socket is for all
        key = folder / "key"
        key.write_bytes(os.urandom(1024))
        key.chmod(0o400)
        host = socket.gethostname()
        lines = [
            f"ClusterName=tests\nSlurmctldHost={host}(127.0.0.1)\nSlurmctldPort={free_port()}",
            f"SlurmUser={getpass.getuser()}\nSlurmdUser={getpass.getuser()}",
            f"AuthType=auth/munge\nAuthInfo=socket={folder}/munge\nCryptoType=crypto/munge",
            # What a container gives: no cgroups.
            "ProctrackType=proctrack/linuxproc\nTaskPlugin=task/none",
            "JobAcctGatherType=jobacct_gather/none\nMpiDefault=none\nSwitchType=switch/none",
            "SelectType=select/cons_tres\nSelectTypeParameters=CR_Core",
            f"SlurmctldPidFile={folder}/slurmctld.pid\nSlurmdPidFile={folder}/%n.pid",
            f"StateSaveLocation={folder}/state\nSlurmdSpoolDir={folder}/spool-%n",
            f"SlurmctldLogFile={folder}/slurmctld.log\nSlurmdLogFile={folder}/%n.log",
            "ReturnToService=2\nKillWait=5\nSchedulerParameters=sched_interval=1,bf_interval=1",
            *(
                f"NodeName={name} NodeHostname={host} NodeAddr=127.0.0.1 Port={free_port()} "
                "CPUs=2 RealMemory=1000"
                for name in self.nodes
            ),
            "PartitionName=all Nodes=ALL Default=YES MaxTime=INFINITE State=UP",
        ]
        (folder / "slurm.conf").write_text("\n".join(lines) + "\n")
        (folder / "state").mkdir()
        self._daemon(
            "munged", "--foreground", f"--key-file={key}", f"--socket={folder}/munge",
            f"--pid-file={folder}/munged.pid", f"--seed-file={folder}/seed",
            f"--log-file={folder}/munged.log",
        )  # fmt: skip
        until((folder / "munge").exists, "munge listens")
        self._daemon("slurmctld", "-D")
        for name in self.nodes:
            self._daemon("slurmd", "-D", "-N", name)
        until(lambda: self.ask("sinfo", "-h", "-t", "idle", "-o", "%D") == str(len(self.nodes)),
              "all nodes are idle")  # fmt: skip

    def _daemon(self, program: str, *arguments: str) -> None:
        path = shutil.which(program, path=_PATH)
        assert path is not None
        self._processes.append(
            subprocess.Popen(
                [path, *arguments],
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
        )

    def ask(self, *command: str, folder: Path | None = None, **variables: str) -> str:
        """What one of Slurm's commands says; nothing where it fails."""
        done = subprocess.run(
            command, cwd=folder, env=self._environment | variables,
            capture_output=True, text=True, timeout=PATIENCE_SECONDS, check=False,
        )  # fmt: skip
        return done.stdout.strip()

    def state(self, job: str) -> dict[str, str]:
        """What is known of a job: JobState, Restarts, ExitCode and so on."""
        words = self.ask("scontrol", "show", "job", job).split()
        return dict(word.split("=", 1) for word in words if "=" in word)

    def stop(self) -> None:
        """End its jobs, and then its daemons."""
        self.ask("scancel", f"--user={getpass.getuser()}")
        with contextlib.suppress(AssertionError):
            until(lambda: not self.ask("squeue", "-h"), "no job is left")
        for process in reversed(self._processes):
            process.terminate()
        for process in self._processes:
            process.wait(PATIENCE_SECONDS)


@contextlib.contextmanager
def slurm(folder: Path, nodes: int) -> Iterator[Slurm]:
    """A cluster, for as long as the block runs."""
    cluster = Slurm(folder, nodes)
    try:
        cluster.start()
        yield cluster
    finally:
        cluster.stop()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def until(happened: Callable[[], bool], what: str) -> None:
    """Wait until it has happened."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not happened():
        assert time.monotonic() < deadline, f"never: {what}"
        time.sleep(0.1)

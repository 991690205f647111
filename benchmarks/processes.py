"""Processes that are measured: what they cost with all that they start, and where they run."""

from __future__ import annotations

import contextlib
import os
import resource
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

from clr_sweep.engines.local.processes import adopt_orphans

ROOT = Path(__file__).parents[1]


@dataclass(frozen=True)
class Cost:
    """What a command took.

    Attributes:
        wall: seconds by the clock.
        cpu: seconds of CPU, user and system, of all its processes.
    """

    wall: float
    cpu: float


def pin(cores: Sequence[int] | None) -> None:
    """Keep this process, and all that it starts, on these cores; None: where it may run now."""
    if cores is not None:
        os.sched_setaffinity(0, cores)


def environment(tree: Path = ROOT, **more: str) -> Mapping[str, str]:
    """The variables for a process that imports clr_sweep and benchmarks from `tree`."""
    return {**os.environ, "PYTHONPATH": str(tree), **more}


def measured(arguments: Sequence[str], folder: Path, variables: Mapping[str, str]) -> Cost:
    """Run Python with these arguments to its end, and wait for every process that it leaves.

    Nothing else may run below this process meanwhile.

    Raises:
        RuntimeError: it failed; with what it said.
    """
    adopt_orphans()
    before, began = _cpu_of_children(), time.perf_counter()
    done = subprocess.run(
        [sys.executable, *arguments], cwd=folder, env=variables, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False,
    )  # fmt: skip
    wall = time.perf_counter() - began
    take_away_orphans()
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(arguments)}: exit status {done.returncode}\n{done.stdout}")
    return Cost(wall, _cpu_of_children() - before)


def cpu_below(process: psutil.Process) -> float:
    """Seconds of CPU that a process and all below it have used, those that ended included."""
    seconds = 0.0
    for each in (process, *process.children(recursive=True)):
        with contextlib.suppress(psutil.NoSuchProcess):
            times = each.cpu_times()
            seconds += times.user + times.system + times.children_user + times.children_system
    return seconds


def take_away_orphans() -> None:
    """Wait for all processes that were left to this one; see `adopt_orphans`."""
    with contextlib.suppress(ChildProcessError):
        while True:
            os.wait()


def _cpu_of_children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime

"""What processes have cost so far, by what they are for."""

from __future__ import annotations

import contextlib
import statistics
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import psutil

from benchmarks.memory import memory
from benchmarks.scaling.cluster import Cluster

DRIVER, RAY, WORKERS = "driver", "Ray", "workers"
LEAST_BYTES = 4 * 2**30
_MIB = 2**20


def cpu_seconds(made: Cluster, servers: Mapping[str, psutil.Process]) -> dict[str, float]:
    """Seconds of CPU so far: the driver's, Ray's own, its workers' with their jobs, the servers'.

    Those of processes that have ended are with the process that they were started by.
    """
    ray, workers = made.processes()
    below = {name: [one, *one.children(recursive=True)] for name, one in servers.items()}
    return {
        DRIVER: time.process_time(),
        RAY: _own(ray),
        WORKERS: _own(workers),
        **{name: _own(processes) for name, processes in below.items()},
    }


def _own(processes: Iterable[psutil.Process]) -> float:
    seconds = 0.0
    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            times = process.cpu_times()
            seconds += times.user + times.system + times.children_user + times.children_system
    return seconds


@dataclass(frozen=True)
class Worker:
    """What one takes in memory, MiB (proportional set size).

    Attributes:
        actor: the process that Ray has started.
        server: the one that jobs are forked from, and multiprocessing's tracker.
        job: a job that waits.
    """

    actor: float
    server: float
    job: float


def memory_of_workers(made: Cluster, jobs: Iterable[int]) -> Worker:
    """The median of each part over all workers; a job of each is running.

    Args:
        jobs: their processes' numbers.
    """
    pids, found = set(jobs), {"actor": [], "server": [], "job": []}
    for process in made.processes()[1]:
        with contextlib.suppress(psutil.Error):
            if process.pid in pids:
                kind = "job"
            else:
                kind = "actor" if process.cmdline()[0].startswith("ray::") else "server"
            if (taken := memory(process.pid)) is not None:
                found[kind].append(taken.pss / _MIB)
    return Worker(*(statistics.median(values) for values in found.values()))


def refuse_if_full() -> None:
    """Raise where the machine is about to run out of memory."""
    if (left := psutil.virtual_memory().available) < LEAST_BYTES:
        raise MemoryError(f"{left / 2**30:.1f} GiB of memory are left, {LEAST_BYTES >> 30} needed")

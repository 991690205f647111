"""A slot on a node: it holds one job at a time, each in a process of its own."""

from __future__ import annotations

import contextlib
import os
import platform
import sys
import threading
from collections.abc import Hashable
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import ray

from clr_sweep.common.gpus import ASSIGNED_GPU, VISIBLE
from clr_sweep.common.scratch import scratch_folder
from clr_sweep.engines.base import Event
from clr_sweep.engines.local import forkserver
from clr_sweep.engines.local.engine import LocalEngine
from clr_sweep.engines.local.processes import adopt_orphans
from clr_sweep.engines.ray.shared_folder import Beacon

# What decides a training's numbers, and what is written of it.
_PACKAGES = ("clr-sweep", "tensorflow", "keras", "numpy")
# A stop is noticed so soon; what a job says at once.
_LOOK_SECONDS = 0.2


@dataclass(frozen=True)
class Greeting:
    """What a worker says of its node.

    Attributes:
        problem: why no job may run there, if none may.
    """

    node: str
    versions: dict[str, str]
    problem: str | None


class Worker:
    """One slot of the engine: a Ray actor, used for one job after another.

    A job is forked from a server of the worker's own, as on one machine. Nothing of TensorFlow is
    in the actor's process itself, and when that dies, so does the job.

    Jobs are numbered in the order of their starts, since a stop may overtake the start.

    Args:
        folder: the current one of the driver, which jobs find themselves in where it is there.
        preload: the modules that the server imports before it forks.
    """

    def __init__(self, folder: str, preload: tuple[str, ...]) -> None:
        with contextlib.suppress(OSError):
            os.chdir(folder)
        _take_gpus()
        # Of a job's process, which would run Ray's own program first.
        sys.modules["__main__"].__dict__.pop("__file__", None)
        self._scratch = scratch_folder()
        self._scratch.__enter__()
        forkserver.PRELOAD = preload
        self._engine = LocalEngine(1)
        adopt_orphans()
        self._one_at_a_time = threading.Lock()
        self._stopped = -1

    def greet(self, beacon: Beacon) -> Greeting:
        """Whether jobs may run here."""
        return Greeting(platform.node(), versions(), beacon.problem())

    def start(
        self, number: int, key: Hashable, function: str, payload: Any, log: str
    ) -> Event | None:
        """Start a job; its first event, None if it is stopped before there is one."""
        with self._one_at_a_time:
            if number > self._stopped:
                self._engine.start(key, function, payload, Path(log))
        return self._event(number)

    def answer(self, number: int, key: Hashable, value: Any) -> Event | None:
        """Answer a job's message; its next event, None if it is stopped before there is one."""
        with self._one_at_a_time:
            if key in self._engine.running:
                self._engine.answer(key, value)
        return self._event(number)

    def stop(self, number: int) -> None:
        """End this job and those before it; called while `start` or `answer` waits for it."""
        self._stopped = number
        with self._one_at_a_time:
            self._engine.stop_all()

    def _event(self, number: int) -> Event | None:
        while number > self._stopped:
            with self._one_at_a_time:
                events = self._engine.wait(_LOOK_SECONDS)
            if events:
                return events[0]
        return None


def _take_gpus() -> None:
    """Let jobs see the GPUs that Ray has given, and no other."""
    if given := ray.get_runtime_context().get_accelerator_ids().get("GPU"):
        os.environ[ASSIGNED_GPU] = ", ".join(given)
    else:
        os.environ[VISIBLE] = "-1"


def versions() -> dict[str, str]:
    """Of Python and of the packages that decide a training's numbers."""
    found = {"python": platform.python_version()}
    for package in _PACKAGES:
        with contextlib.suppress(PackageNotFoundError):
            found[package] = version(package)
    return found

"""Ways to kill a sweep at a moment that nobody chose."""

from __future__ import annotations

import contextlib
import random
import signal
import time
from collections.abc import Callable, Iterator
from typing import Any

import psutil
from crash_places import CrashPlace, jobs, server
from real_runs import PATIENCE_SECONDS, Running

# Kills from outside, after a random time.
OUTSIDE = ("driver", "trial", "driver and trial", "forkserver", "everything")
# Kills in the middle of writing, by a fault in the process itself: its kind, which file, and up to
# which time.
FAULTS: dict[str, tuple[str, str, int]] = {
    "in a checkpoint": ("sync", "*/checkpoint.part.npz", 4),
    "in the epochs": ("sync", "*/epochs.jsonl", 4),
    "in a model": ("sync", "*/model.part.keras", 1),
    "in a result": ("sync", "*/result.part.json", 1),
    "in an artifact": ("copy", "*/mlruns/*", 12),
    "in the study": ("commit", "*/optuna.db", 80),
    "in MLflow's store": ("commit", "*/mlflow.db", 120),
}
KINDS = (*OUTSIDE, *FAULTS)
# The driver lives on after these.
OF_TRIALS = ("trial", "forkserver", "in a checkpoint", "in the epochs", "in a model", "in a result")


def fault(kind: str, chance: random.Random) -> dict[str, Any]:
    """The fault of a kill in the middle of writing."""
    how, name, latest = FAULTS[kind]
    return {"kind": how, "name": name, "nth": chance.randint(1, latest)}


def wait_for_a_moment(place: CrashPlace, running: Running, chance: random.Random) -> None:
    """A random moment: sometimes of the start, mostly of the training."""
    if chance.random() < 0.25:
        _sleep(running, chance.uniform(0, 8))
        return
    before = place.epochs()
    _wait(running, lambda: place.epochs() != before)
    _sleep(running, chance.uniform(0, 2.5))


def wait_for_fault(place: CrashPlace, running: Running) -> bool:
    """Whether the fault came before the sweep ended."""
    _wait(running, place.fired.exists)
    return place.fired.exists()


def kill(kind: str, running: Running, chance: random.Random) -> bool:
    """Kill from outside; False if there was nothing of the kind to kill."""
    training = jobs(running)
    victims: list[psutil.Process] = []
    with contextlib.suppress(psutil.NoSuchProcess):
        if kind == "forkserver":
            victims = [found] if (found := server(running)) else []
        elif kind != "driver":
            victims = chance.sample(training, 1) if training else []
        if kind == "everything":
            victims = psutil.Process(running.process.pid).children(recursive=True)
        if kind in ("driver", "driver and trial", "everything"):
            if running.process.poll() is not None:
                return False
            victims.append(psutil.Process(running.process.pid))
    killed = 0
    for victim in victims:
        with contextlib.suppress(psutil.NoSuchProcess):
            victim.send_signal(signal.SIGKILL)
            killed += 1
    return killed > 0


def plan(number: int, seed: int) -> Iterator[str]:
    """So many kills, in a random order in which every kind comes as often as the others."""
    chance = random.Random(seed)
    kinds: list[str] = []
    while len(kinds) < number:
        kinds += chance.sample(KINDS, len(KINDS))
    yield from kinds[:number]


def _wait(running: Running, happened: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not happened() and running.process.poll() is None:
        if time.monotonic() > deadline:
            raise AssertionError(f"nothing goes on:\n{running.output}")
        time.sleep(0.01)


def _sleep(running: Running, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while running.process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.01)

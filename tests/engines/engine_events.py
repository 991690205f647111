"""What the tests of the engine wait for: the next event, and what a driver of its own says."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from multiprocessing import forkserver
from pathlib import Path
from typing import Any

import psutil

from clr_sweep.engines.base import Engine, Event, Message
from clr_sweep.engines.local.engine import LocalEngine

HERE = Path(__file__).parent


def only_event(engine: Engine) -> Event:
    """The next event."""
    while not (events := engine.wait(600)):
        pass
    assert len(events) == 1
    return events[0]


def outcome(engine: Engine, function: str, payload: Any, log: Path) -> Event:
    """The single event of a job that only ends."""
    engine.start("job", f"engine_jobs:{function}", payload, log)
    event = only_event(engine)
    assert event.key == "job"
    assert engine.running == ()
    return event


def said(engine: LocalEngine, key: str, function: str, payload: Any, log: Path) -> Any:
    """What a new job reports first; other jobs say nothing meanwhile."""
    engine.start(key, f"engine_jobs:{function}", payload, log)
    event = only_event(engine)
    assert isinstance(event, Message)
    assert event.key == key
    return event.value


def server_pid() -> int:
    """The number of the process that jobs are forked from."""
    pid: int = forkserver._forkserver._forkserver_pid  # type: ignore[attr-defined]
    return pid


def zombies() -> list[psutil.Process]:
    """Processes below this one that have ended and that nobody has waited for."""
    below = psutil.Process().children(recursive=True)
    return [process for process in below if process.status() == psutil.STATUS_ZOMBIE]


@contextlib.contextmanager
def start_driver(folder: Path, what: str, **environment: str) -> Iterator[subprocess.Popen[str]]:
    """A driver in a session of its own, as a terminal would start it; it ends with the block."""
    path = os.pathsep.join([str(HERE), os.environ.get("PYTHONPATH", "")])
    with subprocess.Popen(
        [sys.executable, str(HERE / "engine_driver.py"), str(folder), what],
        env={**os.environ, "PYTHONPATH": path, **environment},
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as driver:
        try:
            yield driver
        finally:  # of a test that fails it may still be there, and would be waited for for ever
            driver.kill()


def hears(pid: int, number: int) -> bool:
    """Whether a process has not blocked a signal."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    (blocked,) = (int(line.split()[1], 16) for line in lines if line.startswith("SigBlk"))
    return not blocked >> (number - 1) & 1


def heard(driver: subprocess.Popen[str]) -> dict[str, Any]:
    """The next thing that a driver says."""
    assert driver.stdout is not None
    return dict(json.loads(driver.stdout.readline()))

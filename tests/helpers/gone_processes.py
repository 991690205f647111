"""Processes that are to end by themselves, waited for."""

from __future__ import annotations

import time

import psutil

# Never a verdict: only the end of a test that would hang.
PATIENCE_SECONDS = 240.0


def is_gone(process: psutil.Process) -> bool:
    """Whether a process has ended (one that nobody waits for is a zombie)."""
    try:
        return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def assert_gone(processes: list[psutil.Process]) -> None:
    """The processes end by themselves."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while left := [process for process in processes if not is_gone(process)]:
        assert time.monotonic() < deadline, f"still there: {left}"
        time.sleep(0.05)

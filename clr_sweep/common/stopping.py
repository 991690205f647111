"""What makes a driver stop early: signals, and the death of the process that stands for it."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import TYPE_CHECKING

from clr_sweep.common.errors import ClrSweepError

# Imported where an `mlflow run` is looked at: every command imports this module.
if TYPE_CHECKING:
    import psutil


class InterruptedSweepError(ClrSweepError):
    """The sweep was asked to stop; what finished is kept. The exit status is the shell's."""

    def __init__(self, message: str, signal_number: int) -> None:
        super().__init__(message)
        self.exit_status = 128 + signal_number


# `mlflow run`, which Ctrl-C reaches too, sends a SIGTERM of its own and waits for us.
_CTRL_C_OF_MLFLOW = (signal.SIGINT, signal.SIGTERM)


class StopRequest:
    """Set by Ctrl-C, SIGTERM, a closed terminal, and the death of the `mlflow run` above us.

    `mlflow run` leaves its entry point behind when it is killed, and the run stays RUNNING in
    the store: the entry point has to notice by itself.

    Args:
        ends_process: a second signal ends the process; else a second Ctrl-C is Python's own, for
            a process that goes on, such as a notebook's.
    """

    def __init__(self, ends_process: bool = True) -> None:
        self._ends_process = ends_process
        self.signal_number: int | None = None
        self.reason = ""
        self._guardian = _mlflow_run() if "MLFLOW_RUN_ID" in os.environ else None

    def __bool__(self) -> bool:
        guardian = self._guardian
        if self.signal_number is None and guardian is not None and not _alive(guardian):
            self.signal_number = signal.SIGTERM
            self.reason = "the `mlflow run` that started it is gone"
        return self.signal_number is not None

    def receive(self, number: int, _frame: FrameType | None) -> None:
        if self._guardian is not None and (self.signal_number, number) == _CTRL_C_OF_MLFLOW:
            # Nobody has asked twice; once, since a third signal is somebody's.
            self._guardian = None
            return
        if self.signal_number is not None:
            if number == signal.SIGINT and not self._ends_process:
                raise KeyboardInterrupt
            # The second time: at once, without tidying up; the next start mends what is left.
            os._exit(128 + number)
        self.signal_number = number
        self.reason = f"stopped by {signal.Signals(number).name}"

    def error(self) -> InterruptedSweepError:
        return InterruptedSweepError(self.reason, self.signal_number or signal.SIGTERM)


@contextmanager
def stop_request(ends_process: bool = True) -> Iterator[StopRequest]:
    """A StopRequest that hears SIGINT, SIGTERM and SIGHUP for as long as the block runs.

    In another thread than the main one, which alone is told of signals, it hears none.
    """
    request = StopRequest(ends_process)
    if threading.current_thread() is not threading.main_thread():
        yield request
        return
    numbers = [signal.SIGINT, signal.SIGTERM]
    # `nohup` has it ignored, and means it.
    if hasattr(signal, "SIGHUP") and signal.getsignal(signal.SIGHUP) != signal.SIG_IGN:
        numbers.append(signal.SIGHUP)
    before = {number: signal.signal(number, request.receive) for number in numbers}
    try:
        yield request
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def is_mlflow_run(process: psutil.Process) -> bool:
    """Whether a process is an `mlflow run`.

    Raises:
        psutil.Error: it is gone, or another user's.
    """
    words = process.cmdline()
    return any(os.path.basename(word) == "mlflow" for word in words[:3]) and "run" in words


def _alive(process: psutil.Process) -> bool:
    import psutil

    try:
        # A process that has ended and that nobody has waited for is still running to psutil.
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False


def _mlflow_run() -> psutil.Process | None:
    """The nearest ancestor that is an mlflow command, else the parent, if there is one."""
    import psutil

    ancestors = psutil.Process().parents()
    for process in ancestors:
        try:
            if is_mlflow_run(process):
                return process
        except psutil.Error:
            continue
    # The first process of a container has no parent.
    return ancestors[0] if ancestors else None

"""A job's process, followed by itself: what its server tells of it ends with the server."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import sys
import time
from multiprocessing import connection as mp_connection
from multiprocessing.process import BaseProcess

import psutil

from clr_sweep.engines.local.leftovers import below, end_leftovers

_PR_SET_CHILD_SUBREAPER = 36
# The exit status that multiprocessing makes up for a process whose server is gone.
_SERVER_IS_GONE = 255
_LOOK_AGAIN_SECONDS = 0.01
# For the system to hand an orphan to its new parent, or for the server to tell a status.
_PATIENCE_SECONDS = 10.0


def adopt_orphans(adopt: bool = True) -> None:
    """Become the parent of all processes below this one whose parent ends, or no longer.

    The first process of a container, which would become it, may never wait for them, and then
    they stay as zombies; nor does it tell how they ended. On Linux alone; elsewhere, and where
    the system refuses, nothing changes.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, int(adopt), 0, 0, 0)


class JobProcess:
    """The process of a job that has been started.

    Its parent is the server, which takes it away when it ends and tells its exit status. When
    the server is killed, multiprocessing takes the job for ended at once, although it goes on;
    so whether it is there is asked of the system. Its parent is this process then (see
    `adopt_orphans`), which waits for it: for it by its number, never for any child, since others
    in this process wait for theirs.
    """

    def __init__(self, started: BaseProcess) -> None:
        self._started = started
        self.pid: int = started.pid or 0
        self._below: dict[psutil.Process, str] = {}
        # Identified by its start too: a number alone may be given to another process.
        self._process: psutil.Process | None = None
        with contextlib.suppress(psutil.NoSuchProcess):
            self._process = psutil.Process(started.pid)

    @property
    def has_ended(self) -> bool:
        """Whether it runs no more, be it that nobody has taken it away yet."""
        return not self._exists or self._is_zombie

    def terminate(self) -> None:
        """Send SIGTERM, if it is still there."""
        self._below = below(self._process)
        with contextlib.suppress(psutil.NoSuchProcess):
            if self._process is not None:
                self._process.terminate()

    def kill(self) -> None:
        """Send SIGKILL, which ends stopped processes too, to it and its group, if it is there."""
        self._below |= below(self._process)
        self.signal_group(signal.SIGKILL)

    def signal_group(self, number: int) -> None:
        """Send a signal to all in its group, if it is still there and leads one."""
        with contextlib.suppress(psutil.NoSuchProcess, ProcessLookupError):
            if self._process is not None and self._process.is_running():
                if os.getpgid(self.pid) == self.pid:
                    os.killpg(self.pid, number)
                else:  # it was just made
                    self._process.send_signal(number)

    def end_leftovers(self, server: int | None) -> tuple[str, ...]:
        """End what it left behind; a line for each process. Call it when this one has ended.

        Args:
            server: the process that jobs are forked from.
        """
        return end_leftovers(self.pid, self._below, server)

    def wait(self, deadline: float) -> bool:
        """Wait for its end until `deadline`, a time of `time.monotonic`; whether it has ended."""
        while not self.has_ended:
            left = deadline - time.monotonic()
            if left <= 0:
                return False
            # Woken by its end; at once and every time where the server is gone.
            if mp_connection.wait([self._started.sentinel], min(left, 1.0)):
                time.sleep(_LOOK_AGAIN_SECONDS)
        return True

    def take_away(self) -> int | None:
        """Leave no zombie of a process that has ended; its exit status.

        Returns:
            As `Process.exitcode`: negative for a signal. None if nobody tells it.
        """
        self._started.join(_PATIENCE_SECONDS)
        exitcode = self._started.exitcode
        if exitcode != _SERVER_IS_GONE:
            return exitcode
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while self._process is not None and self._exists and time.monotonic() < deadline:
            with contextlib.suppress(ChildProcessError):  # not handed to us, or not yet
                pid, status = os.waitpid(self._process.pid, os.WNOHANG)
                if pid:
                    return os.waitstatus_to_exitcode(status)
            time.sleep(_LOOK_AGAIN_SECONDS)
        return exitcode

    @property
    def _exists(self) -> bool:
        return self._process is not None and self._process.is_running()

    @property
    def _is_zombie(self) -> bool:
        """Whether it has ended and nobody has taken it away.

        The first of its threads may have ended while others go on, or are just being ended: they
        are still the parents of what they started.
        """
        try:
            return self._process is None or (
                self._process.status() == psutil.STATUS_ZOMBIE and self._process.num_threads() <= 1
            )
        except psutil.NoSuchProcess:  # a zombie has no threads where it cannot be asked for them
            return True

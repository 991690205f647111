"""The server that jobs are forked from: it has imported Keras once, and has run no operation."""

from __future__ import annotations

import contextlib
import multiprocessing
import multiprocessing.forkserver
import multiprocessing.resource_tracker
import os
import signal
import sys
import tempfile
from collections.abc import Iterator
from typing import Any

from clr_sweep.common.errors import ClrSweepError
from clr_sweep.engines.local.job import SIGNALS_TO_A_GROUP

# Imported by the server before it forks: everything a job needs, so that a job starts at once.
PRELOAD: tuple[str, ...] = ("clr_sweep.study.preloaded", "clr_sweep.engines.local.last_import")


def job_context() -> Any:
    # TensorFlow's and oneDNN's greetings would stand in every trial's log.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    # A process that inherits the run of `mlflow run` would write into the parent's run.
    os.environ.pop("MLFLOW_RUN_ID", None)
    if sys.platform != "linux":
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(list(PRELOAD))
    return context


_server_folder = ""


def start_server() -> None:
    """Start the server that jobs are forked from, if it is not there.

    It is deaf to the signals that reach the whole group. It goes when this process goes. One that
    was started with another folder for temporary files is replaced: its jobs inherit its
    environment.

    Raises:
        ClrSweepError: it cannot be started.
    """
    global _server_folder
    if sys.platform != "linux":
        return
    if _server_folder != tempfile.gettempdir():
        end_server()
        _server_folder = tempfile.gettempdir()
    try:
        with born_deaf():
            multiprocessing.forkserver.ensure_running()
    except OSError as error:
        raise ClrSweepError(
            f"the server that trials are started from cannot be started: {error}; its socket "
            f"is a file below {_server_folder}: set TMPDIR to a shorter path that can be written"
        ) from error


@contextlib.contextmanager
def born_deaf() -> Iterator[None]:
    """A server that is started in the block is deaf to the signals that reach the whole group.

    A signal that is blocked here stays blocked in what is started; for this process it is only
    delivered later. Each start of a job may start a server too: one that was killed may die
    between `start_server` and that. A job hears the signals again (`engines/local/job.py`).
    """
    if sys.platform != "linux":
        yield
        return
    # Started first, since it unblocks the same signals.
    multiprocessing.resource_tracker.ensure_running()
    before = signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS_TO_A_GROUP)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def server_pid() -> int | None:
    """The number of the server's process, where there is one."""
    if sys.platform != "linux":
        return None
    pid: int | None = multiprocessing.forkserver._forkserver._forkserver_pid  # type: ignore[attr-defined]
    return pid


def end_server() -> None:
    """Kill the server, if there is one; its jobs go on."""
    if sys.platform != "linux":
        return
    server: Any = multiprocessing.forkserver._forkserver
    if server._forkserver_pid is not None:
        os.kill(server._forkserver_pid, signal.SIGKILL)
        with contextlib.suppress(OSError):  # its socket may be gone
            server._stop()

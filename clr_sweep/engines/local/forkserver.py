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
import types
from collections.abc import Iterator
from typing import Any

from clr_sweep.common.errors import ClrSweepError
from clr_sweep.common.standard_streams import hold_numbers
from clr_sweep.engines.local.job import SIGNALS_TO_A_GROUP

# Imported by the server before it forks: everything a job needs, so that a job starts at once.
PRELOAD: tuple[str, ...] = ("clr_sweep.study.preloaded", "clr_sweep.engines.local.last_import")


def job_context() -> Any:
    # TensorFlow's and oneDNN's greetings would stand in every trial's log.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    # A model whose layers are made in the order of a set of names is another one at each start.
    os.environ.setdefault("PYTHONHASHSEED", "0")
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
    hold_numbers()
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


@contextlib.contextmanager
def without_main() -> Iterator[None]:
    """A process that is started in the block does not run this process' main module again.

    A job knows its functions by name. A program of the user's without a guard
    (`if __name__ == "__main__"`) would start its sweep once more in each of them.
    """
    main = sys.modules["__main__"]
    sys.modules["__main__"] = types.ModuleType("__main__")
    try:
        yield
    finally:
        sys.modules["__main__"] = main


@contextlib.contextmanager
def own_server() -> Iterator[None]:
    """The server that is started in the block is another than the process may have, and ends there.

    A process of the user's may fork from one server for purposes of its own, with other modules
    imported there; multiprocessing knows one.
    """
    if sys.platform != "linux":
        yield
        return
    module: Any = multiprocessing.forkserver
    server = multiprocessing.forkserver.ForkServer()
    ours = {name: getattr(server, name) for name in _METHODS} | {"_forkserver": server}
    before = {name: getattr(module, name) for name in ours}
    vars(module).update(ours)
    try:
        yield
    finally:
        end_server()
        vars(module).update(before)


# What multiprocessing offers of its one server.
_METHODS = (
    "ensure_running",
    "get_inherited_fds",
    "connect_to_new_process",
    "set_forkserver_preload",
)


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

"""What runs in a job's process: it waits for its start, calls the function, sends what came."""

from __future__ import annotations

import contextlib
import importlib
import multiprocessing
import os
import pickle
import signal
import sys
import threading
import traceback
from collections.abc import Callable, Mapping
from multiprocessing import connection as mp_connection
from multiprocessing.connection import Connection
from typing import Any

from clr_sweep.common.errors import ClrSweepError
from clr_sweep.common.secrets import guard_process, hidden
from clr_sweep.common.tracebacks import users_traceback
from clr_sweep.engines.local.leftovers import end_with_all_below
from clr_sweep.engines.local.processes import adopt_orphans

SIGNALS_TO_A_GROUP = (signal.SIGINT, signal.SIGTERM)
NAME = "clr-sweep"
"""What the name of a job's process begins with."""


def is_job() -> bool:
    """Whether this process is a job's: then what imports a module here is a training."""
    return multiprocessing.current_process().name.startswith(f"{NAME} ")


def run(
    connection: Connection,
    function: str,
    payload: Any,
    log: str,
    environment: Mapping[str, str],
) -> None:
    """Run `function(payload, report)`, send what came of it, and wait for the driver to end us.

    The process leads a session of its own and adopts the orphans below it, so that the driver
    finds all that the function has started, and ends it with the job.

    Args:
        connection: to the driver. It says first that it knows of this process: one whose start
            failed half way, since the server was killed, must not train beside the one that
            was started in its place.
        function: as `module:name`.
        payload: its first argument.
        log: file that standard output and error are appended to.
        environment: variables that are set before the function's module is imported.
    """
    if hasattr(os, "setsid"):
        os.setsid()
    adopt_orphans()
    # Ctrl-C is the driver's: no terminal reaches this session, and nothing else should.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    if sys.platform == "linux":
        signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS_TO_A_GROUP)
    try:
        connection.recv()
    except (EOFError, OSError):
        os._exit(1)
    job_pid = os.getpid()
    guard_process()
    _print_into(log)
    os.environ.update(environment)
    threading.Thread(target=_die_with_parent, daemon=True).start()

    def report(value: Any) -> Any:
        _end_a_copy(job_pid)
        try:
            connection.send(("message", value))
            return connection.recv()
        except (EOFError, OSError):
            end_with_all_below()  # the driver is gone

    try:
        job = _job(function)
        answer = ("done", job(payload, report))
    except BaseException as error:
        _end_a_copy(job_pid)
        answer = _failure(error)
    _end_a_copy(job_pid)
    sys.stdout.flush()
    sys.stderr.flush()
    try:
        try:
            connection.send(answer)
        except OSError:
            raise
        except Exception as error:  # it cannot be pickled; nothing was sent yet
            connection.send(_failure(error))
        # Nothing more comes: the driver, which has the answer, ends this process and all below.
        # TensorFlow's threads and exit handlers have nothing left to do that matters.
        connection.recv()
    except (EOFError, OSError):
        end_with_all_below()


def _end_a_copy(job_pid: int) -> None:
    """End a copy of the job that its code forked and that came back from there."""
    if os.getpid() != job_pid:
        os._exit(0)


def _job(function: str) -> Callable[[Any, Callable[[Any], Any]], Any]:
    """Returns the function `module:name`.

    Raises:
        ClrSweepError: Keras refuses its own settings. It does so when it is imported, and that is
            here, before any of the user's code.
    """
    module, _, name = function.partition(":")
    try:
        job: Callable[[Any, Callable[[Any], Any]], Any]
        job = getattr(importlib.import_module(module), name)
    except ValueError as error:
        if "keras" in sys.modules:  # it is there and whole: the fault is not Keras'
            raise
        raise ClrSweepError(f"Keras cannot be imported: {error}") from error
    return job


def _failure(error: BaseException) -> tuple[str, tuple[BaseException, str]]:
    """The answer of a job that failed; the log has the whole traceback."""
    print(hidden("".join(traceback.format_exception(error))), file=sys.stderr, flush=True)
    text = hidden(users_traceback(error))
    kept: BaseException = RuntimeError(hidden(repr(error)))
    if isinstance(error, ClrSweepError):
        # One whose constructor takes other arguments would fail to arrive.
        with contextlib.suppress(Exception):
            kept = pickle.loads(pickle.dumps(error))
    return "failed", (kept, text)


def _print_into(log: str) -> None:
    handle = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    os.dup2(handle, 1)
    os.dup2(handle, 2)
    os.close(handle)


def _die_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        mp_connection.wait([parent.sentinel])
        end_with_all_below()

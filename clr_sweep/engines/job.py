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
from collections.abc import Mapping
from multiprocessing import connection as mp_connection
from multiprocessing.connection import Connection
from typing import Any

from clr_sweep.errors import ClrSweepError

SIGNALS_TO_A_GROUP = (signal.SIGINT, signal.SIGTERM)


def run(
    connection: Connection,
    function: str,
    payload: Any,
    log: str,
    environment: Mapping[str, str],
) -> None:
    """Run `function(payload, report)` and end the process.

    Args:
        connection: to the driver. It says first that it knows of this process: one whose start
            failed half way, since the server was killed, must not train beside the one that
            was started in its place.
        function: as `module:name`.
        payload: its first argument.
        log: file that standard output and error are appended to.
        environment: variables that are set before the function's module is imported.
    """
    # Ctrl-C goes to every process of the terminal; what happens to a job, the driver decides.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    if sys.platform == "linux":
        signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS_TO_A_GROUP)
    try:
        connection.recv()
    except (EOFError, OSError):
        os._exit(1)
    _print_into(log)
    os.environ.update(environment)
    threading.Thread(target=_die_with_parent, daemon=True).start()

    def report(value: Any) -> Any:
        try:
            connection.send(("message", value))
            return connection.recv()
        except (EOFError, OSError):
            os._exit(1)  # the driver is gone

    try:
        module, _, name = function.partition(":")
        job = getattr(importlib.import_module(module), name)
        answer = ("done", job(payload, report))
    except BaseException as error:
        answer = _failure(error)
    try:
        connection.send(answer)
    except OSError:
        os._exit(1)  # the driver is gone
    except Exception as error:  # it cannot be pickled; nothing was sent yet
        connection.send(_failure(error))
    connection.close()
    sys.stdout.flush()
    sys.stderr.flush()
    # TensorFlow's threads and exit handlers have nothing left to do that matters.
    os._exit(0)


def _failure(error: BaseException) -> tuple[str, tuple[BaseException, str]]:
    """The answer of a job that failed; the log has the traceback too."""
    text = "".join(traceback.format_exception(error))
    print(text, file=sys.stderr, flush=True)
    kept: BaseException = RuntimeError(repr(error))
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
        os._exit(1)

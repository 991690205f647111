"""Jobs in processes of this machine, each forked from a server that has imported Keras once."""

from __future__ import annotations

import contextlib
import importlib
import multiprocessing
import multiprocessing.forkserver
import os
import pickle
import signal
import sys
import threading
import time
import traceback
from collections.abc import Hashable, Iterator
from dataclasses import dataclass
from multiprocessing import connection as mp_connection
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

from clr_sweep.errors import ClrSweepError

# Imported by the server before it forks: everything a job needs, so that a job starts at once.
PRELOAD = ("clr_sweep.engines.server",)
GRACE_SECONDS = 5.0


@dataclass(frozen=True)
class Message:
    """A job said something and waits for `LocalEngine.answer`."""

    key: Hashable
    value: Any


@dataclass(frozen=True)
class Done:
    """A job returned."""

    key: Hashable
    value: Any


@dataclass(frozen=True)
class Failed:
    """A job raised an exception, given with its traceback as text."""

    key: Hashable
    error: BaseException
    traceback: str


@dataclass(frozen=True)
class Died:
    """A job's process ended without a word: killed, out of memory, or crashed."""

    key: Hashable
    reason: str


Event = Message | Done | Failed | Died


@dataclass
class _Job:
    process: BaseProcess
    connection: Connection


class LocalEngine:
    """Runs up to `slots` jobs at once, each in a process of its own.

    On Linux the processes are forked from a server that has run no TensorFlow operation: a start
    takes hundredths of a second, against ten seconds for a process that imports TensorFlow.
    Elsewhere they are spawned.
    """

    def __init__(self, slots: int) -> None:
        self.slots = slots
        self._jobs: dict[Hashable, _Job] = {}
        self._context = _context()
        _start_server()

    @property
    def running(self) -> tuple[Hashable, ...]:
        return tuple(self._jobs)

    @property
    def has_room(self) -> bool:
        return len(self._jobs) < self.slots

    def start(self, key: Hashable, function: str, payload: Any, log: Path) -> None:
        """Start `function(payload, report)`; what it prints goes to the file `log`.

        Args:
            key: names the job in its events.
            function: as `module:name`, so that the caller need not import it. It takes the
                payload and `report(value)`, which sends a Message and waits for the answer.
            payload: anything that can be pickled.
            log: file that standard output and error of the job are appended to.
        """
        log.parent.mkdir(parents=True, exist_ok=True)
        ours, theirs = self._context.Pipe()
        process = self._context.Process(
            target=_run, args=(theirs, function, payload, str(log)), name=f"clr-sweep {key}"
        )
        process.start()
        theirs.close()
        self._jobs[key] = _Job(process, ours)

    def answer(self, key: Hashable, value: Any) -> None:
        """Answer a Message. A job that has died meanwhile shows as Died at the next wait."""
        with contextlib.suppress(OSError):
            self._jobs[key].connection.send(value)

    def wait(self, timeout: float) -> list[Event]:
        """The events of the next `timeout` seconds, as soon as there is one."""
        waiting = {job.connection: key for key, job in self._jobs.items()}
        if not waiting:
            time.sleep(timeout)
            return []
        ready = mp_connection.wait(list(waiting), timeout)
        return [self._receive(waiting[item]) for item in ready]  # type: ignore[index]

    def stop_all(self) -> tuple[Hashable, ...]:
        """End every job: SIGTERM, and SIGKILL for what is still there after a while."""
        stopped = self.running
        for job in self._jobs.values():
            job.process.terminate()
        deadline = time.monotonic() + GRACE_SECONDS
        for job in self._jobs.values():
            job.process.join(max(0.0, deadline - time.monotonic()))
            if job.process.exitcode is None:
                job.process.kill()
                job.process.join()
            job.connection.close()
        self._jobs.clear()
        return stopped

    def _receive(self, key: Hashable) -> Event:
        job = self._jobs[key]
        try:
            kind, value = job.connection.recv()
        except (EOFError, OSError, pickle.UnpicklingError):
            return Died(key, _death(self._end(key)))
        if kind == "message":
            return Message(key, value)
        self._end(key)
        return Done(key, value) if kind == "done" else Failed(key, *value)

    def _end(self, key: Hashable) -> int | None:
        job = self._jobs.pop(key)
        job.connection.close()
        job.process.join(GRACE_SECONDS)
        if job.process.exitcode is None:
            job.process.kill()
            job.process.join()
        return job.process.exitcode


@contextlib.contextmanager
def local_engine(slots: int) -> Iterator[LocalEngine]:
    """An engine whose jobs do not outlive the block."""
    engine = LocalEngine(slots)
    try:
        yield engine
    finally:
        engine.stop_all()


def _context() -> Any:
    # TensorFlow's and oneDNN's greetings would stand in every trial's log.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    # A process that inherits the run of `mlflow run` would write into the parent's run.
    os.environ.pop("MLFLOW_RUN_ID", None)
    if sys.platform != "linux":
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(list(PRELOAD))
    return context


def _start_server() -> None:
    """Start the server that jobs are forked from, deaf to Ctrl-C.

    It ignores Ctrl-C itself, but only once its imports are done, after some seconds. A blocked
    signal stays blocked in what is started; for this process it is only delivered later.
    """
    if sys.platform != "linux":
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        multiprocessing.forkserver.ensure_running()
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _run(connection: Connection, function: str, payload: Any, log: str) -> None:
    # Ctrl-C goes to every process of the terminal; what happens to a job, the driver decides.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    _print_into(log)
    threading.Thread(target=_die_with_parent, daemon=True).start()

    def report(value: Any) -> Any:
        connection.send(("message", value))
        return connection.recv()

    try:
        module, _, name = function.partition(":")
        job = getattr(importlib.import_module(module), name)
        answer = ("done", job(payload, report))
    except (EOFError, BrokenPipeError, ConnectionResetError):
        os._exit(1)  # the driver is gone
    except BaseException as error:
        text = traceback.format_exc()
        print(text, file=sys.stderr, flush=True)
        kept = error if isinstance(error, ClrSweepError) else RuntimeError(repr(error))
        answer = ("failed", (kept, text))
    connection.send(answer)
    connection.close()
    sys.stdout.flush()
    sys.stderr.flush()
    # TensorFlow's threads and exit handlers have nothing left to do that matters.
    os._exit(0)


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


def _death(exitcode: int | None) -> str:
    if exitcode is not None and exitcode < 0:
        try:
            name = signal.Signals(-exitcode).name
        except ValueError:
            name = f"signal {-exitcode}"
        hint = " (out of memory?)" if -exitcode == signal.SIGKILL else ""
        return f"the trial's process was ended by {name}{hint}"
    return f"the trial's process ended with exit status {exitcode}"

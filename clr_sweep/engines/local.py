"""Jobs in processes of this machine, each forked from a server that has imported Keras once."""

from __future__ import annotations

import contextlib
import importlib
import multiprocessing
import multiprocessing.forkserver
import multiprocessing.resource_tracker
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
_SIGNALS_TO_A_GROUP = (signal.SIGINT, signal.SIGTERM)


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

        Raises:
            ValueError: a job of this key is running.
            ClrSweepError: no process can be started.
        """
        if key in self._jobs:
            raise ValueError(f"a job named {key!r} is running already")
        log.parent.mkdir(parents=True, exist_ok=True)
        ours, theirs = self._context.Pipe()
        process = self._context.Process(
            target=_run, args=(theirs, function, payload, str(log)), name=f"clr-sweep {key}"
        )
        try:
            process.start()
        except (EOFError, OSError) as error:
            raise ClrSweepError(
                f"no process can be started for {key}: {str(error) or 'the server ended'}"
            ) from error
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
        except (EOFError, OSError):
            return Died(key, _death(self._end(key)))
        except Exception as error:  # it came, but this process cannot make an object of it
            text = traceback.format_exc()
            self._end(key)
            return Failed(key, error, text)
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
    """Start the server that jobs are forked from, deaf to the signals that reach the whole group.

    A signal that is blocked here stays blocked in what is started; for this process it is only
    delivered later. The server goes when this process goes.
    """
    if sys.platform != "linux":
        return
    # Started first, since it unblocks the same signals.
    multiprocessing.resource_tracker.ensure_running()
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS_TO_A_GROUP)
    try:
        multiprocessing.forkserver.ensure_running()
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _run(connection: Connection, function: str, payload: Any, log: str) -> None:
    # Ctrl-C goes to every process of the terminal; what happens to a job, the driver decides.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    if sys.platform == "linux":
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _SIGNALS_TO_A_GROUP)
    _print_into(log)
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


def _death(exitcode: int | None) -> str:
    if exitcode is not None and exitcode < 0:
        try:
            name = signal.Signals(-exitcode).name
        except ValueError:
            name = f"signal {-exitcode}"
        hint = " (out of memory?)" if -exitcode == signal.SIGKILL else ""
        return f"the trial's process was ended by {name}{hint}"
    return f"the trial's process ended with exit status {exitcode}"

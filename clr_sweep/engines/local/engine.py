"""Jobs in processes of this machine, each forked from a server that has imported Keras once."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
import time
import traceback
from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from multiprocessing import connection as mp_connection
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from clr_sweep.common.errors import ClrSweepError
from clr_sweep.engines.base import Device, Died, Done, Event, Failed, Message
from clr_sweep.engines.local.forkserver import (
    born_deaf,
    end_server,
    job_context,
    server_pid,
    start_server,
    without_main,
)
from clr_sweep.engines.local.job import NAME, run
from clr_sweep.engines.local.processes import JobProcess, adopt_orphans

GRACE_SECONDS = 5.0
# From SIGKILL to the end: a process with gigabytes of memory, or a GPU's, needs a while.
DEATH_SECONDS = 120.0


@dataclass
class _Job:
    process: JobProcess
    connection: Connection
    device: Device | None
    log: Path


class LocalEngine:
    """An `Engine` of processes of this machine.

    On Linux the processes are forked from a server that has run no TensorFlow operation: a start
    takes hundredths of a second, against ten seconds for a process that imports TensorFlow.
    Elsewhere they are spawned.

    A server that is killed is replaced at the next start; its jobs go on and deliver their events.
    """

    def __init__(self, slots: int = 1) -> None:
        self.slots = slots
        self.devices: tuple[Device, ...] = ()
        self.place = ""
        self._jobs: dict[Hashable, _Job] = {}
        self._is_used = False
        self._context = job_context()
        start_server()

    def capacity(self) -> int:
        """See `Engine.capacity`: what this machine has room for, its user has to say."""
        return self.slots

    def use(self, slots: int, devices: Sequence[Device]) -> None:
        """See `Engine.use`."""
        self.slots, self.devices = slots, tuple(devices)

    @property
    def running(self) -> tuple[Hashable, ...]:
        return tuple(self._jobs)

    @property
    def has_room(self) -> bool:
        return len(self._jobs) < self.slots

    def start(self, key: Hashable, function: str, payload: Any, log: Path) -> None:
        """See `Engine.start`."""
        if key in self._jobs:
            raise ValueError(f"a job named {key!r} is running already")
        self._is_used = True
        log.parent.mkdir(parents=True, exist_ok=True)
        device = least_loaded(self.devices, [job.device for job in self._jobs.values()])
        environment = device.environment if device else {}
        ours, process = self._launch(key, (function, payload, str(log), environment))
        self._jobs[key] = _Job(process, ours, device, log)
        with contextlib.suppress(OSError):  # it has died already, which the next wait shows
            ours.send("go")

    def answer(self, key: Hashable, value: Any) -> None:
        """See `Engine.answer`."""
        with contextlib.suppress(OSError):
            self._jobs[key].connection.send(value)

    def wait(self, timeout: float) -> list[Event]:
        """See `Engine.wait`."""
        waiting = {job.connection: key for key, job in self._jobs.items()}
        if not waiting:
            time.sleep(timeout)
            return []
        ready = mp_connection.wait(list(waiting), timeout)
        events = [self._receive(waiting[item]) for item in ready]  # type: ignore[index]
        silent = [key for item, key in waiting.items() if item not in ready]
        return events + [self._died(key) for key in silent if self._has_died(key)]

    def stop(self, key: Hashable) -> None:
        """See `Engine.stop`: SIGTERM, and SIGKILL if it is still there after a while."""
        if key not in self._jobs:
            raise ValueError(f"no job named {key!r} is running: {self.running}")
        self._stop((key,))

    def stop_all(self) -> tuple[Hashable, ...]:
        """See `Engine.stop_all`."""
        stopped = self.running
        self._stop(stopped)
        return stopped

    def suspend(self) -> None:
        """Stop all jobs where they are and then this process, until it is told to go on.

        What Ctrl-Z does to the processes of a terminal; jobs are in sessions of their own.
        """
        jobs = tuple(self._jobs.values())
        for job in jobs:
            job.process.signal_group(signal.SIGSTOP)
        os.kill(os.getpid(), signal.SIGSTOP)
        for job in jobs:
            job.process.signal_group(signal.SIGCONT)

    def close(self) -> None:
        """End every job, and a server that has started none: it may still import Keras."""
        self.stop_all()
        if not self._is_used:
            end_server()

    def _stop(self, keys: tuple[Hashable, ...]) -> None:
        for key in keys:
            self._jobs[key].process.terminate()
        deadline = time.monotonic() + GRACE_SECONDS
        for key in keys:
            self._end(key, deadline)

    def _launch(
        self, key: Hashable, arguments: tuple[str, Any, str, Mapping[str, str]]
    ) -> tuple[Connection, JobProcess]:
        """The connection to a new process, which waits for its first word, and the process."""
        failure: Exception | None = None
        for _ in range(2):  # the server may be killed at any moment
            start_server()
            ours, theirs = self._context.Pipe()
            process = self._context.Process(
                target=run, args=(theirs, *arguments), name=f"{NAME} {key}"
            )
            try:
                with born_deaf(), without_main():
                    process.start()
                return ours, JobProcess(process)
            except (EOFError, OSError) as error:
                # A process that was made all the same ends, since nobody speaks to it.
                ours.close()
                end_server()
                failure = error
            finally:
                theirs.close()
        why = str(failure) or "the server ended"
        raise ClrSweepError(f"no process can be started for {key}: {why}") from failure

    def _receive(self, key: Hashable) -> Event:
        job = self._jobs[key]
        try:
            kind, value = job.connection.recv()
        except (EOFError, OSError):
            return self._died(key)
        except Exception as error:  # it came, but this process cannot make an object of it
            text = traceback.format_exc()
            self._end(key, 0.0)
            return Failed(key, error, text)
        if kind == "message":
            return Message(key, value)
        self._end(key, 0.0)  # it has nothing left to do
        return Done(key, value) if kind == "done" else Failed(key, *value)

    def _has_died(self, key: Hashable) -> bool:
        """Whether a job ended that another process, started by it, keeps the connection of."""
        job = self._jobs[key]
        return job.process.has_ended and not job.connection.poll()

    def _died(self, key: Hashable) -> Died:
        return Died(key, _death(self._end(key)))

    def _end(self, key: Hashable, deadline: float | None = None) -> int | None:
        """Let a job end by itself until the deadline, else by force; its exit status.

        All that its code has started ends with it.

        Raises:
            ClrSweepError: the system does not end it.
        """
        job = self._jobs.pop(key)
        if not job.process.wait(time.monotonic() + GRACE_SECONDS if deadline is None else deadline):
            job.process.kill()
            if not job.process.wait(time.monotonic() + DEATH_SECONDS):
                raise ClrSweepError(
                    f"{key}: its process {job.process.pid} was killed and is not gone after "
                    f"{DEATH_SECONDS:.0f} s: it waits for a disk or a device that does not answer"
                )
        ended = job.process.end_leftovers(server_pid())
        exitcode = job.process.take_away()
        job.connection.close()
        if ended:
            with contextlib.suppress(OSError), job.log.open("a", encoding="utf-8") as log:
                log.writelines(f"{line}\n" for line in ended)
        return exitcode


@contextlib.contextmanager
def local_engine(slots: int = 1) -> Iterator[LocalEngine]:
    """An engine whose jobs do not outlive the block."""
    engine = LocalEngine(slots)
    adopt_orphans()
    try:
        with _suspended_by_terminal(engine):
            yield engine
    finally:
        engine.close()
        adopt_orphans(False)


@contextlib.contextmanager
def _suspended_by_terminal(engine: LocalEngine) -> Iterator[None]:
    """Ctrl-Z suspends the engine's jobs too for as long as the block runs."""
    here = threading.current_thread() is threading.main_thread()
    # A shell without jobs ignores the signal.
    stops = hasattr(signal, "SIGTSTP") and signal.getsignal(signal.SIGTSTP) == signal.SIG_DFL
    if not here or not stops:
        yield
        return
    signal.signal(signal.SIGTSTP, lambda _number, _frame: engine.suspend())
    try:
        yield
    finally:
        signal.signal(signal.SIGTSTP, signal.SIG_DFL)


def least_loaded(devices: Sequence[Device], taken: Sequence[Device | None]) -> Device | None:
    """The device that the fewest jobs are on, the first of several; None without devices.

    Args:
        taken: the device of each job that is running.
    """
    return min(devices, key=taken.count, default=None)


def _death(exitcode: int | None) -> str:
    if exitcode is not None and exitcode < 0:
        try:
            name = signal.Signals(-exitcode).name
        except ValueError:
            name = f"signal {-exitcode}"
        hint = " (out of memory?)" if -exitcode == signal.SIGKILL else ""
        return f"its process was ended by {name}{hint}"
    return f"its process ended with exit status {exitcode}"

"""What a job's code started and left behind: ended with the job, whatever it is.

A job leads a session of its own and adopts what is orphaned below it, so that as long as it is
there all that it started is below it. When it has ended, what is left of it is in its session, or,
if it left that (`setsid`), has become a child of the server, which adopts its jobs' orphans. Where
the server was killed, what had left the session is known only as far as it was below the job when
that was last looked at.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import time
from collections.abc import Collection, Iterator, Mapping

import psutil

_LOOK_AGAIN_SECONDS = 0.01
# For the system to end what was killed; what is not gone then waits for a device or a disk.
_PATIENCE_SECONDS = 10.0


def below(process: psutil.Process | None) -> dict[psutil.Process, str]:
    """All processes that run below one, with their names; none where it is gone."""
    with contextlib.suppress(psutil.Error):
        if process is not None:
            found = process.children(recursive=True)
            return {one: _name(one) for one in found if _runs(one)}
    return {}


def end_leftovers(
    session: int, known: Mapping[psutil.Process, str], server: int | None
) -> tuple[str, ...]:
    """End at once what a job that has ended left behind, and what that starts meanwhile.

    Args:
        session: of the job; its process number.
        known: processes that were below the job, which may have been ended with it, by name.
        server: the process that the job was forked from, where it is there.

    Returns:
        A line for each process that was there.
    """
    names = dict(known)
    refused: dict[psutil.Process, str] = {}
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while found := set(_left(session, known, server)).difference(refused):
        is_late = time.monotonic() > deadline
        for process in found:
            names.setdefault(process, _name(process))
            try:
                process.kill()
            except psutil.NoSuchProcess:
                continue
            except psutil.AccessDenied:
                refused[process] = "is another user's, so it goes on"
            if is_late:
                refused[process] = "was killed, and waits for a device or a disk"
        time.sleep(_LOOK_AGAIN_SECONDS)
    for process in names:
        _take_away(process)
    return tuple(
        f"started by the trial's code: {name} (process {process.pid}), "
        f"which {refused.get(process, 'was ended with the trial')}"
        for process, name in names.items()
    )


def end_with_all_below() -> None:
    """End this process, a job's, with its session and all that it started: its driver is gone."""
    with contextlib.suppress(psutil.Error):
        this = psutil.Process()
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while (found := below(this)) and time.monotonic() < deadline:
            for process in found:
                with contextlib.suppress(psutil.Error):
                    process.kill()
            time.sleep(_LOOK_AGAIN_SECONDS)
    if hasattr(os, "killpg") and os.getpgrp() == os.getpid():
        # In one step with what a thread is just starting.
        os.killpg(os.getpid(), signal.SIGKILL)
    os._exit(1)


def _left(
    session: int, known: Collection[psutil.Process], server: int | None
) -> Iterator[psutil.Process]:
    """Processes of an ended job that still run."""
    for process in known:
        if _runs(process):
            yield process
    if not hasattr(os, "getsid"):
        return
    if not psutil.pid_exists(session) or _is_zombie(session):
        # Otherwise the number is another process's by now; a session keeps it from being given
        # away again as long as anything is in it.
        for pid in psutil.pids():
            if _session(pid) == session:
                yield from _found(pid)
    if server is None:
        return
    # Whatever else this process has started from the server is in the server's own session.
    started = {process.pid for process in multiprocessing.active_children()}
    own = _session(server)
    with contextlib.suppress(psutil.Error):
        for orphan in psutil.Process(server).children():
            if orphan.pid not in started and _session(orphan.pid) not in (own, None):
                for process in (orphan, *below(orphan)):
                    if _runs(process):
                        yield process


def _found(pid: int) -> Iterator[psutil.Process]:
    with contextlib.suppress(psutil.NoSuchProcess):
        process = psutil.Process(pid)
        if _runs(process):
            yield process


def _session(pid: int) -> int | None:
    try:
        return os.getsid(pid)
    except OSError:
        return None


def _runs(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def _is_zombie(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def _name(process: psutil.Process) -> str:
    try:
        return " ".join(process.cmdline())[:80] or process.name()
    except psutil.Error:
        return "a process"


def _take_away(process: psutil.Process) -> None:
    """Leave no zombie of a process that came to us, since the server was gone."""
    with contextlib.suppress(OSError, AttributeError):
        os.waitpid(process.pid, os.WNOHANG)

"""What a job's code starts ends with the job: real processes, whatever way either of them ends."""

from __future__ import annotations

import fcntl
import os
import signal
import threading
from collections.abc import Iterator
from pathlib import Path

import engine_jobs
import psutil
import pytest
from engine_events import heard, only_event, said, server_pid, start_driver, zombies
from gone_processes import assert_gone, is_gone
from platforms import needs_linux

from clr_sweep.engines.base import Died, Done, Event, Failed, Message
from clr_sweep.engines.local import engine as local
from clr_sweep.engines.local import forkserver
from clr_sweep.engines.local.engine import LocalEngine, local_engine

pytestmark = needs_linux

ALL = list(engine_jobs.LEFT)
WITHOUT_THREADS = [kind for kind in ALL if kind != "thread"]


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> Iterator[LocalEngine]:
    """An engine of two slots, whose server imports no Keras and so is there at once."""
    forkserver.end_server()
    monkeypatch.setattr(forkserver, "PRELOAD", ("clr_sweep.engines.local.last_import",))
    with local_engine(2) as made:
        yield made
    forkserver.end_server()


def left(engine: LocalEngine, key: str, folder: Path, kinds: list[str], way: str) -> list[int]:
    """What a new job leaves behind; it waits for an answer before it ends."""
    folder.mkdir(exist_ok=True)
    pids = list(said(engine, key, "leave", (folder, kinds, way), folder / "log.txt"))
    assert all(psutil.pid_exists(pid) for pid in pids)
    return pids


def late_event(engine: LocalEngine) -> Event:
    """The next event; a copy that holds a job's connection hides its death from one long wait."""
    while not (events := engine.wait(0.1)):
        pass
    (event,) = events
    return event


def assert_nothing_left(folder: Path, pids: list[int]) -> None:
    """The processes are gone now, with those of the thread, and the lock is free."""
    if (folder / "started").exists():
        pids = pids + [int(line) for line in (folder / "started").read_text().split()]
    there = [psutil.Process(pid) for pid in pids if psutil.pid_exists(pid)]
    assert [process for process in there if not is_gone(process)] == []
    with (folder / "lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)


@pytest.mark.parametrize("way", ["return", "raise", "die"])
def test_a_job_that_ends_takes_all_with_it(engine: LocalEngine, tmp_path: Path, way: str) -> None:
    """When its event is there, nothing of it is, and its log says what was ended."""
    pids = left(engine, "a", tmp_path, ALL, way)
    engine.answer("a", None)
    kind = {"return": Done, "raise": Failed, "die": Died}[way]
    assert type(late_event(engine)) is kind
    assert_nothing_left(tmp_path, pids)
    log = (tmp_path / "log.txt").read_text()
    assert "started by the trial's code: " in log
    if way != "die":  # what it had in its own group is known
        assert all(f"(process {pid}), which was ended with the trial" in log for pid in pids)
    until_taken_away()


@pytest.mark.parametrize("how", ["stop", "stop deaf", "close"])
def test_a_job_that_is_ended_takes_all_with_it(
    engine: LocalEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    """Stopped for a deadline, by force, or since the driver ends."""
    monkeypatch.setattr(local, "GRACE_SECONDS", 0.3 if how == "stop deaf" else 600.0)
    pids = left(engine, "a", tmp_path, ALL, "deaf" if how == "stop deaf" else "stay")
    engine.answer("a", None)
    assert only_event(engine) == Message("a", "here")
    if how == "close":
        engine.close()
    else:
        engine.stop("a")
    assert_nothing_left(tmp_path, pids)
    until_taken_away()


def test_other_jobs_keep_theirs(engine: LocalEngine, tmp_path: Path) -> None:
    """What a job that goes on has started goes on too, a daemon as well."""
    kept = left(engine, "stays", tmp_path / "stays", WITHOUT_THREADS, "return")
    gone = left(engine, "ends", tmp_path / "ends", ALL, "return")
    engine.answer("ends", None)
    assert only_event(engine) == Done("ends", "return")
    assert_nothing_left(tmp_path / "ends", gone)
    assert [pid for pid in kept if is_gone(psutil.Process(pid))] == []
    engine.answer("stays", None)
    assert only_event(engine) == Done("stays", "return")
    assert_nothing_left(tmp_path / "stays", kept)


@pytest.mark.parametrize("way", ["return", "stay"])
def test_without_its_server(engine: LocalEngine, tmp_path: Path, way: str) -> None:
    """The server was killed: what a job left comes to the driver, and ends all the same."""
    pids = left(engine, "a", tmp_path, WITHOUT_THREADS, way)
    os.kill(server_pid(), signal.SIGKILL)
    engine.answer("a", None)
    if way == "stay":
        assert only_event(engine) == Message("a", "here")
        engine.stop("a")
    else:
        assert only_event(engine) == Done("a", way)
    assert_nothing_left(tmp_path, pids)
    assert [one for one in zombies() if one.pid in pids] == []


def test_nothing_outlives_a_killed_driver(tmp_path: Path) -> None:
    """SIGKILL, which the driver cannot answer: its jobs end what they started, and themselves."""
    with start_driver(tmp_path, "leave") as driver:
        reported = heard(driver)["reported"]
        processes = [psutil.Process(pid) for pids in reported for pid in pids]
        assert processes
        below = psutil.Process(driver.pid).children(recursive=True)
        driver.kill()
        assert_gone([*below, *processes])


def test_the_death_of_a_job_is_seen_though_a_copy_holds_its_connection(
    engine: LocalEngine, tmp_path: Path
) -> None:
    """A fork has all that is open, the pipe to the driver too."""
    (pid,) = left(engine, "a", tmp_path, ["fork"], "die")
    engine.answer("a", None)
    reason = "its process was ended by SIGKILL (out of memory?)"
    assert late_event(engine) == Died("a", reason)
    assert_nothing_left(tmp_path, [pid])


@pytest.mark.parametrize("what", ["return", "exit", "report"])
def test_a_copy_that_comes_back(engine: LocalEngine, tmp_path: Path, what: str) -> None:
    """A fork that goes on into our code says nothing in the job's place."""
    engine.start("a", "engine_jobs:copy_comes_back", what, tmp_path / "log.txt")
    assert only_event(engine) == Done("a", "of the job")
    assert (tmp_path / "log.txt").read_text() == ""


def test_ctrl_z(tmp_path: Path) -> None:
    """It stops a driver with its jobs, and both go on with it."""
    with start_driver(tmp_path, "count") as driver:
        (pid,) = heard(driver)["reported"]
        counted, process = tmp_path / "counted", psutil.Process(pid)
        until(lambda: counted.exists() and counted.stat().st_size > 3)
        os.killpg(driver.pid, signal.SIGTSTP)
        for one in (process, psutil.Process(driver.pid)):
            until(lambda one=one: one.status() == psutil.STATUS_STOPPED)
        before = counted.stat().st_size
        os.killpg(driver.pid, signal.SIGCONT)
        until(lambda: counted.stat().st_size > before)
        os.killpg(driver.pid, signal.SIGINT)
        assert driver.wait() == 0
        assert_gone([process])


def until(happened: object) -> None:
    """Wait for it; pytest-timeout ends it otherwise."""
    while not happened():  # type: ignore[operator]
        threading.Event().wait(0.01)


def until_taken_away() -> None:
    """The server takes what ended away, in its own time."""
    until(lambda: zombies() == [])

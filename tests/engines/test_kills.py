"""The local engine against signals: single jobs that are stopped, and the death of the server."""

from __future__ import annotations

import multiprocessing
import os
import signal
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from engine_events import (
    heard,
    hears,
    only_event,
    outcome,
    said,
    server_pid,
    start_driver,
    zombies,
)
from platforms import needs_linux

from clr_sweep.common.errors import ClrSweepError
from clr_sweep.engines.base import Died, Done, Event, Message
from clr_sweep.engines.local import engine as local
from clr_sweep.engines.local import forkserver, job
from clr_sweep.engines.local.engine import LocalEngine, local_engine

pytestmark = needs_linux


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> Iterator[LocalEngine]:
    """An engine of three slots, whose server imports nothing and so is there at once."""
    forkserver.end_server()
    monkeypatch.setattr(forkserver, "PRELOAD", ())
    with local_engine(3) as made:
        yield made
    forkserver.end_server()


def started(engine: LocalEngine, key: str, payload: Any, log: Path, function: str = "stay") -> int:
    """A job that has reported its process."""
    return int(said(engine, key, function, payload, log))


def kill_server() -> int:
    """Kill the server and wait until it is gone, all but its remains."""
    process = psutil.Process(server_pid())
    process.kill()
    while process.status() != psutil.STATUS_ZOMBIE:
        threading.Event().wait(0.01)
    return process.pid


def until_gone(pid: int) -> None:
    """Wait until there is no such process, not even a zombie; pytest-timeout ends it otherwise."""
    while psutil.pid_exists(pid):
        threading.Event().wait(0.01)


# ---- one job is stopped


@pytest.mark.parametrize("with_server", [True, False], ids=["server", "no server"])
@pytest.mark.parametrize("kind", ["obedient", "deaf", "stopped"])
def test_stop(
    engine: LocalEngine,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    kind: str,
    with_server: bool,
) -> None:
    """The job is gone, whatever it does with signals, and the other job goes on."""
    # An obedient job needs no SIGKILL: the test would hang if it did.
    monkeypatch.setattr(local, "GRACE_SECONDS", 600.0 if kind == "obedient" else 0.3)
    pid = started(engine, "one", "deaf" if kind == "deaf" else "hear", tmp_path / "one.txt")
    engine.start("other", "engine_jobs:ask", ["first", "second"], tmp_path / "other.txt")
    assert only_event(engine) == Message("other", "first")
    if kind == "stopped":
        os.kill(pid, signal.SIGSTOP)
    if not with_server:
        kill_server()

    engine.stop("one")
    assert not psutil.pid_exists(pid)
    assert engine.running == ("other",)
    engine.answer("other", 1)
    assert only_event(engine) == Message("other", "second")
    engine.answer("other", 2)
    assert only_event(engine) == Done("other", [1, 2])
    assert outcome(engine, "echo", "again", tmp_path / "one.txt") == Done("job", "again")
    assert zombies() == []


def test_stop_needs_a_running_job(engine: LocalEngine, tmp_path: Path) -> None:
    """A key that is not running is a mistake of the caller's."""
    with pytest.raises(ValueError, match="no job named 'a' is running"):
        engine.stop("a")
    outcome(engine, "echo", 1, tmp_path / "log.txt")
    with pytest.raises(ValueError, match="no job named 'job' is running"):
        engine.stop("job")


@pytest.mark.parametrize(("function", "payload"), [("echo", 1), ("ask", ["x"]), ("fail", "x")])
def test_what_is_in_the_pipe_is_dropped(
    engine: LocalEngine, tmp_path: Path, function: str, payload: Any
) -> None:
    """No event of a stopped job comes, nor is it taken for one of the next with its key."""
    engine.start("a", f"engine_jobs:{function}", payload, tmp_path / "log.txt")
    assert engine._jobs["a"].connection.poll(600)
    engine.stop("a")
    assert engine.running == ()
    assert engine.wait(0.0) == []
    engine.start("a", "engine_jobs:echo", "new", tmp_path / "log.txt")
    assert only_event(engine) == Done("a", "new")


# ---- the server is killed


def test_jobs_go_on_without_their_server(engine: LocalEngine, tmp_path: Path) -> None:
    """Both deliver, a new one starts, and stop_all ends old and new ones."""
    for key in ("a", "b"):
        engine.start(key, "engine_jobs:ask", [1], tmp_path / "log.txt")
        assert only_event(engine) == Message(key, 1)
    old = [started(engine, "old", "hear", tmp_path / "log.txt")]
    killed = kill_server()
    for key in ("a", "b"):
        engine.answer(key, f"for {key}")
        assert only_event(engine) == Done(key, [f"for {key}"])
    assert engine.running == ("old",)
    new = [started(engine, key, "hear", tmp_path / "log.txt") for key in ("new", "newer")]
    assert server_pid() != killed
    assert [psutil.Process(pid).ppid() for pid in new] == [server_pid()] * 2
    assert [psutil.Process(pid).ppid() for pid in old] == [os.getpid()]

    assert engine.stop_all() == ("old", "new", "newer")
    assert not [pid for pid in old + new if psutil.pid_exists(pid)]
    assert zombies() == []


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        (signal.SIGKILL, "was ended by SIGKILL (out of memory?)"),
        (signal.SIGSEGV, "was ended by SIGSEGV"),
        (-3, "ended with exit status 3"),
        (-255, "ended with exit status 255"),
    ],
)
def test_an_orphans_death_is_named(
    engine: LocalEngine, tmp_path: Path, told: int, expected: str
) -> None:
    """How a job ended is known without its server too."""
    pid = started(engine, "a", None, tmp_path / "log.txt", "end_as_told")
    kill_server()
    engine.answer("a", int(told))
    assert only_event(engine) == Died("a", f"its process {expected}")
    assert not psutil.pid_exists(pid)


def test_server_and_jobs_are_killed_at_once(engine: LocalEngine, tmp_path: Path) -> None:
    """Whoever of them goes first: the deaths are named, and no zombie stays."""
    for _ in range(5):
        pids = [started(engine, key, "hear", tmp_path / "log.txt") for key in ("a", "b")]
        for pid in (pids[0], server_pid(), pids[1]):
            os.kill(pid, signal.SIGKILL)
        died: list[Event] = []
        while engine.running:
            died += engine.wait(600)
        assert {event.key for event in died} == {"a", "b"}
        reasons = {event.reason for event in died if isinstance(event, Died)}
        assert reasons == {"its process was ended by SIGKILL (out of memory?)"}
        assert outcome(engine, "echo", 1, tmp_path / "log.txt") == Done("job", 1)
        assert zombies() == []


def test_a_server_that_is_just_being_killed(engine: LocalEngine, tmp_path: Path) -> None:
    """A start at any moment of the server's death works, and runs the job once."""
    for number in range(10):
        os.kill(server_pid(), signal.SIGKILL)
        engine.start(number, "engine_jobs:speak", None, tmp_path / f"{number}.txt")
        assert only_event(engine) == Done(number, None)
        assert (tmp_path / f"{number}.txt").read_text().count("last words") == 1
    assert zombies() == []


def test_servers_that_always_die(
    engine: LocalEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After the second one it is an error, which leaves nothing running."""
    (tmp_path / "ends_the_server.py").write_text("import os; os._exit(1)")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    forkserver.end_server()
    engine._context.set_forkserver_preload(["ends_the_server"])
    with pytest.raises(ClrSweepError, match="no process can be started for a: "):
        engine.start("a", "engine_jobs:echo", 1, tmp_path / "log.txt")
    assert engine.running == ()
    engine._context.set_forkserver_preload([])
    engine.start("a", "engine_jobs:echo", 1, tmp_path / "log.txt")
    assert only_event(engine) == Done("a", 1)


def test_the_next_server_is_deaf_too(tmp_path: Path) -> None:
    """Ctrl-C in the terminal reaches it, and it goes on serving."""
    with start_driver(tmp_path, "killed server") as driver:
        first = heard(driver)
        assert first["reported"] == ["before", "before"]
        server = psutil.Process(first["server"])
        assert not any(hears(server.pid, number) for number in (signal.SIGINT, signal.SIGTERM))
        os.killpg(driver.pid, signal.SIGINT)
        assert heard(driver)["stopped_by"] == signal.SIGINT
        assert server.is_running()
        for _ in range(2):
            assert heard(driver) == {"event": "Done", "value": ["go on", "end"]}
        assert driver.wait() == 0


def test_a_server_that_dies_when_it_has_been_looked_for(
    engine: LocalEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The one that the job's start brings about instead is deaf, and its jobs are not."""
    pipe = engine._context.Pipe

    def late() -> Any:
        kill_server()
        return pipe()

    monkeypatch.setattr(engine._context, "Pipe", late)
    pid, other = (started(engine, key, "hear", tmp_path / "log.txt") for key in ("a", "b"))
    for number in (signal.SIGINT, signal.SIGTERM):
        assert not hears(server_pid(), number)
        assert [hears(one, number) for one in (os.getpid(), pid, other)] == [True] * 3


def test_a_server_without_a_place_for_its_socket(
    engine: LocalEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A socket's path has at most 107 bytes: the error names the folder and the cure."""
    folder = tmp_path / ("x" * 100)
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    monkeypatch.setitem(
        multiprocessing.current_process()._config,  # type: ignore[attr-defined]
        "tempdir",
        str(folder),
    )
    with pytest.raises(ClrSweepError, match=f"{folder}: set TMPDIR to a shorter path"):
        engine.start("a", "engine_jobs:echo", 1, tmp_path / "log.txt")


# ---- processes that nobody knows


def test_a_job_waits_until_it_is_known(engine: LocalEngine, tmp_path: Path) -> None:
    """A process whose start failed half way does nothing: another is started in its place."""
    assert engine.running == ()
    for known in (False, True):
        ours, theirs = engine._context.Pipe()
        log, file = tmp_path / f"{known}.txt", tmp_path / f"made-{known}"
        process = engine._context.Process(
            target=job.run, args=(theirs, "engine_jobs:touch", file, str(log), {})
        )
        process.start()
        theirs.close()
        if known:
            ours.send("go")
            assert ours.recv() == ("done", None)
        ours.close()  # it waits for the driver to end it
        process.join()
        assert process.exitcode == (-signal.SIGKILL if known else 1)
        assert (log.exists(), file.exists()) == (known, known)


@pytest.mark.heavy
def test_a_server_that_has_started_no_job(tmp_path: Path) -> None:
    """It goes with its engine, in the middle of its imports; another engine has another one."""
    forkserver.end_server()
    with local_engine(1):
        server = psutil.Process(server_pid())
    assert not server.is_running()
    with local_engine(1) as engine:
        assert outcome(engine, "echo", 1, tmp_path / "log.txt") == Done("job", 1)
        used = server_pid()
    assert psutil.pid_exists(used)

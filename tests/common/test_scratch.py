"""The folder for temporary files: all goes there, and none is left by whoever was killed."""

from __future__ import annotations

import fcntl
import json
import multiprocessing
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from platforms import needs_linux, needs_root

from clr_sweep.common import scratch
from clr_sweep.common.errors import StoreError
from clr_sweep.common.scratch import scratch_folder, system_folder
from clr_sweep.engines.base import Done
from clr_sweep.engines.local import forkserver
from clr_sweep.engines.local.engine import local_engine

pytestmark = needs_linux

HERE = Path(__file__).parent


@pytest.fixture
def system(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Path]:
    """A folder for temporary files of the test's own, its path short enough for sockets."""
    tmp_path_factory.getbasetemp()  # made where it would be made without this
    with tempfile.TemporaryDirectory(prefix="t-", dir="/tmp") as name:
        monkeypatch.setattr(tempfile, "tempdir", name)
        monkeypatch.setenv("TMPDIR", name)
        # multiprocessing keeps its own as long as this process lives.
        config = multiprocessing.current_process()._config  # type: ignore[attr-defined]
        monkeypatch.setitem(config, "tempdir", name)
        yield Path(name)


def start(what: str, argument: object) -> subprocess.Popen[str]:
    """A command of its own, with this process's TMPDIR."""
    path = os.pathsep.join([str(HERE.parent / "engines"), os.environ.get("PYTHONPATH", "")])
    return subprocess.Popen(
        [sys.executable, str(HERE / "scratch_driver.py"), what, str(argument)],
        env={**os.environ, "PYTHONPATH": path},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


class Held:
    """A command that holds a scratch folder, and a process that it started and that outlives it."""

    def __init__(self, logs: Path) -> None:
        self.process = start("hold", logs)
        assert self.process.stdout is not None
        said = json.loads(self.process.stdout.readline())
        self.folder = Path(said["folder"])
        self.of_driver, self.of_job = Path(said["left"][0]), Path(said["left"][1])
        self.left_process = psutil.Process(said["left"][2])

    def end(self, number: int) -> str:
        """End it by a signal and wait for what it started, as far as it goes; its complaints."""
        below = psutil.Process(self.process.pid).children(recursive=True)
        self.process.send_signal(number)
        complaints = self.process.communicate()[1]
        psutil.wait_procs([process for process in below if process != self.left_process])
        return complaints


@pytest.fixture
def held(system: Path, tmp_path: Path) -> Iterator[Held]:
    """A command that lives, and that has left temporary files of all kinds."""
    made = Held(tmp_path)
    assert made.folder.parent == system
    yield made
    made.process.kill()
    made.process.communicate()
    made.left_process.kill()


def test_all_temporary_files_are_in_it(held: Held, system: Path) -> None:
    """Those of the command, of its job, and the socket of its server."""
    assert list(system.iterdir()) == [held.folder]
    assert held.of_driver.parent == held.of_job.parent == held.folder
    assert held.of_job.read_text() == "text"
    names = sorted(item.name.split("-")[0] for item in held.folder.iterdir())
    assert names == sorted(["lock", "of", "listener", held.of_job.name])


def test_the_lock_is_the_commands_alone(held: Held) -> None:
    """No process that it started has the lock open."""
    lock = str(held.folder / "lock")
    command = psutil.Process(held.process.pid)
    assert lock in open_files(command)
    below = [*command.children(recursive=True), held.left_process]
    assert len(below) >= 4  # the tracker, the server, the job, what was left
    assert [process for process in below if lock in open_files(process)] == []


def open_files(process: psutil.Process) -> set[str]:
    """The paths of what a process has open."""
    folder = Path(f"/proc/{process.pid}/fd")
    return {os.readlink(item) for item in folder.iterdir() if item.is_symlink()}


def test_sigterm_leaves_nothing(held: Held, system: Path) -> None:
    """A command that is asked to end removes its folder, and complains of nothing."""
    assert held.end(signal.SIGTERM) == ""
    assert held.process.returncode == 0
    assert list(system.iterdir()) == []


@pytest.mark.heavy
def test_the_next_removes_what_a_killed_one_left(held: Held, system: Path, tmp_path: Path) -> None:
    """Though a process of it lives on; and it leaves alone what a living one has."""
    living = Held(tmp_path)
    held.end(signal.SIGKILL)
    assert held.of_job.exists()
    assert held.left_process.is_running()
    with scratch_folder() as own:
        assert sorted(system.iterdir()) == sorted([living.folder, own])
        assert living.of_job.read_text() == "text"
    assert list(system.iterdir()) == [living.folder]
    assert living.end(signal.SIGTERM) == ""
    living.left_process.kill()
    assert list(system.iterdir()) == []


def test_many_at_once(system: Path) -> None:
    """Commands that start and end together never take each other's folder for abandoned."""
    commands = [start("come and go", 150) for _ in range(6)]
    assert [(command.communicate(), command.returncode) for command in commands] == [
        (("", ""), 0)
    ] * 6
    assert list(system.iterdir()) == []


def test_what_is_not_ours_stays(system: Path, tmp_path: Path) -> None:
    """A folder without a lock is somebody's (the fallback for the cache); a link is not followed.

    An abandoned one beside them goes, so nothing is spared by chance.
    """
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "lock").touch()
    for name in ("clr-sweep-0", "clr-sweep-12345678", "clr-sweep-gone0001", "other-gone0001"):
        (system / name).mkdir()
        (system / name / "kept").touch()
    (system / "clr-sweep-of-user").touch()
    (system / "clr-sweep-linked01").symlink_to(tmp_path / "elsewhere")
    (system / "clr-sweep-linked02").mkdir()
    (system / "clr-sweep-linked02" / "lock").symlink_to(tmp_path / "elsewhere" / "lock")
    (system / "other-gone0001" / "lock").touch()
    before = set(system.iterdir())
    (system / "clr-sweep-gone0001" / "lock").touch()
    (system / "clr-sweep-gone0001" / "folder").symlink_to(tmp_path / "elsewhere")
    with scratch_folder():
        pass
    assert set(system.iterdir()) == before - {system / "clr-sweep-gone0001"}
    assert (tmp_path / "elsewhere" / "lock").exists()


@needs_root
def test_other_users_folders_stay(system: Path) -> None:
    """Root could remove them."""
    folder = system / "clr-sweep-theirs01"
    folder.mkdir()
    (folder / "lock").touch()
    os.chown(folder, 12345, 12345)
    with scratch_folder():
        pass
    assert folder.exists()
    os.chown(folder, 0, 0)
    with scratch_folder():
        assert not folder.exists()


def test_a_removal_that_is_cut_short(system: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What could not be removed keeps its lock, so that the next start tries again."""
    with monkeypatch.context() as patched:
        patched.setattr(shutil, "rmtree", lambda *args, **kwargs: None)
        with scratch_folder() as folder:
            (folder / "below").mkdir()
    assert sorted(item.name for item in folder.iterdir()) == ["below", "lock"]
    with scratch_folder():
        assert not folder.exists()
    assert list(system.iterdir()) == []


def test_the_settings_come_back(system: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whether TMPDIR was set or not, and after an exception too; and they nest."""
    for before in (str(system), None):
        if before is None:
            monkeypatch.delenv("TMPDIR")
        with pytest.raises(ZeroDivisionError), scratch_folder() as folder:  # noqa: PT012
            assert os.environ["TMPDIR"] == tempfile.gettempdir() == str(folder)
            assert system_folder() == system
            with scratch_folder() as inner:
                assert inner.parent == folder
                assert system_folder() == system
            assert tempfile.gettempdir() == str(folder)
            raise ZeroDivisionError
        assert (os.environ.get("TMPDIR"), tempfile.gettempdir()) == (before, str(system))
        assert system_folder() == system
        assert list(system.iterdir()) == []


def test_engines_before_within_and_after(
    system: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Jobs use the temporary folder of the moment, whatever server an earlier engine left."""
    monkeypatch.syspath_prepend(HERE.parent / "engines")
    forkserver.end_server()
    monkeypatch.setattr(forkserver, "PRELOAD", ())

    def folder_of_a_job() -> Path:
        with local_engine(1) as engine:
            engine.start("a", "engine_jobs:leave_temporary_file", "x", tmp_path / "log.txt")
            (event,) = engine.wait(600)
            assert isinstance(event, Done), event
            return Path(event.value).parent

    with scratch_folder() as first:
        assert folder_of_a_job() == folder_of_a_job() == first
    assert folder_of_a_job() == system
    with scratch_folder() as second:
        assert folder_of_a_job() == second
    forkserver.end_server()


def test_a_folder_too_long_for_sockets(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """It says so and takes /tmp; the longest that fits is taken."""
    longest = scratch._SOCKET_BYTES - len("/clr-sweep-12345678/listener-12345678")
    for length in (longest, longest + 1):
        parent = Path(tempfile.mkdtemp(prefix="t-", dir="/tmp"))
        system = parent / ("x" * (length - len(str(parent)) - 1))
        system.mkdir()
        monkeypatch.setattr(tempfile, "tempdir", str(system))
        monkeypatch.setattr(forkserver, "PRELOAD", ())
        with scratch_folder() as folder:
            assert folder.parent == (system if length == longest else Path("/tmp"))
            with local_engine(1) as engine:
                engine.start("a", "operator:eq", 1, tmp_path / "log.txt")
                assert engine.wait(600)
            assert len(os.fsencode(folder)) + len("/listener-12345678") <= scratch._SOCKET_BYTES
        assert not folder.exists()
        shutil.rmtree(parent)
        forkserver.end_server()
    (record,) = caplog.records
    assert str(system) in record.message
    assert f"set TMPDIR to a path of at most {longest} bytes" in record.message


def test_no_temporary_folder(system: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One that is not there is an error that names it and what to set."""
    gone = system / "gone"
    monkeypatch.setattr(tempfile, "tempdir", str(gone))
    with pytest.raises(StoreError, match=f"{gone}/clr-sweep-.*; set TMPDIR to a folder that can"):
        scratch_folder().__enter__()


@pytest.mark.parametrize("missing", ["module", "support"])
def test_without_locks(system: Path, monkeypatch: pytest.MonkeyPatch, missing: str) -> None:
    """The folder works and goes; it has no lock, so nobody judges it."""

    def refuse(*_args: object) -> None:
        raise OSError("no locks here")

    with monkeypatch.context() as patched:
        if missing == "module":
            patched.setattr("clr_sweep.common.file_locks.AVAILABLE", False)
        else:
            patched.setattr(fcntl, "flock", refuse)
        with scratch_folder() as folder:
            assert not (folder / "lock").exists()
            (folder / "file").touch()
        assert list(system.iterdir()) == []

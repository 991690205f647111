"""One driver for a study: processes that hold its lock, and one that is killed."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import quote

import pytest
from held_locks import HOLD, holding
from own_process import python
from small_studies import FACTS, sweep

from clr_sweep.common.errors import InputError, LockLostError, StoreError
from clr_sweep.search import storage
from clr_sweep.search.one_driver import is_run, only_driver
from clr_sweep.search.study_folder import only_driver_here
from clr_sweep.training.folder import TrialFolder

Holder = subprocess.Popen[str]


@pytest.fixture
def hold() -> Iterator[Callable[[str, str], Holder]]:
    """Starts processes that hold a lock until they are told to end, or are killed."""
    with contextlib.ExitStack() as started:
        yield lambda url, study: started.enter_context(holding(HOLD, url, study))


def test_a_second_process_is_refused(hold: Callable[[str, str], Holder], url: str) -> None:
    """With the study, the storage and what to do; another study of the database may run."""
    first = hold(url, "mine")
    with pytest.raises(InputError, match=r"study 'mine' in sqlite:///.*optuna\.db is run by") as no:  # noqa: SIM117
        with only_driver(url, "mine"):
            pytest.fail("there are two drivers")
    assert "--study" in str(no.value)
    other = hold(url, "other")
    with pytest.raises(InputError, match="study 'other'"), only_driver(url, "other"):
        pytest.fail("there are two drivers")
    other.communicate("end\n")
    assert other.returncode == 0
    with only_driver(url, "other"):
        pass
    assert first.poll() is None


def test_a_killed_process_holds_nothing(hold: Callable[[str, str], Holder], url: str) -> None:
    """SIGKILL lets nobody tidy up: the lock goes with the process."""
    first = hold(url, "mine")
    first.kill()
    first.wait()
    with only_driver(url, "mine"):
        pass
    hold(url, "mine")
    with pytest.raises(InputError), only_driver(url, "mine"):
        pytest.fail("there are two drivers")


def test_whether_a_study_is_run(hold: Callable[[str, str], Holder], url: str) -> None:
    """Found out without a lock that would keep a driver out, by who may not write either."""
    assert is_run(url, "mine") is False
    first = hold(url, "mine")
    Path(url.removeprefix("sqlite:///")).with_name("optuna.db.lock").chmod(0o444)
    assert (is_run(url, "mine"), is_run(url, "other")) == (True, False)
    first.kill()
    first.wait()
    assert is_run(url, "mine") is False
    assert is_run("sqlite:///:memory:", "mine") is None


def test_the_driver_asks_whether_a_study_is_run(url: str) -> None:
    """As `load_study` does while a sweep runs: a lock of a file would be lost by looking at it."""
    with only_driver(url, "mine"):
        assert (is_run(url, "mine"), is_run(url, "other")) == (True, None)
        code = f"from clr_sweep.search.one_driver import is_run; print(is_run({url!r}, 'mine'))"
        assert python("-c", code).stdout == "True\n"
    assert (is_run(url, "mine"), is_run(url, "other")) == (False, False)


def test_the_lock_goes_with_the_block(url: str, tmp_path: Path) -> None:
    """Also after an error in it; SQLite's own locks on the database are left alone."""
    with pytest.raises(KeyError), only_driver(url, "mine"):
        raise KeyError
    with only_driver(url, "mine"):
        assert (tmp_path / "optuna.db.lock").exists()
        assert not (tmp_path / "optuna.db").exists()


@pytest.mark.parametrize("url", ["sqlite:///:memory:", "sqlite://"])
def test_a_storage_that_others_cannot_open(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A database in memory needs no lock, and no file is made for one."""
    monkeypatch.chdir(tmp_path)
    with only_driver(url, "mine"):
        assert list(tmp_path.iterdir()) == []


def test_the_default_storage_is_a_file_here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without a URL the lock is that of the default storage."""
    monkeypatch.chdir(tmp_path)
    with only_driver(None, "mine"):
        assert [file.name for file in tmp_path.iterdir()] == ["optuna.db.lock"]


def test_a_holder_that_goes_on_in_another_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The lock is still the first folder's: it is neither lost nor taken again in the other."""
    (tmp_path / "other").mkdir()
    monkeypatch.chdir(tmp_path)
    with only_driver(None, "mine", pytest.fail) as holder:
        monkeypatch.chdir(tmp_path / "other")
        holder.keep()
    assert os.listdir() == []


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    """The lock's file is named."""
    with (
        pytest.raises(StoreError, match=r"no/optuna\.db\.lock cannot be written"),
        only_driver(f"sqlite:///{tmp_path}/no/optuna.db", "mine"),
    ):
        pytest.fail("there is no such folder")


def test_a_file_that_was_removed(hold: Callable[[str, str], Holder], url: str) -> None:
    """Its lock keeps nobody out of a new one: taken again before the next write, or lost."""
    store, said = storage.open_storage(url), list[str]()
    with only_driver(url, "example", said.append) as holder, holder.guarding(store):
        study = storage.open_study(store, sweep({}), "text", FACTS)
        holder.sign(study)
        lock = Path(f"{store.engine.url.database}.lock")  # type: ignore[attr-defined]
        lock.unlink()
        study.set_user_attr("number", 1)
        assert said == ["the lock of study 'example' was lost, and has been taken again"]
        with pytest.raises(AssertionError):  # it prints no word
            hold(url, "example")
        lock.unlink()
        hold(url, "example")
        with pytest.raises(LockLostError, match="another process holds it"):
            study.set_user_attr("number", 2)
        assert study.user_attrs["number"] == 1
    store.engine.dispose()  # type: ignore[attr-defined]


@pytest.mark.parametrize("name", ["optuna.db", "my study's.db"])
def test_a_file_named_by_an_address(tmp_path: Path, name: str) -> None:
    """SQLite's own kind of address names the same file, and has the same lock."""
    with only_driver(f"sqlite:///{tmp_path / name}", "mine"):
        address = f"sqlite:///file:{quote(str(tmp_path / name))}?uri=true"
        # In a process of its own: one does not keep itself out.
        held = python("-c", HOLD, address, "mine", status=1)
    assert "is run by another process" in held.stderr
    assert "held" not in held.stdout


REFUSALS = {
    errno.ENOLCK: "its lock service is away",
    errno.EIO: "the disk, or its connection, fails",
    errno.ENOTSUP: "its file system knows no locks; put the study on a disk of this machine",
    errno.ENOSYS: "its file system knows no locks",
}


def refusing(number: int) -> Callable[..., None]:
    """A call of the system's that fails with this error."""

    def refuse(*_: object) -> None:
        raise OSError(number, os.strerror(number))

    return refuse


@pytest.mark.parametrize("number", list(REFUSALS))
def test_a_file_system_that_gives_no_lock(
    number: int, url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is named as what it is, with a cure, and not as another process."""
    for name in ("lockf", "flock"):
        monkeypatch.setattr(fcntl, name, refusing(number))
    locks = {
        tmp_path / "optuna.db.lock": lambda: only_driver(url, "mine"),
        tmp_path / "driver.lock": lambda: only_driver_here(tmp_path, "mine"),
        tmp_path / "lock": TrialFolder(tmp_path).held,
    }
    for file, held in locks.items():
        with pytest.raises(StoreError) as caught, held():
            pytest.fail("there is no lock")
        said = str(caught.value)
        assert said.startswith(f"{file} cannot be locked: {os.strerror(number)}; ")
        assert REFUSALS[number] in said
        assert "another process" not in said


@pytest.mark.parametrize("number", [errno.EAGAIN, errno.EACCES])
def test_what_posix_answers_where_another_has_it(
    number: int, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both mean another process, and nothing else does."""
    monkeypatch.setattr(fcntl, "lockf", refusing(number))
    with pytest.raises(InputError, match="is run by another process"), only_driver(url, "mine"):
        pytest.fail("there are two drivers")


def test_a_lock_file_on_a_read_only_file_system(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is asked for is to mount it writable."""
    monkeypatch.setattr(os, "open", refusing(errno.EROFS))
    with (
        pytest.raises(StoreError, match="cannot be written: Read-only file system; mount it"),
        only_driver(url, "mine"),
    ):
        pytest.fail("it cannot be written")

"""One driver for a study: processes that hold its lock, and one that is killed."""

from __future__ import annotations

import contextlib
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from held_locks import HOLD, holding

from clr_sweep.errors import InputError, StoreError
from clr_sweep.search.lock import only_driver

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


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    """The lock's file is named."""
    with (
        pytest.raises(StoreError, match=r"no/optuna\.db\.lock cannot be written"),
        only_driver(f"sqlite:///{tmp_path}/no/optuna.db", "mine"),
    ):
        pytest.fail("there is no such folder")

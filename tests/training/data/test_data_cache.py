"""The cache folder and its lock."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from clr_sweep.common.errors import DataError
from clr_sweep.training.data.cache import (
    cache_folder,
    one_process_at_a_time,
    readable_cache_folders,
    writable_cache_folder,
)


@pytest.fixture
def blocked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache folder that nobody can make, root neither: it lies below a file."""
    (tmp_path / "file").touch()
    monkeypatch.setenv("CLR_SWEEP_CACHE", str(tmp_path / "file" / "cache"))
    (tmp_path / "tmp").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "tmp"))
    return tmp_path / "tmp"


def test_the_folder_follows_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Our own variable comes first, then XDG's, then the home folder."""
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    monkeypatch.setenv("CLR_SWEEP_CACHE", str(tmp_path / "own"))
    assert cache_folder() == tmp_path / "own"
    monkeypatch.delenv("CLR_SWEEP_CACHE")
    assert cache_folder() == tmp_path / "xdg" / "clr-sweep"
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert cache_folder() == tmp_path / "home" / ".cache" / "clr-sweep"
    assert not (tmp_path / "home").exists()
    assert writable_cache_folder() == cache_folder()
    assert cache_folder().is_dir()


def test_a_folder_that_cannot_be_written_gives_way_to_a_private_one(
    blocked: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The way out is private, the same each time, looked in later, and said in a warning."""
    folder = writable_cache_folder()
    assert folder.parent == blocked
    assert folder.stat().st_mode & 0o077 == 0
    assert writable_cache_folder() == folder
    assert readable_cache_folders() == [cache_folder(), folder]
    assert str(cache_folder()) in caplog.text
    assert "set CLR_SWEEP_CACHE" in caplog.text


def test_a_temporary_folder_that_others_may_write_is_not_used(blocked: Path) -> None:
    """A name that someone else could have made in the shared folder is not trusted."""
    expected = writable_cache_folder()
    expected.chmod(0o777)
    assert readable_cache_folders() == [cache_folder()]
    assert writable_cache_folder() != expected
    expected.rmdir()
    (blocked / "elsewhere").mkdir(mode=0o700)
    expected.symlink_to(blocked / "elsewhere")
    assert writable_cache_folder().resolve() != blocked / "elsewhere"


def test_nothing_to_write_to_is_an_error(blocked: Path) -> None:
    """Without any folder the message names the cache and the variable."""
    blocked.rmdir()
    with pytest.raises(DataError, match=r"cache: cannot be written .* CLR_SWEEP_CACHE"):
        writable_cache_folder()
    assert readable_cache_folders() == [cache_folder()]


def test_the_lock_holds_others_off_and_is_freed_by_death(tmp_path: Path) -> None:
    """One process works at a time; the lock of a killed process is nobody's."""
    code = (
        "import sys, logging\n"
        "from pathlib import Path\n"
        "from clr_sweep.training.data.cache import one_process_at_a_time\n"
        "logging.basicConfig(level=logging.INFO, format='%(message)s', stream=sys.stdout)\n"
        "with one_process_at_a_time(Path(sys.argv[1]), 'thing'):\n"
        "    print('inside', flush=True)\n"
        "    sys.stdin.read()\n"
    )
    command = [sys.executable, "-u", "-c", code, str(tmp_path)]

    def start() -> subprocess.Popen[str]:
        return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    first, second = start(), None
    try:
        assert first.stdout is not None
        assert first.stdout.readline() == "inside\n"
        second = start()
        assert second.stdout is not None
        assert second.stdout.readline() == ("waiting for another process that is preparing thing\n")
        first.kill()
        assert second.stdout.readline() == "inside\n"
    finally:
        for process in filter(None, (first, second)):
            process.kill()
            process.communicate()
    with one_process_at_a_time(tmp_path, "thing"):
        pass

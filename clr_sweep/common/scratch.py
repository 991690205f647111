"""One folder for all temporary files of a command, removed by it or, if it was killed, later."""

from __future__ import annotations

import contextlib
import logging
import multiprocessing
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

from clr_sweep.common import file_locks
from clr_sweep.common.errors import StoreError

logger = logging.getLogger("clr_sweep")

_PREFIX = "clr-sweep-"
_LOCK = "lock"
# The longest address of a socket on Linux, and what multiprocessing adds to the folder.
_SOCKET_BYTES = 107
_SOCKET_NAME = "/listener-xxxxxxxx"


@contextlib.contextmanager
def scratch_folder() -> Iterator[Path]:
    """The folder where this process, and all that it starts, put their temporary files.

    It is made in the system's folder for temporary files and goes with the block. SIGKILL lets
    nobody tidy up, nor do jobs, which end at once (`os._exit`): so the folders of commands that
    are gone are removed first. A command holds the lock of its folder for as long as it lives;
    the processes it starts do not inherit it.

    Raises:
        StoreError: there is no folder for temporary files that can be written.
    """
    try:
        parent = _parent()
        _remove_abandoned(parent)
        folder, lock = _make(parent)
    except OSError as error:
        raise StoreError(
            f"no temporary folder can be made: {error}; set TMPDIR to a folder that can be written"
        ) from error
    try:
        with _temporary_files_in(folder):
            yield folder
    finally:
        _remove(folder)
        if lock is not None:
            lock.close()


def system_folder() -> Path:
    """The system's folder for temporary files, for what is to outlive the scratch folder."""
    folder = Path(tempfile.gettempdir())
    while folder.name.startswith(_PREFIX) and (folder / _LOCK).exists():
        folder = folder.parent
    return folder


@contextlib.contextmanager
def outside_scratch() -> Iterator[None]:
    """Temporary files go to the system's folder: locks that other commands are to meet there."""
    with _temporary_files_in(system_folder()):
        yield


def _parent() -> Path:
    """The system's folder for temporary files, unless a socket in it had too long an address."""
    parent = Path(tempfile.gettempdir())
    length = len(os.fsencode(parent / f"{_PREFIX}xxxxxxxx")) + len(_SOCKET_NAME)
    if sys.platform != "linux" or length <= _SOCKET_BYTES:
        return parent
    logger.warning(
        "the path of the temporary folder %s is too long for the address of a socket: using /tmp "
        "instead; set TMPDIR to a path of at most %d bytes",
        parent,
        _SOCKET_BYTES - (length - len(os.fsencode(parent))),
    )
    return Path("/tmp")


@contextlib.contextmanager
def _temporary_files_in(folder: Path) -> Iterator[None]:
    # multiprocessing would make a folder of its own, keep it as long as the process lives, and
    # print a traceback at its end if it has gone with this one.
    process: Any = multiprocessing.current_process()
    config = process._config
    variable, default, own = os.environ.get("TMPDIR"), tempfile.tempdir, config.get("tempdir")
    os.environ["TMPDIR"] = tempfile.tempdir = config["tempdir"] = str(folder)
    try:
        yield
    finally:
        tempfile.tempdir, config["tempdir"] = default, own
        if variable is None:
            del os.environ["TMPDIR"]
        else:
            os.environ["TMPDIR"] = variable


def _make(parent: Path) -> tuple[Path, IO[bytes] | None]:
    folder = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=parent))
    try:
        return folder, _lock(folder)
    except OSError:
        shutil.rmtree(folder, ignore_errors=True)
        raise


def _lock(folder: Path) -> IO[bytes] | None:
    """Lock the folder; None where the system knows no locks, and then nobody judges it."""
    if not file_locks.AVAILABLE:
        return None
    new = folder / f"{_LOCK}.new"
    file = new.open("wb")
    try:
        file_locks.lock(file)  # nobody else knows it
    except OSError:
        file.close()
        return None
    # It gets its name when it is locked: there is no moment at which it seems abandoned.
    new.rename(folder / _LOCK)
    return file


def _remove_abandoned(parent: Path) -> None:
    """Remove our folders whose lock nobody holds."""
    if not file_locks.AVAILABLE:  # Windows: what a killed command leaves stays there
        return
    for folder in parent.glob(f"{_PREFIX}*"):
        with contextlib.suppress(OSError):  # it is in use, another's, or has just gone
            if folder.is_symlink() or folder.stat().st_uid != os.getuid():
                continue
            with open(os.open(folder / _LOCK, os.O_RDWR | os.O_NOFOLLOW), "rb") as file:
                if file_locks.lock(file):
                    _remove(folder)


def _remove(folder: Path) -> None:
    """Remove a folder, its lock last: what is left after a kill is still known as abandoned."""
    with contextlib.suppress(OSError):  # somebody still writes there, or removes it too
        for item in folder.iterdir():
            if item.name == _LOCK:
                continue
            if item.is_dir() and not item.is_symlink():
                shutil.rmtree(item, ignore_errors=True)
            else:
                item.unlink(missing_ok=True)
        if {item.name for item in folder.iterdir()} <= {_LOCK}:
            (folder / _LOCK).unlink(missing_ok=True)
            folder.rmdir()

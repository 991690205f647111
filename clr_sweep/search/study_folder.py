"""A study's folder: who may write into it, and what lies there for the length of a sweep."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from clr_sweep.common import file_locks
from clr_sweep.common.door import another_study, option
from clr_sweep.common.errors import InputError, StoreError

STUDIES_FOLDER = "trials"
# Of the range test, below the study's.
RANGE_TEST_FOLDER = "range_test"
_WORK = "work-"


@contextlib.contextmanager
def only_driver_here(folder: Path, study: str) -> Iterator[None]:
    """Hold the folder's lock for as long as the block runs; it goes with the process.

    Raises:
        InputError: another process holds it; the message says which.
        StoreError: the folder cannot be written, or its file system gives no lock.
    """
    if not file_locks.AVAILABLE:
        yield
        return
    try:
        folder.mkdir(parents=True, exist_ok=True)
        file = (folder / "driver.lock").open("a+")
    except OSError as error:
        raise file_locks.problem("written", folder, error) from None
    with file as lock:
        try:
            taken = file_locks.lock(lock)
        except OSError as error:
            raise file_locks.problem("locked", folder / "driver.lock", error) from None
        if not taken:
            lock.seek(0)
            raise InputError(
                f"study {study!r} is run by another process ({lock.read().strip()}): wait for it, "
                f"or stop it ({another_study()} makes another one)"
            )
        lock.truncate(0)
        lock.write(f"process {os.getpid()}\n")
        lock.flush()
        yield


@contextlib.contextmanager
def work_folder(folder: Path) -> Iterator[Path]:
    """A folder for the data that all trials share; it goes when the sweep ends."""
    try:
        for old in left_behind(folder):
            shutil.rmtree(old, ignore_errors=True)
        work = Path(tempfile.mkdtemp(prefix=_WORK, dir=folder))
    except OSError as error:
        raise file_locks.problem("written", folder, error) from None
    try:
        yield work
    finally:
        shutil.rmtree(work, ignore_errors=True)


def left_behind(folder: Path) -> list[Path]:
    """The work folders of drivers that were killed; to be asked by who holds the lock."""
    return sorted(folder.glob(f"{_WORK}*"))


def refuse_trials_of_another(folder: Path, study: str) -> None:
    """Keep what a study left that was deleted from its storage, or whose storage is another.

    Args:
        folder: of a study that has not begun. A range test's, and what a start leaves that was
            stopped before its first trial, hold nothing that it would replace.

    Raises:
        InputError: trials lie there.
    """
    found = sorted(
        path.name
        for path in folder.iterdir()
        if path.is_dir() and (path.name == "baseline" or path.name.isdecimal())
    )
    if found:
        raise InputError(
            f"study {study!r} is not in the storage, but {folder} holds trials of another of this "
            f"name ({found[0]}{', ...' if len(found) > 1 else ''}), which would be overwritten: "
            f"choose another name with {option('--study')}, name their storage with "
            f"{option('--storage')}, or move or delete the folder"
        )


def write_best(folder: Path, text: str) -> None:
    """Write the best configuration, whole or not at all."""
    file = folder / "best.yaml"
    part = file.with_name(f"{file.name}.part")
    try:
        part.write_text(text, encoding="utf-8")
        os.replace(part, file)
    except OSError as error:
        raise StoreError(f"the file {file} cannot be written: {error.strerror}") from None

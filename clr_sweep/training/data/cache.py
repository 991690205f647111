"""The cache folder for data sets: where it is, and how processes share it."""

from __future__ import annotations

import contextlib
import logging
import os
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path

from clr_sweep.common import file_locks
from clr_sweep.common.errors import DataError
from clr_sweep.common.scratch import system_folder

logger = logging.getLogger("clr_sweep")


def cache_folder() -> Path:
    """The folder that the user's settings name; it need not exist.

    `$CLR_SWEEP_CACHE`, else `$XDG_CACHE_HOME/clr-sweep`, else `~/.cache/clr-sweep`.
    """
    if named := os.environ.get("CLR_SWEEP_CACHE"):
        return Path(named).expanduser().absolute()
    base = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    return Path(base, "clr-sweep").absolute()


def readable_cache_folders() -> list[Path]:
    """The folders where something may have been kept before, the preferred one first.

    A cache that cannot be written (a read-only image that holds the data) is still read.
    """
    folders = [cache_folder()]
    with contextlib.suppress(OSError):  # there may be no temporary folder at all
        if _is_private(fallback := _fallback_folder()):
            folders.append(fallback)
    return folders


def writable_cache_folder() -> Path:
    """The cache folder, made if it is absent; else a private folder for temporary files.

    The second case is said by a logged warning.

    Raises:
        DataError: not even a temporary folder can be written.
    """
    preferred = cache_folder()
    try:
        _make_writable(preferred)
        return preferred
    except OSError as error:
        reason = error.strerror or str(error)
    try:
        fallback = _fallback_folder()
        with contextlib.suppress(OSError):
            fallback.mkdir(mode=0o700)
        if not _is_private(fallback):  # another user holds that name: take nothing from it
            fallback = Path(tempfile.mkdtemp(prefix="clr-sweep-"))
        _make_writable(fallback)
    except OSError as error:
        raise DataError(
            f"cannot be written ({reason}), nor can a temporary folder ({error}); set "
            f"CLR_SWEEP_CACHE to a folder that can be written",
            f"the cache folder {preferred}",
        ) from error
    logger.warning(
        "the cache folder %s cannot be written (%s): using %s instead; "
        "set CLR_SWEEP_CACHE to a folder that can be written",
        preferred,
        reason,
        fallback,
    )
    return fallback


@contextlib.contextmanager
def one_process_at_a_time(folder: Path, name: str) -> Iterator[None]:
    """Holds the lock `name` in `folder`, waiting for the process that holds it.

    It spares work that another process is doing already. What is written is right without it
    too, so a file system that knows no locks is no error. The system frees the lock of a
    process that died.
    """
    # On Windows there is none: writers are atomic there as well, they only may work twice.
    if not file_locks.AVAILABLE:
        yield
        return
    with open(folder / f"{name}.lock", "ab") as file:
        try:
            if not file_locks.lock(file):
                logger.info("waiting for another process that is preparing %s", name)
                file_locks.wait_for_lock(file)
        except OSError as error:
            logger.debug("%s knows no locks: %s", folder, error)
        yield


def _fallback_folder() -> Path:
    user = os.getuid() if hasattr(os, "getuid") else os.environ.get("USERNAME", "user")
    return system_folder() / f"clr-sweep-{user}"


def _is_private(folder: Path) -> bool:
    """Whether the folder is ours alone: anyone may make a name in the shared temporary folder."""
    try:
        found = folder.lstat()
    except OSError:
        return False
    if not stat.S_ISDIR(found.st_mode):
        return False
    return not hasattr(os, "getuid") or (
        found.st_uid == os.getuid() and stat.S_IMODE(found.st_mode) & 0o077 == 0
    )


def _make_writable(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    # access() answers yes to root even on a read-only file system: write to find out
    with tempfile.TemporaryFile(dir=folder):
        pass

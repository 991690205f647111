"""Locks on files that keep other processes out; the system frees those of a process that dies."""

from __future__ import annotations

import errno
import os
import struct
import sys
from pathlib import Path
from typing import Protocol

from clr_sweep.common.errors import StoreError

try:
    import fcntl
except ImportError:  # Windows: there is no such lock, and nobody is kept out
    fcntl = None  # type: ignore[assignment]

AVAILABLE = fcntl is not None

# Linux' `struct flock`: type, whence, start, length, process.
_FLOCK = "hhlli0l"
_ELSEWHERE = "put the study on a disk of this machine"
# What the system may answer beside "another process has it", and what to do about it.
_CURES = {
    errno.ENOLCK: f"its file system gives no lock (on NFS: its lock service is away); {_ELSEWHERE}",
    errno.EIO: "the disk, or its connection, fails: look at it, then start the same command again",
    errno.EROFS: "mount it writable, or run this in another folder",
    errno.ESTALE: "the network disk was mounted anew: start the same command again",
    errno.EACCES: "give this user the right to write there",
    errno.EPERM: "give this user the right to write there",
    errno.ENOSPC: "free some space and start the same command again",
    errno.EDQUOT: "free some space and start the same command again",
    errno.EMFILE: "this process may open no more files: raise `ulimit -n`",
    errno.ENFILE: "the system has no more files to open: end other processes",
}
for _number in (errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP, errno.EINVAL):
    _CURES[_number] = f"its file system knows no locks; {_ELSEWHERE}"


class _File(Protocol):
    def fileno(self) -> int: ...


def lock(file: _File | int, byte: int | None = None) -> bool:
    """Take the lock of an open file, or of one byte of it, without waiting.

    Args:
        byte: the lock of a whole file goes with the open file, and its copies in other processes;
            that of a byte with this process, as soon as it closes the file anywhere.

    Returns:
        False if another process has it.

    Raises:
        OSError: the file system cannot say, see `problem`.
    """
    if not AVAILABLE:
        return True
    try:
        if byte is None:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        else:
            fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, byte)
    # Both are what POSIX lets a system answer where another process has it.
    except (BlockingIOError, PermissionError):
        return False
    return True


def is_locked(path: Path, byte: int) -> bool | None:
    """Whether another process has the lock of a byte of a file, found out without taking it.

    Not to be asked by a process that may have a lock of the file itself, which would lose it.

    Returns:
        None where that cannot be known.
    """
    # Elsewhere the system's answer is laid out in another way.
    if sys.platform != "linux":
        return None
    asked = struct.pack(_FLOCK, fcntl.F_WRLCK, os.SEEK_SET, byte, 1, 0)
    try:
        with path.open("rb") as file:
            answer = fcntl.fcntl(file, fcntl.F_GETLK, asked)
    except FileNotFoundError:
        return False
    except OSError:
        return None
    kind: int = struct.unpack(_FLOCK, answer)[0]
    return kind != fcntl.F_UNLCK


def wait_for_lock(file: _File | int) -> None:
    """Take the lock of an open file, when the process that has it lets it go.

    Raises:
        OSError: as `lock`.
    """
    if AVAILABLE:
        fcntl.flock(file, fcntl.LOCK_EX)


def problem(what: str, path: Path, error: OSError) -> StoreError:
    """What went wrong with a lock's file or folder, and the cure where one is known.

    Args:
        what: cannot be done with it, such as "locked".
    """
    cure = _CURES.get(error.errno or 0)
    return StoreError(
        f"{path} cannot be {what}: {error.strerror or error}" + (f"; {cure}" if cure else "")
    )

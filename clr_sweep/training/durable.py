"""Files that are whole or not there, whatever dies meanwhile: the process or the machine."""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Iterator
from pathlib import Path

from clr_sweep.common.errors import DiskFullError

# What `replaced` and Keras (which names its own files tmp...) leave when they are killed; the
# second and third stand in folders of earlier versions.
_PARTS = ("*.part.*", "*.part", "part.keras", "tmp*")

# Why nothing more can be written, and what helps. EFBIG is a limit as `ulimit -f` sets it, whose
# signal, SIGXFSZ, Python ignores.
_CURES = {
    errno.ENOSPC: "free some space",
    errno.EDQUOT: "free some space",
    errno.EFBIG: "raise the limit on the size of a file",
}


@contextlib.contextmanager
def replaced(file: Path) -> Iterator[Path]:
    """Gives a part file to write; at the end of the block it takes the place of `file`.

    The content reaches the disk before the name does. After an error `file` is as it was and the
    part is gone.

    Raises:
        DiskFullError: the disk has no space left.
    """
    part = file.with_name(f"{file.stem}.part{file.suffix}")
    try:
        with named_when_full(file):
            yield part
            _sync(part)
            os.replace(part, file)
            _sync(file.parent)
    except Exception:
        part.unlink(missing_ok=True)
        raise


def write_text(file: Path, text: str) -> None:
    """Put a text in the place of a file.

    Raises:
        DiskFullError: the disk has no space left.
    """
    with replaced(file) as part:
        part.write_text(text, encoding="utf-8")


def append_text(file: Path, text: str) -> None:
    """Add a text to the end of a file; when this returns, it is on the disk.

    Raises:
        DiskFullError: the disk has no space left; a part of the text may be in the file.
    """
    with named_when_full(file), file.open("a", encoding="utf-8") as opened:
        opened.write(text)
        opened.flush()
        os.fsync(opened.fileno())


@contextlib.contextmanager
def named_when_full(file: Path) -> Iterator[None]:
    """Turns the error of a full disk, which Keras and h5py pass on with its number, into ours."""
    try:
        yield
    except OSError as error:
        if error.errno in _CURES:
            raise DiskFullError(
                f"{file}: cannot be written: {os.strerror(error.errno)}; {_CURES[error.errno]} and "
                f"start the same command again: it goes on from here"
            ) from error
        raise


def part_files(folder: Path) -> list[Path]:
    """What a killed process left of files that it was writing in this folder, sorted."""
    return sorted({file for pattern in _PARTS for file in folder.glob(pattern)})


def _sync(path: Path) -> None:
    if os.name != "posix" and path.is_dir():
        return  # only POSIX opens folders
    handle = os.open(path, os.O_RDONLY if path.is_dir() else os.O_RDWR)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)

"""The file that a command writes for its user, who may have named another one by mistake."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from clr_sweep.common.errors import ClrSweepError, DiskFullError, InputError

# What a command writes shows what it is long before; a file of data may be larger than the memory.
_LOOKED_AT = 1_000_000

# Where the file's name is to blame, or who may write there; a disk that is full or broken is not.
_INPUT = {
    errno.EACCES, errno.EINVAL, errno.EISDIR, errno.ELOOP, errno.ENAMETOOLONG, errno.ENOENT,
    errno.ENOTDIR, errno.ENXIO, errno.EPERM, errno.EROFS, errno.ETXTBSY,
}  # fmt: skip
_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


def not_possible(file: Path, what: str, error: OSError) -> ClrSweepError:
    """That something cannot be done with a file that the user named, as wrong input or as no fault.

    Args:
        what: cannot be done: `cannot be written`.
    """
    text = f"{what}: {error.strerror or error}"
    if error.errno in _INPUT:
        return InputError(text, str(file))
    return (DiskFullError if error.errno in _FULL else ClrSweepError)(f"{file}: {text}")


class Replaceable(NamedTuple):
    """What alone may be replaced: what the same command has written before.

    Attributes:
        name: of it, for people.
        holds: whether a text is one, as far as its beginning shows.
    """

    name: str
    holds: Callable[[str], bool]


def refuse_output(file: Path, replaceable: Replaceable) -> None:
    """Find out whether a file may be written, before the work of making its content.

    Raises:
        InputError: its folder is not there, or it holds something else than may be replaced.
        ClrSweepError: the machine cannot read it.
    """
    # What may not be looked at is found out by writing.
    if not os.path.isdir(file.parent):
        raise InputError("cannot be written: there is no such folder", str(file))
    if os.path.isdir(file):
        raise InputError("cannot be written: Is a directory", str(file))
    if not os.path.isfile(file):  # nothing is there, or what keeps nothing: /dev/stdout, a pipe
        return
    try:
        with file.open("rb") as opened:
            before = opened.read(_LOOKED_AT).decode(errors="replace")
    except OSError as error:
        raise not_possible(file, "is there, and cannot be read", error) from None
    if before and not replaceable.holds(before):
        raise InputError(
            f"is there, and is not {replaceable.name}, which alone is overwritten: name another "
            "file, or move or delete this one",
            str(file),
        )


def write_output(file: Path, text: str, replaceable: Replaceable) -> None:
    """Write a file that the user named.

    Raises:
        InputError: it cannot be written there, or as `refuse_output`.
        ClrSweepError: the machine cannot write it; DiskFullError: the disk has no space left.
    """
    refuse_output(file, replaceable)
    try:
        file.write_text(text, encoding="utf-8")
    except OSError as error:
        raise not_possible(file, "cannot be written", error) from None

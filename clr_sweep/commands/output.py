"""The file that a command writes for its user, who may have named another one by mistake."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from clr_sweep.common.errors import InputError

# What a command writes shows what it is long before; a file of data may be larger than the memory.
_LOOKED_AT = 1_000_000


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
        raise InputError(f"is there, and cannot be read: {error.strerror}", str(file)) from None
    if before and not replaceable.holds(before):
        raise InputError(
            f"is there, and is not {replaceable.name}, which alone is overwritten: name another "
            "file, or move or delete this one",
            str(file),
        )


def write_output(file: Path, text: str, replaceable: Replaceable) -> None:
    """Write a file that the user named.

    Raises:
        InputError: it cannot be written, or as `refuse_output`.
    """
    refuse_output(file, replaceable)
    try:
        file.write_text(text, encoding="utf-8")
    except OSError as error:
        raise InputError(f"cannot be written: {error.strerror}", str(file)) from None

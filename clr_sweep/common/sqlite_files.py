"""SQLite files that cannot be used: what is wrong with them, and what helps."""

from __future__ import annotations

import os
import re
from pathlib import Path

from clr_sweep.common.file_kinds import other_than_file

_HEADER = b"SQLite format 3\0"
# As SQLite says what is wrong with a file's content.
_DAMAGED = ("file is not a database", "database disk image is malformed")


def damage(file: Path) -> str:
    """What is wrong with the file of a database as far as its first bytes tell, and the cure.

    Empty where nothing is, where there is no such file yet, or where it cannot be read.
    """
    if kind := other_than_file(file):
        return f"{file} is {kind}, not a file: name another"
    try:
        with file.open("rb") as opened:
            begin = opened.read(len(_HEADER))
    except OSError:
        return ""
    if not begin or begin == _HEADER:
        return ""
    return f"{file} is no SQLite database, or its beginning is damaged; {_CURE}"


def is_missing(file: Path) -> bool:
    """Whether there is no such file, or folder; False too where nobody may look: SQLite tells."""
    try:
        os.stat(file)
    except (FileNotFoundError, NotADirectoryError):
        return True
    except OSError:
        pass
    return False


def with_cure(why: str, file: Path | None) -> str:
    """What a driver said of a database, with the cure where SQLite's words tell of one.

    Args:
        why: a line of it; the class of an error that stands before it is left out.
        file: of the database; None: it is a server's.
    """
    why = _CLASS.sub("", why)
    cure = None if file is None else _cure(why, file.absolute())
    return why if cure is None else f"{why}; {cure}"


def _cure(why: str, file: Path) -> str | None:
    if any(said in why for said in _DAMAGED):
        return _CURE
    if any(said in why for said in _NOT_OPENED):
        if is_missing(file.parent):
            return f"there is no folder {file.parent}: make it, or name another"
        return f"give this user the right to read and write {file}, and to write in its folder"
    return next((cure for said, cure in _CURES.items() if said in why), None)


# As SQLAlchemy begins its messages.
_CLASS = re.compile(r"^\((\w+\.)+\w+\) ")
# A file or folder that may not be used; SQLite writes its journal beside the file.
_NOT_OPENED = ("unable to open database file", "attempt to write a readonly database")
_CURES = {
    "database is locked": (
        "another process has it: wait until that has ended, or end it, and start the same command "
        "again"
    ),
    "disk is full": ("free some space and start the same command again: it goes on from here"),
    "disk I/O error": (
        "the disk, or its connection, fails: look at it, then start the same command again"
    ),
}
_CURE = (
    "put back a copy of it, or move it away and start anew (the sqlite3 program's .recover reads "
    "what is left of a damaged one)"
)

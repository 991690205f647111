"""SQLite files that are not, or no longer, databases: found before anything is written."""

from __future__ import annotations

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


def with_cure(why: str) -> str:
    """What a driver said, with the cure where it says that a file's content is damaged."""
    return f"{why}; {_CURE}" if any(said in why for said in _DAMAGED) else why


_CURE = (
    "put back a copy of it, or move it away and start anew (the sqlite3 program's .recover reads "
    "what is left of a damaged one)"
)

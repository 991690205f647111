"""Tracebacks that begin where the user's code does."""

from __future__ import annotations

import traceback
from pathlib import Path
from types import TracebackType

_OURS = str(Path(__file__).parents[1])
# How an import gets from our frames to the user's.
_IMPORTING = ("<frozen importlib", str(Path(traceback.__file__).parent / "importlib"))


def users_traceback(error: BaseException) -> str:
    """The traceback without the frames of this project that stand before the first other one.

    They tell the user nothing. An error of this project's own keeps all of its frames. What was
    raised on the way to it is treated alike.
    """
    seen: set[int] = set()
    waiting = [error]
    while waiting:
        one = waiting.pop()
        if id(one) in seen:
            continue
        seen.add(id(one))
        one.__traceback__ = _from_others(one.__traceback__)
        waiting += [other for other in (one.__cause__, one.__context__) if other is not None]
    text = "".join(traceback.format_exception(error)).rstrip()
    # The name of a file may hold what is no text, which no database and no file would take.
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def _from_others(frames: TracebackType | None) -> TracebackType | None:
    found, file = frames, ""
    while found is not None:
        file = found.tb_frame.f_code.co_filename
        if not file.startswith((_OURS, *_IMPORTING)):
            return found
        found = found.tb_next
    # A module that cannot be read or compiled has no frame: the error itself names the line.
    return None if file.startswith(_IMPORTING) else frames

"""How a message names an option or a command: as whoever called has it, on a terminal or in Python.

The command line is what is spoken for, but within a call of the library.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator

_lock = threading.Lock()
_calls = 0


@contextlib.contextmanager
def in_python() -> Iterator[None]:
    """Within the block messages speak of Python's names; in other threads of the process too."""
    global _calls
    with _lock:
        _calls += 1
    try:
        yield
    finally:
        with _lock:
            _calls -= 1


def is_python() -> bool:
    """Whether a call of the library is under way."""
    return _calls > 0


def option(name: str, value: str = "") -> str:
    """An option by its name on the command line: `--tracking-uri`, in Python `tracking_uri=`.

    Args:
        value: what stands for its value on the command line, such as NAME.
    """
    if is_python():
        return f"{name.removeprefix('--').replace('-', '_')}={'...' if value else ''}"
    return f"{name} {value}".rstrip()


def another_study() -> str:
    """How a sweep is run as a study of another name."""
    called = option("--study", "NAME")
    return f"`clr_sweep.run(..., {called})`" if is_python() else f"`clr-sweep run {called}`"

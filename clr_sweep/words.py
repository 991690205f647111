"""Numbers in words, for people."""

from __future__ import annotations


def duration(seconds: float) -> str:
    """A time, as `90 s`, `12 min` or `3.4 h`."""
    if seconds < 100:
        return f"{seconds:.0f} s"
    if seconds < 5400:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h"

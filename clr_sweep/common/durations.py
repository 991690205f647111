"""Numbers in words, for people."""

from __future__ import annotations


def duration(seconds: float, decimals: int = 0) -> str:
    """A time in the unit that suits its size: 8 s, 12 min, 3.2 h."""
    if seconds >= 7200:
        return f"{seconds / 3600:,.1f} h"
    if seconds >= 120:
        return f"{seconds / 60:.{decimals}f} min"
    return f"{seconds:.{decimals}f} s"

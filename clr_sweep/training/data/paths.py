"""Where the path in a data set's name is looked for, and what is said where nothing is there."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from clr_sweep.common.nearest import hint


def candidates(text: str, search_path: Sequence[Path]) -> list[Path]:
    """The absolute paths that it can mean: in these folders in their order, then in the current."""
    given = Path(text).expanduser()
    # All the same where the path is a whole one.
    return [Path(folder).absolute() / given for folder in (*search_path, Path.cwd())]


def absent(
    kind: str, text: str, looked_for: Sequence[Path], siblings: Callable[[Path], Iterable[str]]
) -> str:
    """What is wrong where there is nothing at any of the paths, with the nearest name there is.

    Args:
        kind: of what is looked for: `file`.
        looked_for: the candidates.
        siblings: the names of such in a folder that can be read.
    """
    there = {
        name
        for candidate in looked_for
        if os.access(candidate.parent, os.R_OK | os.X_OK)
        for name in siblings(candidate.parent)
    }
    given = Path(text).expanduser()
    near = hint(text, [str(given.with_name(name)) for name in sorted(there)])
    places = ", ".join(dict.fromkeys(map(str, looked_for)))
    return f"there is no {kind} {text!r}{near} (looked for {places})"

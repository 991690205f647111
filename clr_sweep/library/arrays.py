"""Arrays in hand, in a file of their own: what a sweep names, and finds on another day."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from clr_sweep.common.errors import DataError
from clr_sweep.library.process import say
from clr_sweep.training.data.from_function import as_arrays
from clr_sweep.training.data.materialized import in_memory
from clr_sweep.training.data.npz import read_headers
from clr_sweep.training.durable import replaced


def holds_arrays(given: Any) -> bool:
    """Whether it is an array, or has one somewhere within."""
    if isinstance(given, Mapping):
        return any(map(holds_arrays, given.values()))
    if isinstance(given, tuple | list):
        return any(map(holds_arrays, given))
    return hasattr(given, "__array__") and not isinstance(given, np.generic)


def written_arrays(given: Any, sweep: str) -> str:
    """The file in the current folder that holds a data set, written unless it is there.

    It is named after the sweep and the arrays' content: the same arrays are the same file.

    Args:
        given: ((x_train, y_train), (x_test, y_test)), or a dict with these keys.
        sweep: its name.

    Returns:
        The file's name.

    Raises:
        DataError: they are no data set that can be trained on; every problem.
        DiskFullError: the disk has no space left.
    """
    arrays: dict[str, Any] = as_arrays(_by_name(given), "")
    data = in_memory("arrays", arrays, "")
    name = re.sub(r"[^\w.-]", "_", sweep)[:80]
    file = Path.cwd() / f"{name}-{data.digest[:8]}.npz"
    if not _holds(file, arrays):
        with replaced(file) as part, part.open("wb") as opened:
            np.savez(opened, **arrays)
        say(f"the arrays are in {file.name} now, which the sweep names")
    return file.name


def _by_name(given: Any) -> Mapping[str, Any]:
    if isinstance(given, Mapping):
        return given
    try:
        (x_train, y_train), (x_test, y_test) = given
    except (TypeError, ValueError) as error:
        raise DataError(
            "must be ((x_train, y_train), (x_test, y_test)) or a dict with these four keys, got a "
            f"{type(given).__name__} ({error})"
        ) from None
    return {"x_train": x_train, "y_train": y_train, "x_test": x_test, "y_test": y_test}


def _holds(file: Path, arrays: Mapping[str, Any]) -> bool:
    """Whether the file of this digest is whole, as far as its headers show."""
    if not file.is_file():
        return False
    try:
        found = read_headers(file)
    except DataError:
        return False
    return all(
        (header := found.get(key)) is not None
        and (header.shape, header.dtype) == (array.shape, array.dtype)
        for key, array in arrays.items()
    )

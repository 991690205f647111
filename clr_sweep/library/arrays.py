"""Arrays in hand, in a file of their own: what a sweep names, and finds on another day."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from clr_sweep.common.errors import DataError
from clr_sweep.definition.problems import unknown
from clr_sweep.definition.sweep import DatasetConfig
from clr_sweep.training.data.from_function import as_arrays
from clr_sweep.training.data.materialized import in_memory
from clr_sweep.training.data.named import PARTS, split
from clr_sweep.training.data.npz import read_headers
from clr_sweep.training.durable import replaced

# Of a tuple so many types are told.
_SHOWN = 8


class Written(NamedTuple):
    """The file of a data set that was in hand."""

    file: Path
    is_new: bool


def holds_arrays(given: Any) -> bool:
    """Whether it is an array, or has one somewhere within."""
    if isinstance(given, Mapping):
        return any(map(holds_arrays, given.values()))
    if isinstance(given, tuple | list):
        return any(map(holds_arrays, given))
    return hasattr(given, "__array__") and not isinstance(given, np.generic)


def written_arrays(given: Any, sweep: str) -> Written:
    """The file in the current folder that holds a data set, written unless it is there.

    It is named after the sweep and the arrays' content: the same arrays are the same file.

    Args:
        given: ((x_train, y_train), (x_test, y_test)), or a dict with these keys.
        sweep: its name.

    Returns:
        The file, and whether it was written now.

    Raises:
        DataError: they are no data set that can be trained on, every problem; or the folder
            cannot be written.
        DiskFullError: the disk has no space left.
    """
    arrays: dict[str, Any] = as_arrays(_by_name(given), "")
    data = in_memory("arrays", arrays, "")
    name = re.sub(r"[^\w.-]", "_", sweep)[:80]
    file = Path(f"{name}-{data.digest[:8]}.npz")
    try:
        file = Path.cwd() / file
        if _holds(file, arrays):
            return Written(file, is_new=False)
        with replaced(file) as part, part.open("wb") as opened:
            np.savez(opened, **arrays)
    except OSError as error:
        raise DataError(
            f"cannot be written to {file} ({error.strerror or error}): arrays in hand are kept in "
            "a file of the current folder; change to a folder that can be written, or save them "
            "elsewhere with numpy.savez and name that file"
        ) from error
    return Written(file, is_new=True)


def _by_name(given: Any) -> Mapping[str, Any]:
    if isinstance(given, Mapping):
        others = [str(key) for key in given if split(str(key))[0] not in PARTS]
        if others:
            raise DataError([*_unknown(others)])
        return given
    try:
        (x_train, y_train), (x_test, y_test) = given
    except (TypeError, ValueError):
        raise DataError(
            "must be ((x_train, y_train), (x_test, y_test)) or a dict with these four keys, got "
            f"{_kind(given)}"
        ) from None
    return {"x_train": x_train, "y_train": y_train, "x_test": x_test, "y_test": y_test}


def _unknown(others: Sequence[str]) -> Iterator[str]:
    """What is none of the arrays: a key of the section, which has its place beside them, or a slip.

    Args:
        others: keys of the dict that are no array's.
    """
    keys = [key for key in others if key in DatasetConfig.model_fields]
    for key in others:
        if key not in keys:
            yield unknown("array", key, PARTS)
    if keys:
        beside = ", ".join(f'"{key}": ...' for key in keys)
        yield (
            f"{', '.join(map(repr, keys))} must stand beside the arrays, which then have a dict of "
            f'their own: {{"name": {{"x_train": ..., ...}}, {beside}}}'
        )


def _kind(given: Any) -> str:
    """What was given, with what it consists of: `a tuple (ndarray, ndarray)`."""
    held = ""
    if isinstance(given, tuple | list) and len(given) <= _SHOWN:
        held = f" ({', '.join(type(one).__name__ for one in given)})"
    return f"a {type(given).__name__}{held}"


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

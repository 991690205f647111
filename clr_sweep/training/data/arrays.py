"""What makes arrays a data set that can be trained on; every problem at once."""

from __future__ import annotations

import hashlib
import math
import mmap
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np

from clr_sweep.training.data.named import PARTS, key_problems, split
from clr_sweep.training.data.named import Array as Array

NUMBER_CLASSES = (
    "number them from 0 on, those of all parts at once: np.unique(labels, return_inverse=True)"
)
"""The cure for labels that name classes otherwise than by such numbers."""

_PART_BYTES = 16 * 2**20
_T = TypeVar("_T")


@dataclass(frozen=True)
class Header:
    """What is known of an array without reading it."""

    shape: tuple[int, ...]
    dtype: np.dtype[Any]


def in_order(found: Mapping[str, _T]) -> dict[str, _T]:
    """What is held by the keys of arrays, in the order in which they make a data set."""
    return {key: found[key] for part in PARTS for key in sorted(found) if split(key)[0] == part}


def header_problems(headers: Mapping[str, Header | None]) -> list[str]:
    """The problems that shapes and dtypes show.

    Args:
        headers: of each array, by its key; None or absent where there is none.

    Returns:
        One sentence a problem: `<array>: must ..., got ...`.
    """
    found = in_order({key: header for key, header in headers.items() if header is not None})
    problems = key_problems(found)
    for key, header in found.items():
        if not _has_numbers(header):
            extra = (
                " (pickled Python objects are not loaded: they can run code)"
                if header.dtype.hasobject
                else ""
            )
            problems.append(
                f"{key}: must hold numbers (integers, floats or booleans), "
                f"got dtype {header.dtype}{extra}{cure_of_names(key, header.dtype)}"
            )
        if not header.shape:
            problems.append(f"{key}: must have an axis of examples, got a single value")
        elif math.prod(header.shape) == 0:
            problems.append(f"{key}: must not be empty, got the shape {header.shape}")
    for part in ("train", "test"):
        pair = (f"x_{part}", f"y_{part}")
        problems += _length_problems([key for key in found if split(key)[0] in pair], found)
    for kind in ("x", "y"):
        for key in found:
            part, name = split(key)
            if part == f"{kind}_train":
                other = f"{kind}_test" if name is None else f"{kind}_test.{name}"
                problems += _likeness_problems(key, other, found)
    return problems


def cure_of_names(key: str, dtype: np.dtype[Any]) -> str:
    """What helps where an array that holds no numbers may hold the names of classes; else empty."""
    is_of_names = key.startswith("y") and dtype.kind in "OSU"
    return f"; where they are classes, {NUMBER_CLASSES}" if is_of_names else ""


def value_problems(arrays: Mapping[str, Array]) -> list[str]:
    """The problems that only the values show: NaN and infinity in float arrays."""
    found = (value_problem(key, array) for key, array in in_order(arrays).items())
    return [problem for problem in found if problem is not None]


def value_problem(key: str, array: Array) -> str | None:
    """What is wrong with the values of one array; None where nothing is.

    Args:
        array: with an axis of examples, of which there are some.
    """
    if array.dtype.kind != "f":
        return None
    bad, first = 0, -1
    for start, rows in rows_of(array):
        wrong = ~np.isfinite(rows).all(axis=1)
        if first < 0 and wrong.any():
            first = start + int(wrong.argmax())
        bad += int(wrong.sum())
    if not bad:
        return None
    return (
        f"{key}: must hold finite numbers alone, got NaN or infinity in {bad} of "
        f"{len(array)} examples, the first at index {first}; remove these examples or "
        f"replace the values"
    )


def parts(array: Array) -> Iterator[Array]:
    """The array in pieces of about 16 MiB along its first axis, so that little is in memory."""
    row = max(1, array.nbytes // len(array))
    step = max(1, _PART_BYTES // row)
    for start in range(0, len(array), step):
        yield array[start : start + step]
        forget(array)


def forget(array: Array) -> None:
    """Let go of what was read of a mapped file: the system keeps it, this process does not."""
    base: Any = array
    while isinstance(base, np.ndarray):
        base = base.base
    if isinstance(base, mmap.mmap) and hasattr(mmap, "MADV_DONTNEED"):
        base.madvise(mmap.MADV_DONTNEED)


def content_digest(arrays: Mapping[str, Array]) -> str:
    """SHA-256 over a line with name, dtype and shape of each array, followed by its bytes."""
    digest = hashlib.sha256()
    for key, array in in_order(arrays).items():
        little = array.dtype.newbyteorder("<")
        shape = ",".join(map(str, array.shape))
        digest.update(f"{key} {little.str} {shape}\n".encode())
        for part in parts(array):
            digest.update(np.ascontiguousarray(part, dtype=little).data)
    return digest.hexdigest()


def rows_of(array: Array) -> Iterator[tuple[int, Array]]:
    """The array in such pieces, a row for each example, each with its first example's index."""
    start = 0
    for part in parts(array):
        yield start, np.asarray(part).reshape(len(part), -1)
        start += len(part)


def shown_shape(axes: Iterable[int | None]) -> str:
    """A shape as people write it: n for the examples, ... for a length that is left open.

    Args:
        axes: of one example, in their order.
    """
    inner = ", ".join("..." if axis is None or axis < 0 else str(axis) for axis in axes)
    return f"(n, {inner})" if inner else "(n,)"


def _length_problems(keys: Sequence[str], found: Mapping[str, Header]) -> list[str]:
    """The arrays that are of another length than the first, which holds examples."""
    lengths = {key: found[key].shape[0] for key in keys if found[key].shape}
    if not lengths:
        return []
    first, examples = next(iter(lengths.items()))
    problems = []
    for key, length in lengths.items():
        if length != examples:
            a = "a label" if key.startswith("y_") else "a row"
            problems.append(
                f"{key}: must have {a} for each of the {examples} examples of {first}, got {length}"
            )
    return problems


def _has_numbers(header: Header) -> bool:
    return header.dtype.kind in "biuf"


def _likeness_problems(train: str, test: str, found: Mapping[str, Header]) -> list[str]:
    if not (train in found and test in found and found[train].shape and found[test].shape):
        return []
    a, b = found[train], found[test]
    if a.dtype.hasobject or b.dtype.hasobject:  # its shape says nothing of what lies in it
        return []
    problems = []
    if a.shape[1:] != b.shape[1:]:
        expected = shown_shape(a.shape[1:])
        problems.append(f"{test}: must have the shape {expected} as {train}, got {b.shape}")
    if a.dtype != b.dtype and _has_numbers(a):  # else the first is what is wrong
        problems.append(f"{test}: must have the dtype {a.dtype} of {train}, got {b.dtype}")
    return problems

"""Data sets in `.npz` files that are laid out as Keras' own: x_train, y_train, x_test, y_test.

A part of several arrays has a key for each: x_train.image, x_train.meta.
"""

from __future__ import annotations

import functools
import hashlib
import math
import os
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import IO, Any

import numpy as np

from clr_sweep.common.errors import DataError
from clr_sweep.common.file_kinds import other_than_file
from clr_sweep.training.data.array_file import ArrayFile
from clr_sweep.training.data.arrays import Array, Header, header_problems, in_order
from clr_sweep.training.data.contents import listed
from clr_sweep.training.data.kept import kept_or_stored
from clr_sweep.training.data.materialized import Dataset, store_parts
from clr_sweep.training.data.named import PARTS, key_problems, split
from clr_sweep.training.data.paths import absent, candidates

# what a damaged archive raises, and one packed or encrypted in a way that Python cannot read
_UNREADABLE = (zipfile.BadZipFile, zlib.error, ValueError, EOFError, OSError, RuntimeError)

_PIECE_BYTES = 16 * 2**20

_CURE = "write it with numpy.savez(file, x_train=..., y_train=..., x_test=..., y_test=...)"


def load_npz(name: str, search_path: Sequence[Path]) -> Dataset:
    """The data set in the file `name`, unpacked once into the cache and mapped from there.

    The cache's entry belongs to this path, size and time of change: a file that has changed is
    unpacked anew, and runs that use what it held before keep that.

    Raises:
        DataError: there is no such file, or it has problems (all of them are named).
    """
    path = find_npz(name, search_path)
    headers = read_headers(path)
    if problems := header_problems(headers):
        raise DataError(problems, str(path))
    state = path.stat()
    key = hashlib.sha256(f"{path}|{state.st_size}|{state.st_mtime_ns}".encode()).hexdigest()
    fill = functools.partial(_unpack, path, headers)
    store = functools.partial(store_parts, name, fill, str(path))
    dataset = kept_or_stored("npz", path.stem, key, store)
    return replace(dataset, name=name, source=str(path))


def npz_problems(name: str, search_path: Sequence[Path]) -> list[str]:
    """What is wrong with the file, as far as its arrays' headers show."""
    try:
        path = find_npz(name, search_path)
        return [f"{path}: {problem}" for problem in header_problems(read_headers(path))]
    except DataError as error:
        return error.with_source()


def find_npz(name: str, search_path: Sequence[Path]) -> Path:
    """The absolute path of the file `name`.

    Looked for in the folders of the search path in their order, then in the current folder.

    Raises:
        DataError: it is in none of them.
    """
    looked_for = candidates(name, search_path)
    for candidate in looked_for:
        if os.path.isfile(candidate):  # not Path.is_file: it raises in folders not to be read
            return candidate.resolve()
    for candidate in looked_for:
        if kind := other_than_file(candidate):
            raise DataError(f"must be an .npz file, got {kind}", str(candidate))
    raise DataError(
        absent("file", name, looked_for, lambda folder: (npz.name for npz in folder.glob("*.npz")))
    )


def read_headers(path: Path) -> dict[str, Header]:
    """Shape and dtype of the arrays that make the data set, by key, without reading them.

    Raises:
        DataError: the file is no archive of NumPy arrays, or some are missing.
    """
    headers: dict[str, Header] = {}
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.namelist()
            for key in _names(members):
                if split(key)[0] in PARTS and f"{key}.npy" in members:
                    with archive.open(f"{key}.npy") as member:
                        headers[key], _ = _read_header(member)
    except _UNREADABLE as error:
        raise _unreadable(path, error) from error
    if problems := key_problems(headers):
        held = f"; the file holds {listed(_names(members)) or 'nothing'}; {_CURE}"
        raise DataError([f"{problem}{held}" for problem in problems], str(path))
    return in_order(headers)


def _names(members: Iterable[str]) -> list[str]:
    return sorted(name.removesuffix(".npy") for name in members)


def _read_header(member: IO[bytes]) -> tuple[Header, bool]:
    """The header, and whether the values lie column by column."""
    version = np.lib.format.read_magic(member)
    if version == (1, 0):
        shape, by_columns, dtype = np.lib.format.read_array_header_1_0(member)
    else:  # later versions differ in the header's length and the encoding of field names
        shape, by_columns, dtype = np.lib.format.read_array_header_2_0(member)
    return Header(shape, dtype), by_columns


def _unpack(path: Path, keys: Iterable[str], files: Mapping[str, ArrayFile]) -> None:
    """Copy the arrays, in pieces, so that none is in memory as a whole."""
    with zipfile.ZipFile(path) as archive:
        for key in keys:
            for piece in _checked_pieces(path, archive, key):
                files[key].append(piece)


def _checked_pieces(path: Path, archive: zipfile.ZipFile, key: str) -> Iterator[Array]:
    try:
        with archive.open(f"{key}.npy") as member:
            yield from _pieces(member)
            if member.read(1):  # at its end, its checksum is looked at
                raise ValueError("it goes on after the end of the array")
    except _UNREADABLE as error:
        raise _unreadable(path, error, key) from error


def _pieces(member: IO[bytes]) -> Iterator[Array]:
    header, by_columns = _read_header(member)
    shape, dtype = header.shape, header.dtype
    if by_columns:  # rows are there only when all is read
        yield _read(member, shape[::-1], dtype).T
        return
    at_once = max(1, _PIECE_BYTES // (math.prod(shape[1:]) * dtype.itemsize))
    for start in range(0, shape[0], at_once):
        yield _read(member, (min(at_once, shape[0] - start), *shape[1:]), dtype)


def _read(member: IO[bytes], shape: tuple[int, ...], dtype: np.dtype[Any]) -> Array:
    size = math.prod(shape) * dtype.itemsize
    found = member.read(size)
    if len(found) < size:
        raise EOFError("it ends before the end of the array")
    return np.frombuffer(found, dtype).reshape(shape)


def _unreadable(path: Path, error: Exception, key: str | None = None) -> DataError:
    place = f"{key}: " if key else ""
    return DataError(
        f"{place}cannot be read as an .npz file of NumPy arrays, it is damaged or of another "
        f"kind ({error}); copy it again or {_CURE}",
        str(path),
    )

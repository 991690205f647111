"""A `.npy` file that is written as its examples come, without having them all in memory."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from types import TracebackType
from typing import IO, Self

import numpy as np

from clr_sweep.common.errors import DataError
from clr_sweep.training.data.arrays import Array, Header, parts, shown_shape
from clr_sweep.training.data.named import name_problem


class ArrayFile:
    """Appends examples to a `.npy` file; whole, with its length, when the block ends.

    Args:
        path: of the file to make, named as the array: `x_train.npy`.

    Attributes:
        header: shape and dtype of what was appended; None before anything was. An array whose
            header alone shows that it cannot be used (objects, a single value) is not written.
    """

    def __init__(self, path: Path) -> None:
        self.header: Header | None = None
        self._path = path
        self._file: IO[bytes] | None = None
        self._begin = 0

    def __enter__(self) -> Self:
        return self

    def append(self, examples: Array) -> None:
        """Append examples, first axis first.

        Raises:
            DataError: they are of another shape or dtype than those before.
        """
        if self.header is None:
            self.header = Header(examples.shape, examples.dtype)
        else:
            before = self.header
            self._refuse_others(before, examples)
            count = before.shape[0] + len(examples)
            self.header = Header((count, *before.shape[1:]), before.dtype)
        if not examples.size or examples.dtype.hasobject:
            return
        native = self.header.dtype.newbyteorder("=")
        if self._file is None:
            self._file = open(self._path, "xb")  # noqa: SIM115 - closed at the block's end
            self._write_header(self._file)
            self._begin = self._file.tell()
        for part in parts(examples):
            self._file.write(np.ascontiguousarray(part, dtype=native).data)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._file is None:
            return
        with self._file as file:
            if error is None:
                # NumPy leaves room in a header for a first axis that grows.
                file.seek(0)
                self._write_header(file)
                assert file.tell() == self._begin
                file.flush()
                os.fsync(file.fileno())

    def _write_header(self, file: IO[bytes]) -> None:
        assert self.header is not None
        native = self.header.dtype.newbyteorder("=")
        header = {
            "descr": np.lib.format.dtype_to_descr(native),
            "fortran_order": False,
            "shape": self.header.shape,
        }
        np.lib.format.write_array_header_2_0(file, header)

    def _refuse_others(self, before: Header, examples: Array) -> None:
        array = self._path.stem
        if examples.shape[1:] != before.shape[1:]:
            expected = shown_shape(before.shape[1:])
            raise DataError(
                f"{array}: must have the shape {expected} of the examples before, got "
                f"{examples.shape} after {before.shape[0]} examples; give all of them one shape, "
                f"by padding or resizing"
            )
        if examples.dtype.newbyteorder("=") != before.dtype.newbyteorder("="):
            raise DataError(
                f"{array}: must have the dtype {before.dtype} of the examples before, got "
                f"{examples.dtype} after {before.shape[0]} examples"
            )


class ArrayFiles(dict[str, ArrayFile]):
    """The files of a folder that is being filled, by the keys of their arrays.

    Each is made when it is first asked for.

    Args:
        opened: closes them all.
    """

    def __init__(self, folder: Path, opened: contextlib.ExitStack) -> None:
        super().__init__()
        self._folder, self._opened = folder, opened

    def __missing__(self, key: str) -> ArrayFile:
        if (problem := name_problem(key)) is not None:  # before it names a file
            raise DataError(problem)
        file = self._opened.enter_context(ArrayFile(self._folder / f"{key}.npy"))
        self[key] = file
        return file

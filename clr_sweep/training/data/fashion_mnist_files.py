"""The four files of Fashion-MNIST: found in a folder, decompressed, checked by their SHA-256."""

from __future__ import annotations

import hashlib
import math
import os
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from clr_sweep.training.data.arrays import Array


@dataclass(frozen=True)
class IdxFile:
    """One of the four files, in the idx format: a header, then the values as uint8.

    Attributes:
        name: the file's name without `.gz`.
        digest: SHA-256 of the decompressed file.
    """

    name: str
    shape: tuple[int, ...]
    digest: str

    @property
    def header_bytes(self) -> int:
        """A magic number and each axis' length, four bytes each."""
        return 4 + 4 * len(self.shape)

    @property
    def size(self) -> int:
        """Bytes of the decompressed file."""
        return self.header_bytes + math.prod(self.shape)


# the smallest first: a download that cannot work fails at once
FILES = {
    "y_test": IdxFile(
        "t10k-labels-idx1-ubyte",
        (10_000,),
        "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
    ),
    "y_train": IdxFile(
        "train-labels-idx1-ubyte",
        (60_000,),
        "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
    ),
    "x_test": IdxFile(
        "t10k-images-idx3-ubyte",
        (10_000, 28, 28),
        "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
    ),
    "x_train": IdxFile(
        "train-images-idx3-ubyte",
        (60_000, 28, 28),
        "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
    ),
}


class UnavailableError(Exception):
    """A place or a route does not give the data; the message says why."""


class AbsentError(UnavailableError):
    """A place holds none of the files."""


def read_folder(folder: Path) -> dict[str, Array]:
    """The four arrays in `folder`, or in its subfolder fashion-mnist, each checked.

    Raises:
        UnavailableError: files are absent or damaged.
    """
    for place in (folder, folder / "fashion-mnist"):
        found = {key: _candidates(place, file) for key, file in FILES.items()}
        if not any(found.values()):
            continue
        arrays, problems = {}, []
        for key, file in FILES.items():
            try:
                arrays[key] = _read_first(found[key], file)
            except UnavailableError as error:
                problems.append(str(error))
        if problems:
            raise UnavailableError("; ".join(problems))
        return arrays
    if not os.path.isdir(folder):
        raise AbsentError("there is no such folder, or it may not be read")
    raise AbsentError(f"holds none of the files ({FILES['x_train'].name}.gz, ...)")


def _candidates(folder: Path, file: IdxFile) -> list[Path]:
    names = (folder / f"{file.name}.gz", folder / file.name)
    # not Path.is_file, which raises where a folder above may not be read
    return [path for path in names if os.path.isfile(path)]


def _read_first(paths: list[Path], file: IdxFile) -> Array:
    if not paths:
        raise UnavailableError(f"{file.name}.gz is missing")
    reasons = []
    for path in paths:
        try:
            return decode(path.read_bytes(), file, str(path))
        except OSError as error:
            reasons.append(f"{path} cannot be read: {error.strerror or error}")
        except UnavailableError as error:
            reasons.append(str(error))
    raise UnavailableError("; ".join(reasons))


def decode(content: bytes, file: IdxFile, origin: str) -> Array:
    """The array in a file's content, which may be compressed by gzip.

    Raises:
        UnavailableError: it is not the file that it should be.
    """
    reason = ""
    if content[:2] == b"\x1f\x8b":
        content, reason = _decompress(content, file.size)
    found = hashlib.sha256(content).hexdigest()
    if found != file.digest:
        raise UnavailableError(
            f"{origin} is damaged or another file{reason}: SHA-256 of its decompressed content "
            f"must be {file.digest} ({file.size} bytes), got {found} ({len(content)} bytes"
            f"{' or more' if len(content) > file.size else ''})"
        )
    return np.frombuffer(content, np.uint8, offset=file.header_bytes).reshape(file.shape)


def _decompress(content: bytes, size: int) -> tuple[bytes, str]:
    """What can be decompressed, at most one byte more than is right, and why it ends early."""
    unpacker = zlib.decompressobj(wbits=31)
    out = bytearray()
    try:
        for start in range(0, len(content), 2**20):
            out += unpacker.decompress(content[start : start + 2**20], size + 1 - len(out))
            if unpacker.eof or len(out) > size:
                break
    except zlib.error as error:
        return bytes(out), f" ({error})"
    return bytes(out), " (the file is truncated)" if len(out) < size else ""

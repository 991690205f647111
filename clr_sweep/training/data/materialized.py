"""Data sets as memory-mapped files, so that all processes share one copy in memory.

A stored data set is a folder with an uncompressed `.npy` file for each array, named by its key, and
`dataset.json`, which holds the name, the source, the digest, and each file's size and time of
change. The folder is renamed into place when it is complete: a reader sees all of it or nothing.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import shutil
import tempfile
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from clr_sweep.common.errors import DataError
from clr_sweep.training.data.array_file import ArrayFile, ArrayFiles
from clr_sweep.training.data.arrays import (
    Array,
    Header,
    content_digest,
    header_problems,
    in_order,
    value_problems,
)
from clr_sweep.training.data.named import PARTS, Part, examples, flat, is_key, nested

logger = logging.getLogger("clr_sweep")

_RECORD = "dataset.json"
_FORMAT = 1


@dataclass(frozen=True, eq=False)
class Dataset:
    """Examples and labels, a training and a test part; the arrays cannot be written to.

    Each of the four parts is one array, or several by name: those of a model of several inputs, or
    of several outputs.

    Sent to another process, a stored data set travels as its folder's name: the arrays are
    mapped there again, not copied.

    Attributes:
        name: as in the sweep file.
        x_train: training examples, (n, ...), as stored.
        y_train: their labels, (n,) or (n, ...).
        x_test: test examples, (m, ...).
        y_test: their labels.
        digest: SHA-256 (hexadecimal) over dtype, shape and values of the arrays in
            little-endian order: the same on every machine, whatever file they came from.
        source: the path, URL or function that it came from, for people.
        folder: where the mapped files are; None for arrays in this process's memory.
        streamed: a training reads its examples from the files as it needs them, and does not
            hold them in memory.
    """

    name: str
    x_train: Part = field(repr=False)
    y_train: Part = field(repr=False)
    x_test: Part = field(repr=False)
    y_test: Part = field(repr=False)
    digest: str
    source: str
    folder: Path | None = None
    streamed: bool = False

    def arrays(self) -> dict[str, Array]:
        """The arrays by their keys: `x_train`, or `x_train.image` where it has several by name."""
        parts: dict[str, Part] = {part: getattr(self, part) for part in PARTS}
        return flat(parts)

    @property
    def training_examples(self) -> int:
        """How many there are to train on and to validate with."""
        return examples(self.x_train)

    @property
    def test_examples(self) -> int:
        """How many are in the test part."""
        return examples(self.x_test)

    def nbytes(self) -> int:
        """The size of all examples and labels."""
        return sum(array.nbytes for array in self.arrays().values())

    def __reduce__(self) -> tuple[Any, ...]:
        if self.folder is not None:
            return _reopened, (self.folder, self.digest, self.name, self.source)
        return _dataset, (self.name, self.arrays(), self.digest, self.source)


def in_memory(name: str, arrays: Mapping[str, Array], source: str) -> Dataset:
    """A checked data set over arrays of this process; `materialize` lets others share it.

    Raises:
        DataError: every problem that the arrays have.
    """
    problems = header_problems({key: Header(a.shape, a.dtype) for key, a in arrays.items()})
    if problems := problems or value_problems(arrays):
        raise DataError(problems, source)
    return _dataset(name, arrays, content_digest(arrays), source)


def materialize(dataset: Dataset, folder: Path) -> Dataset:
    """Stores the data set in `folder` and returns it as read-only memory maps.

    Safe with several processes at the same time; a folder that holds the same data already is
    used as it is, and one that holds another stored data set is replaced (maps that are open
    keep what they had).

    Raises:
        DataError: the folder holds other files, or cannot be written.
    """
    folder = Path(folder)
    held = stored(folder)
    if held is None or held.digest != dataset.digest:
        held = store(dataset.name, dataset.arrays(), dataset.source, folder)
    if held.digest != dataset.digest:
        raise DataError(
            f"the data of {dataset.name} changed while they were stored: digest "
            f"{dataset.digest} before, {held.digest} after; nothing else may write to "
            f"{dataset.source} or to this folder",
            str(folder),
        )
    return replace(held, name=dataset.name, source=dataset.source)


def store(name: str, arrays: Mapping[str, Array], source: str, folder: Path) -> Dataset:
    """Writes the arrays, checks them and puts the complete folder into place.

    Args:
        arrays: by key. Each is asked for once, so that a mapping that reads from a file needs
            memory for one array at a time.
        source, folder: as for `store_parts`.

    Raises:
        DataError: the arrays have problems, or the folder cannot be written.
    """

    def fill(files: Mapping[str, ArrayFile]) -> None:
        for key in arrays:
            files[key].append(arrays[key])

    return store_parts(name, fill, source, folder)


def store_parts(
    name: str, fill: Callable[[Mapping[str, ArrayFile]], None], source: str, folder: Path
) -> Dataset:
    """The same for data that are never in memory as a whole.

    Args:
        fill: called with a mapping that makes a file for each key that is asked for; it appends
            the examples of each array to its own.
        source: where they came from.
        folder: the folder to make; its parents are made too.

    Raises:
        DataError: what was appended has problems, or the folder cannot be written.
    """
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=f".{folder.name}-", dir=folder.parent) as new:
            # one below: what is renamed away leaves the temporary folder to its own clean-up,
            # and it has the rights of a plain mkdir, not those of a private one
            complete = Path(new, folder.name)
            complete.mkdir()
            with contextlib.ExitStack() as opened:
                files = ArrayFiles(complete, opened)
                fill(files)
            if problems := header_problems({key: file.header for key, file in files.items()}):
                raise DataError(problems, source)
            written = _mapped(complete, files)
            if problems := value_problems(written):
                raise DataError(problems, source)
            _write_record(complete, name, source, content_digest(written), in_order(files))
            # the maps hold the files by name: they are mapped again where they will stay
            del written
            _put_into_place(complete, folder, Path(new))
    except OSError as error:
        raise DataError(
            f"cannot store the data set {name}: {error.strerror or error}; "
            f"name a folder that can be written and has room (CLR_SWEEP_CACHE for the cache)",
            str(folder),
        ) from error
    return open_materialized(folder)


def open_materialized(folder: Path) -> Dataset:
    """Maps the data set that `materialize` stored in `folder`.

    Costs no reading of the arrays while sizes and times of change are as recorded; where they
    are not (the folder was copied), the content's digest is taken again.

    Raises:
        DataError: there is none, it is incomplete, or its content has changed.
    """
    folder = Path(folder)
    try:
        record = json.loads((folder / _RECORD).read_text(encoding="utf-8"))
        if record["format"] != _FORMAT:
            raise ValueError(f"format {record['format']!r}, this version reads {_FORMAT}")
        arrays = _mapped(folder, record["files"])
        digest = str(record["digest"])
        if record["files"] != _file_states(folder, arrays):
            found = content_digest(arrays)
            if found != digest:
                raise ValueError(f"its content has changed: digest {digest} was stored, {found} is")
    except (OSError, ValueError, KeyError, TypeError, EOFError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else error
        raise DataError(
            f"no sound stored data set is here ({reason}); remove the folder and run again, "
            f"so that it is made anew",
            str(folder),
        ) from error
    return _dataset(str(record["name"]), arrays, digest, str(record["source"]), folder.absolute())


def stored(folder: Path) -> Dataset | None:
    """The stored data set in `folder`, None where there is no sound one (a damaged one is said)."""
    if not os.path.exists(folder / _RECORD):
        return None
    try:
        return open_materialized(folder)
    except DataError as error:
        logger.warning("not used: %s", error)
        return None


def _dataset(
    name: str, arrays: Mapping[str, Array], digest: str, source: str, folder: Path | None = None
) -> Dataset:
    views = {key: array.view() for key, array in in_order(arrays).items()}
    for view in views.values():
        view.flags.writeable = False
    parts: dict[str, Any] = nested(views)
    return Dataset(name=name, **parts, digest=digest, source=source, folder=folder)


def _reopened(folder: Path, digest: str, name: str, source: str) -> Dataset:
    dataset = open_materialized(folder)
    if dataset.digest != digest:
        raise DataError(
            f"the data set {name} has changed: digest {digest} was expected, "
            f"{dataset.digest} is stored; start the run again",
            str(folder),
        )
    return replace(dataset, name=name, source=source)


def _mapped(folder: Path, keys: Iterable[str]) -> dict[str, Array]:
    return {key: np.load(folder / f"{key}.npy", mmap_mode="r", allow_pickle=False) for key in keys}


def _file_states(folder: Path, keys: Iterable[str]) -> dict[str, list[int]]:
    states = {key: (folder / f"{key}.npy").stat() for key in keys}
    return {key: [state.st_size, state.st_mtime_ns] for key, state in states.items()}


def _write_record(folder: Path, name: str, source: str, digest: str, keys: Iterable[str]) -> None:
    record = {
        "format": _FORMAT,
        "name": name,
        "source": source,
        "digest": digest,
        "files": _file_states(folder, keys),
    }
    with open(folder / _RECORD, "x", encoding="utf-8") as file:
        json.dump(record, file, indent=2)
        file.flush()
        os.fsync(file.fileno())


def _is_ours(file: Path) -> bool:
    return file.name == _RECORD or (file.suffix == ".npy" and is_key(file.stem))


def _put_into_place(complete: Path, folder: Path, aside: Path) -> None:
    """Renames a complete folder to its place; where several do, each leaves a complete one."""
    digest = json.loads((complete / _RECORD).read_text(encoding="utf-8"))["digest"]
    for attempt in range(100):
        try:
            os.replace(complete, folder)  # takes an absent or an empty folder's place
            return
        except OSError:
            if not folder.is_dir():
                raise
        with contextlib.suppress(DataError):
            if open_materialized(folder).digest == digest:
                return
        try:
            if foreign := {entry.name for entry in folder.iterdir() if not _is_ours(entry)}:
                raise DataError(
                    f"holds other files ({', '.join(sorted(foreign)[:3])}), which are not "
                    f"replaced; name an empty or a new folder",
                    str(folder),
                )
            os.replace(folder, aside / f"replaced-{attempt}")
        except FileNotFoundError:
            continue  # another process has taken it away already
    shutil.rmtree(complete, ignore_errors=True)
    raise DataError("other processes keep replacing this folder", str(folder))

"""Data sets stored as memory-mapped files and shared by processes."""

from __future__ import annotations

import hashlib
import json
import os
import pickle
import shutil
import struct
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from clr_sweep.common.errors import DataError
from clr_sweep.training.data.arrays import content_digest
from clr_sweep.training.data.materialized import Dataset, in_memory, materialize, open_materialized


def dataset(seed: int = 0, n: int = 50) -> Dataset:
    random = np.random.default_rng(seed)
    return in_memory(
        "random",
        {
            "x_train": random.random((n, 3), dtype=np.float32),
            "y_train": random.integers(0, 9, n, dtype=np.int16),
            "x_test": random.random((7, 3), dtype=np.float32),
            "y_test": random.integers(0, 9, 7, dtype=np.int16),
        },
        "a test",
    )


def test_the_digest_is_fixed() -> None:
    """The digest is a known value, so it is the same on every machine and in every version."""
    arrays = {
        "x_train": np.arange(6, dtype=">i4").reshape(3, 2),
        "y_train": np.array([True, False, True]),
        "x_test": np.asfortranarray(np.arange(4, dtype="<i4").reshape(2, 2)),
        "y_test": np.array([True, False]),
    }
    # by hashlib alone, from the description of the digest
    described = (
        b"x_train <i4 3,2\n" + struct.pack("<6i", *range(6)) + b"y_train |b1 3\n\1\0\1"
        b"x_test <i4 2,2\n" + struct.pack("<4i", *range(4)) + b"y_test |b1 2\n\1\0"
    )
    expected = "4ee2006f985bc2eaaa0f8f7d73ae3c522f77a6a8548b2a4a002f9787a97e8a47"
    assert content_digest(arrays) == hashlib.sha256(described).hexdigest() == expected


@pytest.mark.parametrize("key", ["x_train", "y_train", "x_test", "y_test"])
def test_the_digest_sees_values_dtypes_and_shapes(key: str) -> None:
    """Any change of any array changes the digest."""
    arrays = dataset().arrays()
    digests = {content_digest(arrays)}
    array = arrays[key]
    changed = array.copy()
    changed[-1] += 1
    for other in (changed, array.view(f"u{array.itemsize}"), array[..., np.newaxis], array[:-1]):
        digests.add(content_digest(arrays | {key: other}))
    assert len(digests) == 5


def test_materialized_arrays_are_mapped_and_read_only(tmp_path: Path) -> None:
    """What was stored is opened again with equal values, digest, name and source."""
    original = dataset()
    stored = materialize(original, tmp_path / "run" / "data")
    opened = open_materialized(tmp_path / "run" / "data")
    for other in (stored, opened):
        assert (other.name, other.digest, other.source) == ("random", original.digest, "a test")
        assert other.folder == tmp_path / "run" / "data"
        for key, array in other.arrays().items():
            assert isinstance(array, np.memmap)
            assert array.dtype == getattr(original, key).dtype
            assert np.array_equal(array, getattr(original, key))
            with pytest.raises(ValueError, match="read-only"):
                array[0] = 1


def test_the_same_data_is_not_written_twice(tmp_path: Path) -> None:
    """A resumed run uses the files that are there."""
    materialize(dataset(), tmp_path / "data")
    before = (tmp_path / "data" / "x_train.npy").stat().st_ino
    materialize(dataset(), tmp_path / "data")
    assert (tmp_path / "data" / "x_train.npy").stat().st_ino == before


def test_other_data_replaces_what_was_stored(tmp_path: Path) -> None:
    """The folder gets the new data, and maps of the old data keep the old values."""
    old = materialize(dataset(0), tmp_path / "data")
    values = old.x_train.copy()
    new = materialize(dataset(1), tmp_path / "data")
    assert open_materialized(tmp_path / "data").digest == new.digest == dataset(1).digest
    assert np.array_equal(old.x_train, values)
    assert [entry.name for entry in tmp_path.iterdir()] == ["data"]


def test_a_folder_with_other_files_is_left_alone(tmp_path: Path) -> None:
    """Nothing of the user's is ever replaced."""
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "notes.txt").write_text("precious")
    with pytest.raises(DataError, match=r"mine: holds other files \(notes.txt\)"):
        materialize(dataset(), tmp_path / "mine")
    assert (tmp_path / "mine" / "notes.txt").read_text() == "precious"
    assert len(list(tmp_path.iterdir())) == 1


def test_a_copied_folder_is_accepted_and_a_changed_one_is_not(tmp_path: Path) -> None:
    """Times of change may differ when the content does not; a changed value is noticed."""
    materialize(dataset(), tmp_path / "data")
    copied = tmp_path / "copied"
    shutil.copytree(tmp_path / "data", copied, copy_function=shutil.copyfile)
    os.utime(copied / "x_test.npy", (1, 1))
    assert open_materialized(copied).digest == dataset().digest
    content = bytearray((copied / "y_train.npy").read_bytes())
    content[-1] ^= 1
    (copied / "y_train.npy").write_bytes(content)
    with pytest.raises(DataError, match=f"copied: .*digest {dataset().digest} was stored"):
        open_materialized(copied)


def test_what_is_incomplete_is_refused(tmp_path: Path) -> None:
    """An absent folder, an absent array, a cut record and another format are all told."""
    with pytest.raises(DataError, match="No such file"):
        open_materialized(tmp_path / "absent")
    materialize(dataset(), tmp_path / "data")
    record = tmp_path / "data" / "dataset.json"
    whole = record.read_text()
    for damaged in (whole[:40], "[]", json.dumps(json.loads(whole) | {"format": 99})):
        record.write_text(damaged)
        with pytest.raises(DataError, match="no sound stored data set"):
            open_materialized(tmp_path / "data")
    record.write_text(whole)
    (tmp_path / "data" / "x_test.npy").unlink()
    with pytest.raises(DataError, match="no sound stored data set"):
        open_materialized(tmp_path / "data")


def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    """The message names the folder and the way out."""
    (tmp_path / "file").touch()
    with pytest.raises(DataError, match=r"cannot store the data set random.* can be written"):
        materialize(dataset(), tmp_path / "file" / "data")


def test_arrays_with_problems_are_not_stored(tmp_path: Path) -> None:
    """A hand-made data set is checked like any other, and leaves nothing behind."""
    wrong = replace(dataset(), y_train=np.zeros(3, np.int16))
    with pytest.raises(DataError, match="y_train: must have a label for each of the 50"):
        materialize(wrong, tmp_path / "data")
    assert list(tmp_path.iterdir()) == []


def test_arrays_changed_after_loading_are_noticed(tmp_path: Path) -> None:
    """The digest must be that of what is stored: data changed meanwhile are refused."""
    x = np.zeros((4, 2))
    held = in_memory(
        "own", {"x_train": x, "y_train": x[:, 0], "x_test": x, "y_test": x[:, 0]}, "own"
    )
    x[0, 0] = 1
    with pytest.raises(DataError, match="changed while they were stored"):
        materialize(held, tmp_path / "data")


def test_writers_at_the_same_time_leave_one_whole_data_set(tmp_path: Path) -> None:
    """Racing writers of the same data all get it, and clear away what they did not need."""
    original = dataset(n=2000)

    def write(_: int) -> str:
        return materialize(original, tmp_path / "data").digest

    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(write, range(24))) == {original.digest}
    assert open_materialized(tmp_path / "data").digest == original.digest
    assert [entry.name for entry in tmp_path.iterdir()] == ["data"]


def test_processes_share_the_files(tmp_path: Path) -> None:
    """Sent to a fresh process, a stored data set is a small message and arrives mapped."""
    stored = materialize(dataset(n=5000), tmp_path / "data")
    message = pickle.dumps(replace(stored, name="renamed"))
    assert len(message) < 1000
    code = (
        "import pickle, sys, numpy as np\n"
        "data = pickle.load(sys.stdin.buffer)\n"
        "assert isinstance(data.x_train, np.memmap)\n"
        "print(data.name, data.digest, float(data.x_train.sum()))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], input=message, capture_output=True, check=True
    )
    assert done.stdout.decode().split() == [
        "renamed",
        stored.digest,
        str(float(stored.x_train.sum())),
    ]


def test_a_process_refuses_data_that_were_replaced(tmp_path: Path) -> None:
    """A message about data that are no longer there does not bring other data."""
    message = pickle.dumps(materialize(dataset(0), tmp_path / "data"))
    materialize(dataset(1), tmp_path / "data")
    with pytest.raises(DataError, match="the data set random has changed"):
        pickle.loads(message)


def test_a_data_set_in_memory_travels_whole() -> None:
    """Without files the arrays themselves are sent, and stay read-only."""
    original = dataset()
    arrived = pickle.loads(pickle.dumps(original))
    assert np.array_equal(arrived.x_train, original.x_train)
    assert arrived.digest == original.digest
    assert not arrived.x_train.flags.writeable

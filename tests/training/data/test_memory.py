"""How much of a data set may be held in memory, and reading the rest from mapped files."""

from __future__ import annotations

import mmap
from pathlib import Path

import numpy as np
import psutil
import pytest

from clr_sweep.common.cores import usable_cores
from clr_sweep.training.data import memory
from clr_sweep.training.data.arrays import forget
from clr_sweep.training.data.memory import Stacked, memory_limit, streams


def test_the_sweep_says_it_or_the_size_does() -> None:
    """Half of a core's share of the memory is the limit where nothing is said."""
    limit = memory_limit()
    assert 0 < limit <= psutil.virtual_memory().total // usable_cores() // 2
    assert [streams(size, "auto") for size in (limit, limit + 1)] == [False, True]
    assert [streams(limit + 1, True), streams(1, False)] == [False, True]


def test_a_container_has_the_memory_of_its_control_group(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The tightest limit counts, of the group or of those around it; `max` is none."""
    whole = memory_limit()
    own = Path("/proc/self/cgroup").read_text().strip().rpartition("::")[2].strip("/")
    (tmp_path / own).mkdir(parents=True, exist_ok=True)
    monkeypatch.setattr(memory, "_CGROUPS", tmp_path)
    (tmp_path / "memory.max").write_text("max\n")
    assert memory_limit() >= whole
    (tmp_path / own / "memory.max").write_text(f"{2**30}\n")
    assert memory_limit() == 2**30 // usable_cores() // 2


def test_rows_are_taken_over_several_arrays(tmp_path: Path) -> None:
    """In any order, more than once, as from one array; mapped ones are let go of."""
    values = np.arange(3000, dtype=np.float32).reshape(1000, 3)
    parts = []
    for number, part in enumerate(np.split(values, [600])):
        np.save(tmp_path / f"{number}.npy", part)
        parts.append(np.load(tmp_path / f"{number}.npy", mmap_mode="r"))
    stacked = Stacked(tuple(parts))
    rows = np.random.default_rng(0).integers(0, 1000, 900)
    assert np.array_equal(stacked.take(rows), values[rows])
    assert np.array_equal(stacked.whole(), values)
    assert (len(stacked), stacked.example_shape, stacked.example_bytes) == (1000, (3,), 12)


def test_what_is_let_go_of_can_be_read_again(tmp_path: Path) -> None:
    """Of a mapped file and of views of it; arrays in memory keep their values."""
    np.save(tmp_path / "array.npy", np.arange(10))
    mapped = np.load(tmp_path / "array.npy", mmap_mode="r")
    assert isinstance(mapped.base, mmap.mmap)
    for array in (mapped, mapped[2:].view(np.ndarray), np.arange(10)):
        before = array.tolist()
        forget(array)
        assert array.tolist() == before

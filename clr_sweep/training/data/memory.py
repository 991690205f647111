"""How much of a data set a process may hold in memory, and how the rest is read from its files."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import psutil

from clr_sweep.common.cores import usable_cores
from clr_sweep.training.data.arrays import forget
from clr_sweep.training.data.named import Array, Part, by_name

_CGROUPS = Path("/sys/fs/cgroup")
# Rows that are read of a mapped file before it is let go of: with each the system may map the
# 2 MiB around it, so 64 MiB.
_MAPPED_ROWS = 32


def streams(nbytes: int, in_memory: bool | Literal["auto"]) -> bool:
    """Whether a training reads its examples from their files as it needs them.

    Args:
        nbytes: of all examples and labels.
        in_memory: what the sweep says; `auto`: they are held up to `memory_limit`.
    """
    return nbytes > memory_limit() if in_memory == "auto" else not in_memory


def memory_limit() -> int:
    """The bytes that a process's examples may take: half of its core's share of the memory.

    The memory is the machine's, or what the control group of this process (a container, a job of
    Slurm's) may use of it.
    """
    total = min([psutil.virtual_memory().total, *_limits_of_groups()])
    return total // usable_cores() // 2


def _limits_of_groups() -> Iterator[int]:
    """The limits of this process's control group and of those around it (version 2)."""
    try:
        line = Path("/proc/self/cgroup").read_text(encoding="ascii").strip()
    except OSError:
        return
    group = _CGROUPS / line.rpartition("::")[2].lstrip("/")
    for folder in (group, *group.parents):
        if folder.is_relative_to(_CGROUPS):
            try:
                yield int((folder / "memory.max").read_text(encoding="ascii"))
            except (OSError, ValueError):  # none there, or "max"
                continue


def stacked(*parts: Part) -> Any:
    """The arrays of parts, one part after another: `Stacked`, of each name where they have such."""
    named = [by_name(part) for part in parts]
    found = {name: Stacked(tuple(part[name] for part in named)) for name in named[0]}
    return found.get(None, found)


@dataclass(frozen=True)
class Stacked:
    """Arrays of one kind, one after another along the first axis, without joining them.

    Attributes:
        arrays: in their order; as a rule memory-mapped.
    """

    arrays: tuple[Array, ...]

    def __len__(self) -> int:
        return sum(map(len, self.arrays))

    @property
    def example_shape(self) -> tuple[int, ...]:
        """The shape of one example."""
        return tuple(self.arrays[0].shape[1:])

    @property
    def dtype(self) -> np.dtype[Any]:
        """Of all arrays."""
        return self.arrays[0].dtype

    @property
    def example_bytes(self) -> int:
        """The size of one example."""
        return int(np.prod(self.example_shape)) * self.dtype.itemsize

    def whole(self) -> Array:
        """All examples as one array, which is the mapped one itself where there is no other."""
        return self.arrays[0] if len(self.arrays) == 1 else np.concatenate(self.arrays)

    def take(self, rows: Array) -> Array:
        """Copies of these examples, in this order; of a mapped file no more stays in memory."""
        taken = np.empty((len(rows), *self.example_shape), self.dtype)
        begin = 0
        for array in self.arrays:
            places = np.flatnonzero((rows >= begin) & (rows < begin + len(array)))
            for start in range(0, len(places), _MAPPED_ROWS):
                some = places[start : start + _MAPPED_ROWS]
                taken[some] = array[rows[some] - begin]
                forget(array)
            begin += len(array)
        return taken

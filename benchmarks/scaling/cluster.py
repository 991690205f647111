"""A real Ray cluster on this machine, whose nodes say that they have more cores than it has."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Mapping
from typing import Any

import psutil

from benchmarks.processes import environment

SLOTS_PER_NODE = 16


class Cluster:
    """A head without room for jobs, and nodes with so many slots.

    Attributes:
        address: of the head.
    """

    def __init__(self, slots: int) -> None:
        from ray.cluster_utils import Cluster as Made

        self._made: Any = Made()
        self._add(0)
        for first in range(0, slots, SLOTS_PER_NODE):
            self._add(min(SLOTS_PER_NODE, slots - first))
        self._made.wait_for_nodes()
        self.address = str(self._made.address)

    def processes(self) -> tuple[list[psutil.Process], list[psutil.Process]]:
        """Ray's own, and the workers with what they have started."""
        found: dict[psutil.Process, bool] = {}
        for node in self._made.list_all_nodes():
            for kind in node.all_processes.values():
                for each in kind:
                    with contextlib.suppress(psutil.Error):
                        root = psutil.Process(each.process.pid)
                        found[root] = False
                        for child in root.children():
                            is_worker = child.cmdline()[0].startswith("ray::Worker")
                            for below in (child, *child.children(recursive=True)):
                                found[below] = is_worker
        ours = [process for process, is_worker in found.items() if not is_worker]
        return ours, [process for process, is_worker in found.items() if is_worker]

    def close(self) -> None:
        """End it."""
        self._made.shutdown()

    def _add(self, cpus: int) -> None:
        self._made.add_node(num_cpus=cpus, include_dashboard=False, object_store_memory=100 * 2**20)


@contextlib.contextmanager
def cluster(slots: int, variables: Mapping[str, str]) -> Iterator[Cluster]:
    """A cluster for the length of the block.

    Args:
        variables: that the nodes have beside those of this process.
    """
    given = environment(
        # Trainings would give way to all else on this machine.
        RAY_worker_niceness="0",
        RAY_USAGE_STATS_ENABLED="0",
        # Two cores start a node's workers one after the other, at a second each.
        RAY_worker_register_timeout_seconds="600",
        **variables,
    )
    before = dict(os.environ)
    os.environ.update(given)
    try:
        made = Cluster(slots)
        try:
            yield made
        finally:
            made.close()
    finally:
        os.environ.clear()
        os.environ.update(before)

"""A Ray cluster of several nodes on this machine, whose real processes can be killed."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import psutil


class RayCluster:
    """A head without room for jobs, and nodes that have some.

    Attributes:
        address: of the head.
    """

    def __init__(self) -> None:
        from ray.cluster_utils import Cluster

        self._cluster: Any = Cluster()
        self._nodes: dict[str, Any] = {}
        self._add(num_cpus=0)
        self.address = str(self._cluster.address)

    @property
    def nodes(self) -> tuple[str, ...]:
        """Those that are there, by name."""
        return tuple(self._nodes)

    def add_node(self, name: str, cpus: int = 1, **resources: Any) -> None:
        """Start a node."""
        self._nodes[name] = self._add(num_cpus=cpus, **resources)

    def kill_node(self, name: str) -> None:
        """Kill all processes of a node at once, and what its workers have started with them."""
        node = self._nodes.pop(name)
        self._cluster.remove_node(node, allow_graceful=False)

    def settle(self) -> None:
        """Wait until the head knows which nodes are there."""
        self._cluster.wait_for_nodes()

    def processes(self, name: str) -> list[psutil.Process]:
        """Those of a node, with all below them."""
        (raylet,) = self._nodes[name].all_processes["raylet"]
        process = psutil.Process(raylet.process.pid)
        return [process, *process.children(recursive=True)]

    def node_of(self, pid: int) -> str:
        """Which node a process is of."""
        for name in self._nodes:
            if pid in {process.pid for process in self.processes(name)}:
                return name
        raise AssertionError(f"process {pid} is of no node")

    def close(self) -> None:
        """End it."""
        self._cluster.shutdown()

    def _add(self, **resources: Any) -> Any:
        options = {"include_dashboard": False, "object_store_memory": 100 * 2**20, **resources}
        for attempts_left in (2, 1, 0):
            try:
                return self._cluster.add_node(**options)
            except Exception as error:
                # Ray gives a node 30 s, which a busy machine may not have.
                if "timed out during startup" not in str(error) or not attempts_left:
                    raise
        raise AssertionError


@contextlib.contextmanager
def ray_cluster(nodes: Mapping[str, int], **environment: str) -> Iterator[RayCluster]:
    """A cluster for the length of the block.

    Args:
        nodes: how many cores each has, by name.
        environment: variables that the nodes have beside those of this process.
    """
    # Trials would give way to all else on this machine, the tests beside them too.
    environment = {"RAY_worker_niceness": "0", **environment}
    before = {name: os.environ.get(name) for name in environment}
    os.environ.update(environment)
    try:
        cluster = RayCluster()
        try:
            for name, cpus in nodes.items():
                cluster.add_node(name, cpus)
            yield cluster
        finally:
            cluster.close()
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def training(cluster: RayCluster, log: Path) -> tuple[str, psutil.Process]:
    """The process that prints into a trial's log, and its node."""
    for name in cluster.nodes:
        for process in cluster.processes(name):
            with contextlib.suppress(psutil.Error):
                if str(log) in {file.path for file in process.open_files()}:
                    return name, process
    raise AssertionError(f"no node's process has {log} open")

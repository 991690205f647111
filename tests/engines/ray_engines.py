"""The engine of Ray for light jobs, on a real cluster of two nodes with a slot each."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from ray_clusters import RayCluster, ray_cluster

from clr_sweep.definition.engine_config import EngineConfig
from clr_sweep.engines.ray.engine import RayEngine, ray_engine

JOBS = str(Path(__file__).parent)


@contextlib.contextmanager
def two_nodes(shared: Path) -> Iterator[tuple[RayCluster, RayEngine]]:
    """A cluster and an engine of as many slots as it has room for, whose workers have come.

    Args:
        shared: the folder that the nodes have to share.
    """
    path = os.pathsep.join([JOBS, os.environ.get("PYTHONPATH", "")])
    with ray_cluster({"a": 1, "b": 1}, PYTHONPATH=path) as cluster:
        config = EngineConfig(name="ray", address=cluster.address)
        with ray_engine(config, lambda: shared, ()) as engine:
            engine.use(engine.capacity(), ())
            wait_for_room(engine, 2)
            yield cluster, engine


def wait_for_room(engine: RayEngine, slots: int = 1) -> None:
    """Until so many workers have come."""
    while sum(worker.is_free for worker in engine._workers) < slots:
        assert engine.wait(1) == []

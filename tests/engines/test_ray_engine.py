"""The engine of Ray on a real cluster of two nodes: what comes back, and how jobs end."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from engine_events import only_event, outcome
from gone_processes import assert_gone
from platforms import needs_linux
from ray_clusters import RayCluster
from ray_engines import two_nodes, wait_for_room

from clr_sweep.engines.base import Died, Done, Message
from clr_sweep.engines.ray.engine import RayEngine

pytestmark = [needs_linux, pytest.mark.heavy]


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[RayCluster, RayEngine]]:
    with two_nodes(tmp_path_factory.mktemp("shared")) as made:
        yield made


@pytest.fixture(scope="module")
def cluster(both: tuple[RayCluster, RayEngine]) -> RayCluster:
    return both[0]


@pytest.fixture(scope="module")
def engine(both: tuple[RayCluster, RayEngine]) -> RayEngine:
    return both[1]


def test_it_knows_the_cluster(engine: RayEngine, cluster: RayCluster) -> None:
    assert engine.slots == 2
    assert engine.place == f"the Ray cluster at {cluster.address} (3 nodes)"
    assert engine.devices == ()
    nodes = {worker.actor._ray_actor_id for worker in engine._workers}
    assert len(nodes) == 2


@pytest.mark.parametrize(
    ("payload", "reason"),
    [(signal.SIGKILL, "SIGKILL (out of memory?)"), (-7, "exit status 7")],
)
def test_a_death_says_how(engine: RayEngine, tmp_path: Path, payload: int, reason: str) -> None:
    """The worker outlives its job: the next one runs there."""
    workers = list(engine._workers)
    event = outcome(engine, "end_by", payload, tmp_path / "log.txt")
    assert isinstance(event, Died)
    assert reason in event.reason
    assert outcome(engine, "echo", 1, tmp_path / "log.txt") == Done("job", 1)
    assert engine._workers == workers


def test_what_cannot_be_pickled(engine: RayEngine, tmp_path: Path) -> None:
    """A payload is the caller's mistake, and leaves nothing running."""
    with pytest.raises(TypeError, match="serialize"):
        engine.start("a", "engine_jobs:echo", (x for x in ()), tmp_path / "log.txt")
    assert engine.running == ()
    wait_for_room(engine, 2)


def test_a_stopped_job_ends(engine: RayEngine, tmp_path: Path) -> None:
    """At once and with all its processes; its worker takes the next job."""
    engine.start("a", "engine_jobs:ask", [1], tmp_path / "log.txt")
    assert only_event(engine) == Message("a", 1)
    engine.start("b", "engine_jobs:stay", "hear", tmp_path / "b.txt")
    event = only_event(engine)
    assert isinstance(event, Message)
    process = psutil.Process(event.value)
    engine.answer("b", None)
    engine.stop("b")
    assert_gone([process])
    assert engine.running == ("a",)
    assert engine.stop_all() == ("a",)
    assert engine.wait(0.1) == []
    with pytest.raises(ValueError, match="no job named 'a' is running"):
        engine.stop("a")
    assert outcome(engine, "echo", 1, tmp_path / "log.txt") == Done("job", 1)


def test_a_stop_may_come_at_any_time(engine: RayEngine, tmp_path: Path) -> None:
    """Before the job is there too: none is left, and none takes another's place."""
    for number in range(20):
        engine.start("a", "engine_jobs:ask", [number], tmp_path / "log.txt")
        engine.stop("a")
        assert outcome(engine, "echo", number, tmp_path / "log.txt") == Done("job", number)

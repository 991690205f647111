"""The engine of Ray on a real cluster of two nodes: what comes back, and how jobs end."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Hashable, Iterator
from pathlib import Path
from typing import Any

import engine_jobs
import psutil
import pytest
from engine_events import only_event, outcome
from gone_processes import assert_gone
from ray_clusters import RayCluster, ray_cluster

from clr_sweep.definition.engine_config import EngineConfig
from clr_sweep.engines.base import Died, Done, Failed, Message
from clr_sweep.engines.ray.engine import RayEngine, ray_engine

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="needs Linux's forkserver")
JOBS = str(Path(engine_jobs.__file__).parent)


@pytest.fixture(scope="module")
def cluster() -> Iterator[RayCluster]:
    path = os.pathsep.join([JOBS, os.environ.get("PYTHONPATH", "")])
    with ray_cluster({"a": 1, "b": 1}, PYTHONPATH=path) as made:
        yield made


@pytest.fixture(scope="module")
def engine(cluster: RayCluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RayEngine]:
    """One of as many slots as the cluster has room for."""
    config = EngineConfig(name="ray", address=cluster.address)
    with ray_engine(config, lambda: tmp_path_factory.mktemp("shared"), ()) as made:
        made.use(made.capacity(), ())
        wait_for_room(made)
        yield made


def wait_for_room(engine: RayEngine, slots: int = 2) -> None:
    """Until so many workers have come."""
    while sum(worker.is_free for worker in engine._workers) < slots:
        assert engine.wait(1) == []


def test_it_knows_the_cluster(engine: RayEngine, cluster: RayCluster) -> None:
    assert engine.slots == 2
    assert engine.place == f"the Ray cluster at {cluster.address} (3 nodes)"
    assert engine.devices == ()
    nodes = {worker.actor._ray_actor_id for worker in engine._workers}
    assert len(nodes) == 2


def test_a_value_comes_back(engine: RayEngine, tmp_path: Path) -> None:
    """A job gets its payload and its value returns; the folder of its log is made."""
    payload = {"path": tmp_path, "numbers": (1, 2.5, None), "text": "ä"}
    log = tmp_path / "a" / "b" / "log.txt"
    assert outcome(engine, "echo", payload, log) == Done("job", payload)
    assert log.read_text() == ""


def test_messages_are_answered(engine: RayEngine, tmp_path: Path) -> None:
    engine.start(3, "engine_jobs:ask", ["one", "two", "three"], tmp_path / "log.txt")
    for value, answer in (("one", True), ("two", None), ("three", {"x": 1})):
        assert only_event(engine) == Message(3, value)
        engine.answer(3, answer)
    assert only_event(engine) == Done(3, [True, None, {"x": 1}])


def test_as_many_at_once_as_slots(engine: RayEngine, tmp_path: Path) -> None:
    """Both jobs have spoken before either is answered; a key that runs is refused."""
    for key in ("a", "b"):
        engine.start(key, "engine_jobs:ask", [key * 2], tmp_path / f"{key}.txt")
    assert engine.running == ("a", "b")
    assert not engine.has_room
    with pytest.raises(ValueError, match="a job named 'a' is running already"):
        engine.start("a", "engine_jobs:echo", None, tmp_path / "log.txt")
    found: dict[Hashable, Any] = {}
    while len(found) < 2:
        found |= {event.key: event.value for event in engine.wait(600)}  # type: ignore[union-attr]
    assert found == {"a": "aa", "b": "bb"}
    engine.answer("b", 2)
    assert only_event(engine) == Done("b", [2])
    assert engine.has_room
    engine.answer("a", 1)
    assert only_event(engine) == Done("a", [1])


def test_an_exception_comes_with_its_traceback(engine: RayEngine, tmp_path: Path) -> None:
    event = outcome(engine, "fail", "ä word", tmp_path / "log.txt")
    assert isinstance(event, Failed)
    assert str(event.error) == "ZeroDivisionError('ä word')"
    assert "engine_jobs.py" in event.traceback
    assert "ZeroDivisionError" in (tmp_path / "log.txt").read_text()


@pytest.mark.parametrize("name", list(engine_jobs.ERRORS))
def test_the_projects_errors_survive(engine: RayEngine, tmp_path: Path, name: str) -> None:
    sent = engine_jobs.ERRORS[name]()
    event = outcome(engine, "raise_error", name, tmp_path / "log.txt")
    assert isinstance(event, Failed)
    assert str(sent) in event.traceback
    if name not in ("TwoArgumentsError", "InterruptedSweepError"):
        assert (type(event.error), str(event.error)) == (type(sent), str(sent))


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
    wait_for_room(engine)


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

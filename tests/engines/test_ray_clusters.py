"""What may happen to a Ray cluster: nodes die and come, have no room, or are not fit."""

from __future__ import annotations

import logging
import os
import shutil
import signal
import socket
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import psutil
import pytest
from engine_events import only_event
from gone_processes import assert_gone
from platforms import needs_linux
from ray_clusters import RayCluster, ray_cluster
from ray_engines import JOBS, wait_for_room

from clr_sweep.common.errors import ClrSweepError, InputError
from clr_sweep.common.gpus import ASSIGNED_GPU, VISIBLE
from clr_sweep.definition.engine_config import EngineConfig
from clr_sweep.engines.base import Died, Done, Message
from clr_sweep.engines.local import forkserver
from clr_sweep.engines.ray import cluster as clusters
from clr_sweep.engines.ray import engine as ray_engines
from clr_sweep.engines.ray.cluster import joined
from clr_sweep.engines.ray.engine import RayEngine, ray_engine
from clr_sweep.engines.ray.shared_folder import beacon

pytestmark = [
    pytest.mark.heavy,
    needs_linux,
]


@pytest.fixture(autouse=True)
def light(monkeypatch: pytest.MonkeyPatch) -> None:
    """These jobs need no Keras."""
    monkeypatch.setattr(forkserver, "PRELOAD", ("clr_sweep.engines.local.last_import",))


@pytest.fixture(scope="module")
def started() -> Iterator[RayCluster]:
    path = os.pathsep.join([JOBS, os.environ.get("PYTHONPATH", "")])
    with ray_cluster({}, PYTHONPATH=path) as made:
        yield made


@pytest.fixture
def cluster(started: RayCluster) -> Iterator[RayCluster]:
    """One node with room for one job; what a test has added goes with it."""
    if "a" not in started.nodes:
        started.add_node("a")
    yield started
    for name in set(started.nodes) - {"a"}:
        started.kill_node(name)
    started.settle()


def asked(cluster: RayCluster, **more: float) -> EngineConfig:
    return EngineConfig(name="ray", address=cluster.address, **more)


def begun(engine: RayEngine, key: str, log: Path) -> psutil.Process:
    """The process of a new job, which stays."""
    wait_for_room(engine)
    engine.start(key, "engine_jobs:stay", "hear", log)
    event = only_event(engine)
    assert isinstance(event, Message)
    engine.answer(key, None)
    return psutil.Process(event.value)


def test_a_node_is_killed(cluster: RayCluster, tmp_path: Path) -> None:
    """Its job shows as dead, its processes are gone, and the next job runs on another node."""
    with ray_engine(asked(cluster), lambda: tmp_path / "shared", ()) as engine:
        engine.use(engine.capacity(), ())
        process = begun(engine, "a", tmp_path / "a.txt")
        assert cluster.node_of(process.pid) == "a"
        cluster.kill_node("a")
        event = only_event(engine)
        assert isinstance(event, Died)
        assert event.key == "a"
        assert event.reason.startswith("its worker on the node ")
        assert_gone([process])
        assert engine.running == ()
        assert engine.wait(0.1) == []
        assert not engine.has_room
        cluster.add_node("b")
        again = begun(engine, "a", tmp_path / "a.txt")
        assert cluster.node_of(again.pid) == "b"
    assert_gone([again])


def test_a_worker_is_killed(cluster: RayCluster, tmp_path: Path) -> None:
    """As the node's memory watch does it: the job ends too, and another worker takes its place."""
    with ray_engine(asked(cluster), lambda: tmp_path / "shared", ()) as engine:
        engine.use(1, ())
        process = begun(engine, "a", tmp_path / "a.txt")
        worker = next(p for p in process.parents() if "ray::" in "".join(p.cmdline()))
        os.kill(worker.pid, signal.SIGKILL)
        assert isinstance(only_event(engine), Died)
        assert_gone([process])
        begun(engine, "a", tmp_path / "a.txt")


def test_no_node_has_room(cluster: RayCluster, tmp_path: Path) -> None:
    """What is asked for, what there is, and the cure."""
    with (
        ray_engine(asked(cluster, cpus=2, gpus=1), lambda: tmp_path / "shared", ()) as engine,
        pytest.raises(InputError, match=r"reserves 2 CPUs and 1 GPU,.*the most on one: 1 CPU,"),
    ):
        engine.capacity()


def test_nodes_come_later(
    cluster: RayCluster, tmp_path: Path, caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    """Where it is said how many jobs are to run at once, they are waited for, and that is said."""
    monkeypatch.setattr(ray_engines, "_PATIENCE_SECONDS", 0.2)
    caplog.set_level(logging.INFO, "clr_sweep")
    with ray_engine(asked(cluster, cpus=2), lambda: tmp_path / "shared", ()) as engine:
        engine.use(1, ())
        while "has had no room for" not in caplog.text:
            assert engine.wait(0.1) == []
        cluster.add_node("b", cpus=2)
        assert cluster.node_of(begun(engine, "a", tmp_path / "a.txt").pid) == "b"


def test_parts_of_gpus(cluster: RayCluster, tmp_path: Path) -> None:
    """Two jobs share a GPU where each reserves half; who reserves none sees none."""
    cluster.add_node("b", cpus=4, num_gpus=1)
    cases = {0.5: (2, ["0", "0"]), 0: (5, ["-1", None])}
    for gpus, (slots, expected) in cases.items():
        with ray_engine(asked(cluster, gpus=gpus), lambda: tmp_path / "shared", ()) as engine:
            assert engine.capacity() == slots
            assert len(engine.devices) == (1 if gpus else 0)
            engine.use(1, ())
            wait_for_room(engine)
            engine.start("a", "engine_jobs:variables", [VISIBLE, ASSIGNED_GPU], tmp_path / "a.txt")
            assert only_event(engine) == Message("a", expected)


def test_a_folder_that_is_not_shared(cluster: RayCluster, tmp_path: Path) -> None:
    """A copy shows what a node sees that does not share it: an old state, no locks, or nothing."""
    copy = tmp_path / "copy"
    with beacon(tmp_path / "shared") as shared:
        assert shared.problem() is None
        with joined(asked(cluster), ()) as joined_cluster:
            for make, words in (
                (lambda file: None, "does not see the folder"),
                (lambda file: shutil.copy(shared.file, file), "does not see the locks of"),
                (lambda file: file.write_text("old"), "sees an older state"),
            ):
                copy.mkdir(exist_ok=True)
                make(copy / shared.file.name)
                seen = replace(shared, file=copy / shared.file.name)
                engine = RayEngine(joined_cluster, seen)
                engine.use(1, ())
                with pytest.raises(ClrSweepError, match=f"the node .* {words}"):
                    wait_for_room(engine)
    assert list((tmp_path / "shared").iterdir()) == []


def test_beacons_of_killed_drivers_go(tmp_path: Path) -> None:
    """Those that nobody holds; that of another driver stays."""
    (tmp_path / ".shared-old").touch()
    with beacon(tmp_path) as first, beacon(tmp_path) as second:
        assert sorted(tmp_path.iterdir()) == sorted([first.file, second.file])
        assert first.problem() is None


def test_other_versions(
    cluster: RayCluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A node with another Keras would train to other numbers."""
    here = ray_engines.versions()
    monkeypatch.setattr(ray_engines, "versions", lambda: {**here, "keras": "3.14.0"})
    with ray_engine(asked(cluster), lambda: tmp_path / "shared", ()) as engine:
        engine.use(1, ())
        with pytest.raises(ClrSweepError, match=r"has keras 3\.\S+, the driver keras 3\.14\.0"):
            wait_for_room(engine)


def test_workers_that_never_come(
    cluster: RayCluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As where clr-sweep is not installed. Three in a row are no node that was just lost."""

    class Worker:
        def __init__(self, folder: str, preload: tuple[str, ...]) -> None:
            raise ImportError(f"there is nothing in {folder}, {preload}")

        def greet(self, shared: object) -> None:
            """Is never called."""

    monkeypatch.setattr(ray_engines, "Worker", Worker)
    with ray_engine(asked(cluster), lambda: tmp_path / "shared", ()) as engine:
        engine.use(1, ())
        with pytest.raises(ClrSweepError, match=r"no worker can be started: .*nothing in"):
            wait_for_room(engine)


@pytest.mark.parametrize(
    ("address", "in_environment"), [("127.0.0.1:1", ""), ("auto", "127.0.0.1:1"), ("x:1", "")]
)
def test_there_is_no_cluster(
    tmp_path: Path, address: str, in_environment: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ray would ask for minutes; the message has the address and the cure."""
    monkeypatch.setenv("RAY_ADDRESS", in_environment)
    config = EngineConfig(name="ray", address=address)
    with (
        pytest.raises(
            InputError, match=f"there is no Ray cluster at '{in_environment or address}'"
        ),
        ray_engine(config, lambda: tmp_path / "shared", ()),
    ):
        raise AssertionError
    assert not (tmp_path / "shared").exists()


def test_somebody_else_is_at_the_address(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A port that is open and answers nothing: Ray itself would wait for ever."""
    monkeypatch.setattr(clusters, "_ANSWER_SECONDS", 5.0)
    with socket.create_server(("", 0)) as other:
        address = f"127.0.0.1:{other.getsockname()[1]}"
        with (
            pytest.raises(InputError, match="nothing answers there as Ray does"),
            ray_engine(EngineConfig(name="ray", address=address), lambda: tmp_path, ()),
        ):
            raise AssertionError


def test_a_cluster_of_its_own_does_not_grow(tmp_path: Path) -> None:
    """What has no room on this machine is not waited for."""
    config = EngineConfig(name="ray", address="local", cpus=10_000)
    with (
        ray_engine(config, lambda: tmp_path / "shared", ()) as engine,
        pytest.raises(InputError, match="the Ray cluster of this machine has no such node"),
    ):
        engine.use(1, ())


def test_signals_stay_the_drivers(cluster: RayCluster, tmp_path: Path) -> None:
    """Ray takes SIGTERM for itself when a process joins a cluster."""
    heard = []
    before = signal.signal(signal.SIGTERM, lambda number, _: heard.append(number))
    try:
        with ray_engine(asked(cluster), lambda: tmp_path / "shared", ()):
            os.kill(os.getpid(), signal.SIGTERM)
        os.kill(os.getpid(), signal.SIGTERM)
    finally:
        signal.signal(signal.SIGTERM, before)
    assert heard == [signal.SIGTERM] * 2


# In a process that has joined and left clusters ten times, Ray may take its driver for dead.
@pytest.mark.slow
def test_modules_of_the_users_come_along(cluster: RayCluster, tmp_path: Path) -> None:
    """A node has them though it does not see their folder; a job finds itself in the driver's."""
    away = tmp_path / "away"
    (away / "parts").mkdir(parents=True)
    (away / "parts" / "__init__.py").write_text("VALUE = 7")
    (away / "brought.py").write_text(
        "import os, parts\ndef job(payload, report):\n    return parts.VALUE, os.getcwd()\n"
    )
    modules = (away / "brought.py", away / "parts")
    with ray_engine(asked(cluster), lambda: tmp_path / "shared", modules) as engine:
        shutil.rmtree(away)
        engine.use(1, ())
        wait_for_room(engine)
        engine.start("a", "brought:job", None, tmp_path / "a.txt")
        assert only_event(engine) == Done("a", (7, os.getcwd()))

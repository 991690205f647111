"""One study of trainings that sleep, measured: real driver, engine, stores and servers."""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Hashable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.driver.parts import Parts
from benchmarks.driver.study import EPOCHS, definition, left_files, timed, under_way
from benchmarks.scaling import cost
from benchmarks.scaling.cluster import Cluster, cluster
from benchmarks.scaling.jobs import ANSWERS, LEFT, SECONDS, SLEEP_THROUGH, STAY
from benchmarks.scaling.servers import Places, places
from clr_sweep.definition.engine_config import EngineConfig
from clr_sweep.definition.sweep import Sweep
from clr_sweep.engines.base import Done, Message
from clr_sweep.engines.local import forkserver
from clr_sweep.engines.ray.engine import RayEngine, ray_engine
from clr_sweep.study import departures
from clr_sweep.study.driver import Driver

START, ANSWER, WAIT = "engine: start", "engine: answer", "engine: wait"
# Of each epoch, so that a trial has a hundred, which all go to MLflow as a real one's do.
_STEPS = 10


def measure(folder: Path, kind: str, slots: int, trainings: int, seconds: float) -> dict[str, Any]:
    """Run a study whose trainings sleep.

    Args:
        folder: an empty one, the current one.
        kind: of the stores.
        trainings: in all, the baseline among them.
        seconds: of an epoch's sleep.

    Returns:
        What was found, as it is kept.
    """
    assert left_files(folder) == folder / LEFT
    with (
        _sleeping(),
        places(kind, folder) as there,
        cluster(slots, {SECONDS: str(seconds)}) as nodes,
        _engine(nodes, folder) as engine,
    ):
        engine.use(slots, ())
        began = time.perf_counter()
        worker = _started(engine, nodes, folder)
        ready = time.perf_counter() - began
        found = _run(folder, there, nodes, engine, trainings)
        return {
            "stores": kind,
            "slots": slots,
            "trainings": trainings,
            "epochs": trainings * EPOCHS,
            "epoch_s": seconds,
            "ready_s": ready,
            "share": trainings * EPOCHS * seconds / slots / found["wall_s"],
            "trainings_per_s": trainings / found["wall_s"],
            "epochs_per_s": trainings * EPOCHS / found["wall_s"],
            **found,
            "worker_mib": asdict(worker),
        }


@contextlib.contextmanager
def _sleeping() -> Iterator[None]:
    """Trials sleep, and what they are forked from imports no Keras."""
    before = departures.RUN_TRIAL, forkserver.PRELOAD
    departures.RUN_TRIAL = SLEEP_THROUGH
    forkserver.PRELOAD = ("benchmarks.scaling.jobs", "clr_sweep.engines.local.last_import")
    try:
        yield
    finally:
        departures.RUN_TRIAL, forkserver.PRELOAD = before


@contextlib.contextmanager
def _engine(nodes: Cluster, folder: Path) -> Iterator[RayEngine]:
    config = EngineConfig(name="ray", address=nodes.address)
    with ray_engine(config, lambda: folder / "trials", ()) as engine:
        yield engine


def _started(engine: RayEngine, nodes: Cluster, folder: Path) -> cost.Worker:
    """Wait until every worker has started a job, and so its server has imported what it needs."""
    waiting = list(range(engine.slots))
    pids: dict[Hashable, int] = {}
    while len(pids) < engine.slots:
        cost.refuse_if_full()
        while waiting and engine.has_room:
            key = waiting.pop()
            engine.start(key, STAY, None, folder / "started.txt")
        for event in engine.wait(1.0):
            assert isinstance(event, Message), event
            pids[event.key] = event.value
    taken = cost.memory_of_workers(nodes, pids.values())
    for key in pids:
        engine.answer(key, True)
    while engine.running:
        for event in engine.wait(1.0):
            assert isinstance(event, Done), event
    return taken


def _run(
    folder: Path, there: Places, nodes: Cluster, engine: RayEngine, trainings: int
) -> dict[str, Any]:
    # The baseline is one of them.
    sweep = Sweep.model_validate(definition(trainings - 1, "tpe", "none"))
    with under_way(sweep, folder, engine, there.stores, _STEPS) as study:
        parts = _timed(engine)
        landed = study.landed

        def landed_with_room(*arguments: Any) -> None:
            cost.refuse_if_full()
            landed(*arguments)

        study.landed = landed_with_room  # type: ignore[method-assign]
        counted = _counts(there)
        spent = cost.cpu_seconds(nodes, there.processes)
        began = time.perf_counter()
        Driver(study).run()
        ended = time.perf_counter()
        study.background.wait()  # and then MLflow has all
        told = time.perf_counter()
        now = cost.cpu_seconds(nodes, there.processes)
        parts.unwrap()
        counted = {name: count - counted[name] for name, count in _counts(there).items()}
    by_part = {part: 1000 * seconds / trainings for part, seconds in parts.cpu.items()}
    by_part["rest"] = 1000 * (now[cost.DRIVER] - spent[cost.DRIVER]) / trainings
    by_part["rest"] -= sum(by_part.values()) - by_part["rest"]
    return {
        "wall_s": ended - began,
        "mlflow_behind_s": told - ended,
        "driver_cpu_ms": by_part,
        # By the clock: the parts of MLflow beside the others, in a thread of its own.
        "driver_wall_ms": {part: 1000 * s / trainings for part, s in parts.wall.items()},
        "cpu_s": {name: now[name] - spent[name] for name in now},
        "answer_ms": _answers(folder),
        "counts": counted,
        "rows": {name: there.rows(name) for name in there.databases},
        "mib": {name: there.mib(name) for name in there.databases},
    }


def _timed(engine: RayEngine) -> Parts:
    parts = timed()
    for name, part in (("start", START), ("answer", ANSWER), ("wait", WAIT)):
        parts.wrap(engine, name, part)
    return parts


def _counts(there: Places) -> dict[str, int]:
    transactions = {f"{name}_transactions": there.transactions(name) for name in there.databases}
    return {"requests": there.requests(), **transactions}


def _answers(folder: Path) -> dict[str, float]:
    """From a report to its answer, of all epochs of all trainings, in milliseconds."""
    files = sorted(folder.glob(f"trials/*/*/{ANSWERS}"))
    waits = [wait for file in files for wait in json.loads(file.read_text(encoding="utf-8"))]
    return {
        "median": 1000 * float(np.median(waits)),
        "p95": 1000 * float(np.percentile(waits, 95)),
        "most": 1000 * max(waits),
    }

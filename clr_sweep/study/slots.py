"""How many jobs run at once, and on what: GPUs if TensorFlow can use any, else the cores."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from clr_sweep.common.cores import usable_cores
from clr_sweep.common.counts import plural
from clr_sweep.common.gpus import ASSIGNED_GPU, VISIBLE
from clr_sweep.common.stopping import StopRequest
from clr_sweep.definition.study_config import StudyConfig
from clr_sweep.engines.base import Device, Engine
from clr_sweep.engines.to_the_end import Job, run_one
from clr_sweep.training.requests import FIND_GPUS


def take_slots(
    engine: Engine,
    study: StudyConfig,
    work: Path,
    stop: StopRequest,
    at_most: int | None = None,
) -> None:
    """Settle how many jobs the engine runs at once: as many as it has room for, if it knows.

    On this machine TensorFlow is asked for the GPUs that it can use.
    A job asks, in a process that then ends: the driver imports no TensorFlow, and whoever has
    spoken to a GPU's driver cannot fork processes that do. What TensorFlow says is what counts: a
    GPU that it lacks a library for is none.

    Args:
        at_most: so many jobs there are, however many slots there could be.
    """
    if engine.place:
        devices: tuple[Device, ...] = ()
        # Where it is said how many, the nodes with room for them may come later.
        slots = study.jobs or engine.capacity()
    else:
        names = run_one(engine, Job(FIND_GPUS, None, work / "gpus.log"), stop)
        assert isinstance(names, tuple)
        devices = gpus(names, os.environ)
        slots = study.jobs or len(devices) * study.trials_per_gpu or usable_cores()
    engine.use(min(slots, at_most or slots), devices)


def gpus(names: Sequence[str], environment: Mapping[str, str]) -> tuple[Device, ...]:
    """The GPUs as devices, each with what limits a process to it.

    Args:
        names: of the GPUs that TensorFlow finds in this environment, in its order.
        environment: its `CUDA_VISIBLE_DEVICES` may leave GPUs out, order them, and name them by
            number or UUID. GPUs are found in the order of its entries, up to the first that is
            none (CUDA Programming Guide, "CUDA Environment Variables").
    """
    if not (listed := environment.get(VISIBLE)):
        entries = [str(number) for number in range(len(names))]
    else:
        entries = [entry.strip() for entry in listed.split(",")]
        if names and entries[0].startswith("MIG-"):
            # Of several slices of GPUs a process is shown the first alone; each job can have one.
            names = [names[0]] * len(entries)
    return tuple(
        Device(name, {VISIBLE: entry, ASSIGNED_GPU: f"{entry} ({name})"})
        for name, entry in zip(names, entries, strict=False)
    )


def at_once(engine: Engine) -> str:
    """How many jobs run at once and on what, for people."""
    text, count = f"{engine.slots} at once", len(engine.devices)
    if count:
        kinds = " and ".join(dict.fromkeys(device.name for device in engine.devices))
        text += f" on {plural(count, 'GPU')} ({kinds})"
    return f"{text} on {engine.place}" if engine.place else text


def processor(engine: Engine) -> str:
    """Whose time a trial costs."""
    return "GPU" if engine.devices else "CPU"

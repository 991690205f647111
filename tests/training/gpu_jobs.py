"""Jobs for tests of GPUs where there is none, named as `gpu_jobs:function`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import tensorflow as tf
from tensorflow.python.eager import context

from clr_sweep.training import jobs

Report = Callable[[Any], Any]
GPUS = [tf.config.PhysicalDevice(f"/physical_device:GPU:{n}", "GPU") for n in range(2)]


def prepared(error: type[Exception] | None, _report: Report) -> list[tuple[str, bool]]:
    """Prepare a process on two stand-in GPUs; the calls that asked for memory growth.

    Args:
        error: what each of these calls raises.
    """
    calls: list[tuple[str, bool]] = []

    def grow(device: tf.config.PhysicalDevice, enable: bool) -> None:
        calls.append((device.name, enable))
        if error is not None:
            raise error("Physical devices cannot be modified after being initialized")

    tf.config.list_physical_devices = lambda kind: GPUS if kind == "GPU" else []
    tf.config.experimental.set_memory_growth = grow
    jobs._prepare_process(())
    return calls


def prepared_by_tensorflow(_payload: Any, _report: Report) -> str:
    """Prepare a process on GPUs that TensorFlow does not know; what it says of the first."""
    tf.config.list_physical_devices = lambda _kind: GPUS
    jobs._prepare_process(())
    try:
        tf.config.experimental.set_memory_growth(GPUS[0], True)
    except ValueError as error:
        return str(error)
    return ""


def names(_payload: Any, report: Report) -> tuple[str, ...]:
    """Ask for the names of two GPUs, of which the second has none."""
    details = {GPUS[0]: {"device_name": "NVIDIA A", "compute_capability": (9, 0)}, GPUS[1]: {}}
    tf.config.list_physical_devices = lambda kind: GPUS if kind == "GPU" else []
    tf.config.experimental.get_device_details = details.__getitem__
    return jobs.find_gpus(None, report)


def asked_before(_payload: Any, _report: Report) -> tuple[bool, bool]:
    """Whether TensorFlow's devices were looked for, or made, before this process was there."""
    made = context.context()
    return made._physical_devices is not None, made._initialized

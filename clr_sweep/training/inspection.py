"""What a trial costs on this machine, told by its own first steps."""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator

import tensorflow as tf

from clr_sweep.training.requests import CHUNK, Inspection, ModelIdentity

# Steps that are timed where somebody wants to know what a trial costs.
INSPECTED = 40


def seconds() -> float:
    """CPU time used so far; with a GPU, whose work is not in it, the time by the clock."""
    if tf.config.list_physical_devices("GPU"):
        return time.perf_counter()
    return time.process_time()


def stretches(steps: int, inspected: bool) -> Iterator[tuple[int, int]]:
    """The steps of an epoch, from and to (not included), that are taken in one call each.

    Args:
        inspected: the second stretch is to be timed. The first is one step then, in which
            TensorFlow prepares the graph, and which tells nothing of the others.
    """
    marks = [0, 1, 1 + INSPECTED] if inspected else [0]
    marks += range(marks[-1] + CHUNK, steps, CHUNK)
    return itertools.pairwise([*(mark for mark in marks if mark < steps), steps])


def inspection(
    model: ModelIdentity, batch_size: int, fixed_seconds: float, seconds_per_step: float
) -> Inspection:
    """What has been found.

    Args:
        fixed_seconds: for building and tracing.
    """
    return Inspection(
        model=model,
        seconds_per_step=seconds_per_step,
        # Forwards alone; a training step goes forwards, and backwards at twice the cost.
        seconds_per_example=seconds_per_step / batch_size / 3,
        fixed_seconds=fixed_seconds,
    )

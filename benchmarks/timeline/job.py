"""A job of the engine, timed in its own process."""

from __future__ import annotations

import functools
import importlib
import inspect
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.timeline.recorder import Recorder
from benchmarks.timeline.wrapped import ANSWER, JOBS, REST, TRACING, TRAIN, WRAPPED


@dataclass(frozen=True)
class TimedJob:
    """What the engine was asked to run.

    Attributes:
        key: the job's name.
        function: as `module:name`.
        folder: where the intervals go.
    """

    key: str
    function: str
    payload: Any
    folder: Path


RUN = f"{__name__}:run"


def run(job: TimedJob, report: Callable[[Any], Any]) -> Any:
    """Run the job's function as the engine would and leave a file of its intervals."""
    module, _, name = job.function.partition(":")
    # TensorFlow works in a thread of its own for the one that calls it.
    recorder = Recorder(job.key, time.process_time)
    try:
        with recorder.interval(name, JOBS.get(name, REST)):
            function = getattr(importlib.import_module(module), name)
            if name == TRAIN:
                first_call_apart(recorder)
                recorder.wrap(WRAPPED)
                report = recorder.timed("report", ANSWER, report)
            return function(job.payload, report)
    finally:
        recorder.write(job.folder / f"{os.getpid()}.jsonl", cpu=time.process_time())


def first_call_apart(recorder: Recorder) -> None:
    """Let the first call of `TrainingLoop.train` be preceded by one of no steps.

    The first call of a graph optimises it, which belongs to tracing. Without steps it changes
    nothing of the training.
    """
    from clr_sweep.training.loop import TrainingLoop

    train, seen = TrainingLoop.train, False
    if list(inspect.signature(train).parameters) != ["self", "order", "first", "last"]:
        recorder.missing.append("the first call of TrainingLoop.train, apart from the others")
        return

    @functools.wraps(train)
    def apart(loop: Any, order: Any, first: int, last: int) -> Any:
        nonlocal seen
        if not seen:
            seen = True
            with recorder.interval("first call of train", TRACING):
                train(loop, order, first, first)
        return train(loop, order, first, last)

    TrainingLoop.train = apart  # type: ignore

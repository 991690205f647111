"""Jobs for the engine: trials that end themselves by SIGKILL at a chosen point, and others."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from clr_sweep.training import checkpoint, inspection, jobs, set_up, trial
from clr_sweep.training.checkpoint import Checkpoint
from clr_sweep.training.folder import TrialFolder
from clr_sweep.training.loop import TrainingLoop
from clr_sweep.training.requests import TrialJob


def kill(*_: Any) -> None:
    """The end of this process."""
    os.kill(os.getpid(), signal.SIGKILL)


def within_an_epoch() -> None:
    """Three of an epoch's eight steps are done."""
    inspection.CHUNK = 3
    original, calls = TrainingLoop.train, []

    def train(self: Any, *arguments: Any) -> Any:
        calls.append(arguments)
        if len(calls) == 2:
            kill()
        return original(self, *arguments)

    TrainingLoop.train = train  # type: ignore[method-assign]


def within_a_line() -> None:
    """Half of the report is in its file."""
    original = TrialFolder.append

    def append(self: TrialFolder, report: Any) -> None:
        file = self.path / "epochs.jsonl"
        before = len(file.read_bytes())
        original(self, report)
        os.truncate(file, (before + len(file.read_bytes())) // 2)
        kill()

    TrialFolder.append = append  # type: ignore[method-assign]


def before_the_checkpoint() -> None:
    """The epoch is reported, its checkpoint is not begun."""
    Checkpoint.save = kill  # type: ignore[method-assign, assignment]


def within_the_checkpoint() -> None:
    """Half of the checkpoint is in its part file."""
    original = np.savez

    def savez(file: Any, **arrays: Any) -> None:
        original(file, **arrays)
        file.flush()
        os.truncate(file.name, os.stat(file.name).st_size // 2)
        kill()

    checkpoint.np.savez = savez  # type: ignore[assignment]


def after_the_checkpoint() -> None:
    """The checkpoint is written, the driver has not heard of its epoch."""
    original = Checkpoint.save

    def save(self: Checkpoint, progress: Any) -> None:
        original(self, progress)
        kill()

    Checkpoint.save = save  # type: ignore[method-assign]


def before_the_result() -> None:
    """The model is written, the result is not."""
    TrialFolder.save_result = kill  # type: ignore[method-assign, assignment]


def after_the_result() -> None:
    """The result is written, the checkpoint is still there."""
    TrialFolder.remove_checkpoint = kill  # type: ignore[method-assign, assignment]


@dataclass(frozen=True)
class Killed:
    """A trial and the point at which its process ends."""

    job: TrialJob
    point: Callable[[], None]


def run_killed(killed: Killed, report: jobs.Report) -> Any:
    """Run a trial to its end at the point."""
    killed.point()
    return jobs.run_trial(killed.job, report)


def hold_folder(path: Path, report: jobs.Report) -> None:
    """Hold a trial's folder until the driver answers."""
    with TrialFolder(path).held():
        report("held")


def tested_by_its_own_loop(job: TrialJob, report: jobs.Report) -> dict[str, float]:
    """Train, and evaluate on the test set with the very loop that trained."""
    data, loops = jobs._prepare(job), []

    def kept(*given: Any) -> TrainingLoop:
        loops.append(TrainingLoop(*given))
        return loops[-1]

    set_up.TrainingLoop = kept  # type: ignore[assignment, misc]
    trial.train(job.config, data, TrialFolder(job.folder), job.search_path, on_epoch=report)
    return loops[0].evaluate_on(np.asarray(data.x_test), np.asarray(data.y_test))

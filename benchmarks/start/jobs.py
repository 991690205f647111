"""The jobs of a sweep, with the moments of each marked."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from benchmarks.start.marks import FIRST_STEP, job, mark
from clr_sweep.training import set_up, trial
from clr_sweep.training.data.arrays import Array
from clr_sweep.training.loop import TrainingLoop

Report = Callable[[Any], Any]


def run(request: tuple[str, Any], report: Report) -> Any:
    """Run the job `request`, its function's name and its payload."""
    name, payload = request
    short = name.partition(":")[2]
    mark(f"{short} began")
    if short == "run_trial":
        _watch_training()
    result = job(name)(payload, report)
    mark(f"{short} ended")
    return result


def _watch_training() -> None:
    """Mark the way to the first step, which is taken alone: the loop's own calls take many."""
    take, compiled, traced = TrainingLoop.train, set_up.compiled_model, trial.training_state

    def train(loop: TrainingLoop, order: Array, first: int, last: int) -> tuple[Array, Array]:
        take(loop, order, first, first + 1)
        mark(FIRST_STEP)
        return take(loop, order, first + 1, last)

    def compiled_model(*arguments: Any) -> Any:
        model = compiled(*arguments)
        mark("model compiled")
        return model

    def training_state(*arguments: Any) -> Any:
        state = traced(*arguments)
        mark("graphs traced")
        return state

    TrainingLoop.train = train  # type: ignore[method-assign]
    set_up.compiled_model, trial.training_state = compiled_model, training_state

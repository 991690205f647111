"""`clr-sweep run`: the server that trials are forked from is started, and then all the rest."""

from __future__ import annotations

import gc
import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from clr_sweep.common.scratch import scratch_folder
from clr_sweep.common.stopping import StopRequest
from clr_sweep.engines.local.engine import local_engine

if TYPE_CHECKING:
    from clr_sweep.definition.sweep import Sweep
    from clr_sweep.training.records import StudyRecord


def run_sweep(file: Path, load: Callable[[], Sweep], stop: StopRequest) -> StudyRecord:
    """Start or continue the study of a sweep file, until `study.trials` trials have ended.

    Args:
        file: the sweep file.
        load: reads it, and puts in place what the command line says otherwise.
        stop: looked at all the time; see `stop_request`.

    Raises:
        InputError: anything wrong that can be known before the first trial.
        InterruptedSweepError: after Ctrl-C or SIGTERM.
        ClrSweepError: a store, the user's model or its data failed.
    """
    # Read before the engine takes it away from the processes it starts.
    adopted = os.environ.get("MLFLOW_RUN_ID")
    if stop and adopted is None:
        raise stop.error()
    with scratch_folder(), local_engine() as engine:
        # The file is read, and MLflow and Optuna are imported, while the server imports Keras.
        sweep = load()
        gc.disable()
        from clr_sweep.study.stages import run_stages

        keep_imports()
        return run_stages(sweep, file, engine, adopted, stop)


def keep_imports() -> None:
    """Leave all that is there out of garbage collection, and let it go on for the rest.

    What was imported stays. Looking at it for garbage again and again, and taking it to pieces at
    the end, took seconds of a sweep, and a sixth of the driver's time.
    """
    gc.freeze()
    gc.enable()
    gc.set_threshold(10_000, 5, 5)

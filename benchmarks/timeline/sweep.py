"""The sweep that is timed: its file, and the process that runs it.

    python -m benchmarks.timeline.sweep FOLDER BEGUN

runs `sweep.yaml` in the folder and leaves files of intervals in its `timeline`. Jobs import this
module once more, as they do the main module of any program: it is to import nothing heavy.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import psutil

from benchmarks.timeline.job import RUN, TimedJob
from benchmarks.timeline.recorder import Recorder
from benchmarks.timeline.wrapped import START, WRAPPED

SWEEP, INTERVALS, OUTPUT = "sweep.yaml", "timeline", "output.txt"
DRIVER = "driver"


def definition(dataset: str, validation: int, trials: int, epochs: int) -> dict[str, Any]:
    """A sweep whose trials are all trained to the same end, which takes the same time."""
    return {
        "name": "timeline",
        "dataset": {"name": dataset, "validation": validation},
        "model": {"name": "tutorial_cnn"},
        "training": {"optimizer": "sgd", "batch_size": 64, "epochs": epochs},
        "search_space": {
            "init_lr": {"low": 1.0e-4, "high": 1.0e-2, "log": True},
            "max_lr": {"low": 1.0e-2, "high": 0.1, "log": True},
            "step_size_factor": 1,
            "policy": ["triangular", "triangular2", "exp_range"],
        },
        "objective": {"metric": "val_accuracy", "at": "final"},
        "study": {"trials": trials, "sampler": "random", "pruner": "none", "seed": 42},
    }


def run_timed(folder: Path) -> tuple[float, float, float]:
    """Run the sweep file of a fresh folder in a process of its own.

    Returns:
        When it was started and when it had ended, on the monotonic clock, and its CPU seconds.

    Raises:
        RuntimeError: the sweep failed; its output is shown.
    """
    (folder / INTERVALS).mkdir()
    root = str(Path(__file__).parents[2])
    environment = {key: value for key, value in os.environ.items() if "MLFLOW" not in key}
    environment["PYTHONPATH"] = os.pathsep.join([root, environment.get("PYTHONPATH", "")])
    # No question to a server on the network, whose answer may take long.
    environment["MLFLOW_DISABLE_TELEMETRY"] = "true"
    with (folder / OUTPUT).open("w") as output:
        begun = time.monotonic()
        command = (sys.executable, "-m", "benchmarks.timeline.sweep", str(folder), str(begun))
        process = subprocess.Popen(
            command, cwd=folder, env=environment, stdout=output, stderr=subprocess.STDOUT
        )
        # It has ended and is not taken away: what it used, without its children, can be read.
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        ended = time.monotonic()
        used = psutil.Process(process.pid).cpu_times()
    if process.wait():
        raise RuntimeError(f"the sweep in {folder} failed:\n{(folder / OUTPUT).read_text()}")
    return begun, ended, used.user + used.system


def _run(folder: Path, begun: float) -> None:
    recorder = Recorder(DRIVER, time.thread_time)
    with recorder.interval("imports", START, begun):
        from clr_sweep.commands.run import run_sweep
        from clr_sweep.common.stopping import stop_request
    _time_jobs(folder / INTERVALS)
    recorder.wrap(WRAPPED)
    try:
        with stop_request() as stop:
            run_sweep(Path(SWEEP), _load, stop, print)
    finally:
        recorder.write(folder / INTERVALS / f"{DRIVER}.jsonl", cpu=time.process_time())
        _write_server(folder / INTERVALS / "server.jsonl")


def _load() -> Any:
    from clr_sweep.definition.loading import load_sweep
    from clr_sweep.tracking.which_store import DEFAULT_URI

    return load_sweep(Path(SWEEP), {}), DEFAULT_URI


def _time_jobs(folder: Path) -> None:
    """Let the engine run `benchmarks.timeline.job` in place of each job."""
    from clr_sweep.engines.local.engine import LocalEngine

    start = LocalEngine.start

    def start_timed(engine: LocalEngine, key: Any, function: str, payload: Any, log: Path) -> None:
        start(engine, key, RUN, TimedJob(str(key), function, payload, folder), log)

    LocalEngine.start = start_timed  # type: ignore


def _write_server(file: Path) -> None:
    """What the server that jobs are forked from has used itself."""
    times = [child.cpu_times() for child in psutil.Process().children()]
    Recorder("server", time.thread_time).write(file, cpu=sum(t.user + t.system for t in times))


if __name__ == "__main__":
    _run(Path(sys.argv[1]), float(sys.argv[2]))

"""Jobs for the tests of the engine, light ones; named as `engine_jobs:function`."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from clr_sweep import errors
from clr_sweep.stopping import InterruptedSweepError

Report = Callable[[Any], Any]


def echo(payload: Any, _report: Report) -> Any:
    """Return what was given."""
    return payload


def ask(payload: list[Any], report: Report) -> list[Any]:
    """Report each value and return the answers."""
    return [report(value) for value in payload]


def fail(payload: str, _report: Report) -> None:
    """Raise an exception of the user's code."""
    if payload == "exit":
        sys.exit(3)
    if payload == "end of file":
        raise EOFError("the file of the user ends too early")
    if payload == "broken pipe":
        raise BrokenPipeError("a pipe of the user's own")
    raise ZeroDivisionError(payload)


class TwoArgumentsError(errors.ClrSweepError):
    """Pickled by its message alone, it cannot be made again."""

    def __init__(self, message: str, number: int) -> None:
        super().__init__(f"{message} {number}")


ERRORS: dict[str, Callable[[], errors.ClrSweepError]] = {
    "InputError": lambda: errors.InputError(["a: must be 1, got 2", "b: is missing"], "sweep.yaml"),
    "DataError": lambda: errors.DataError("x_train: is missing", "data.npz"),
    "TrialFailedError": lambda: errors.TrialFailedError("building the model failed:\n  line"),
    "StoreError": lambda: errors.StoreError("cannot be reached"),
    "InterruptedSweepError": lambda: InterruptedSweepError("stopped", signal.SIGTERM),
    "TwoArgumentsError": lambda: TwoArgumentsError("stopped", 15),
}


def raise_error(payload: str, _report: Report) -> None:
    """Raise one of ERRORS."""
    raise ERRORS[payload]()


def end_by(payload: int, _report: Report) -> None:
    """End the own process by the signal `payload`, or by the exit status `-payload`."""
    if payload > 0:
        os.kill(os.getpid(), payload)
        time.sleep(600)
    os._exit(-payload)


def end_as_told(_payload: Any, report: Report) -> None:
    """Report the process, and end as `end_by` does by what is answered."""
    end_by(report(os.getpid()), report)


def leave_a_process(payload: str, report: Report) -> int:
    """Start a process that outlives the job and return its number.

    Args:
        payload: "new" for a program of its own; "fork" for a copy that holds all that is open
            here: the job reports its number then, and is killed.
    """
    if payload == "new":
        sleep = [sys.executable, "-c", "import time; time.sleep(600)"]
        return subprocess.Popen(sleep, start_new_session=True).pid
    if (pid := os.fork()) == 0:
        time.sleep(600)
    report(pid)
    os.kill(os.getpid(), signal.SIGKILL)
    return pid


def touch(payload: Path, _report: Report) -> None:
    """Make a file."""
    payload.touch()


def leave_temporary_file(payload: str, _report: Report) -> str:
    """Make a temporary file with this text that nobody removes, and return its name."""
    with tempfile.NamedTemporaryFile("w", delete=False) as file:
        file.write(payload)
    return file.name


def crash(_payload: Any, _report: Report) -> None:
    """Read where nothing is."""
    ctypes.string_at(0)


def cannot_be_pickled(payload: str, report: Report) -> Any:
    """Return or report a lock."""
    lock = threading.Lock()
    return lock if payload == "result" else report(lock)


class Unmakeable:
    """It pickles, and raises when it is made again."""

    def __reduce__(self) -> tuple[Any, ...]:
        return int, ("not a number",)


def cannot_be_made(_payload: Any, _report: Report) -> Any:
    """Return something that the other side cannot make."""
    return Unmakeable()


def many_bytes(payload: int, _report: Report) -> bytes:
    """Return so many bytes."""
    return b"\xab" * payload


def stay(payload: str, report: Report) -> None:
    """Report the process and stay, deaf to SIGTERM if told so."""
    if payload == "deaf":
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    report(os.getpid())
    time.sleep(600)


def speak(_payload: Any, _report: Report) -> None:
    """Print in all the ways there are, without a newline at the end."""
    print("printed")
    print("warned", file=sys.stderr)
    os.write(1, b"written by C\n")
    os.write(2, b"complained by C\n")
    subprocess.run([sys.executable, "-c", "print('of a child')"], check=True)
    print("last words", end="")


def surroundings(_payload: Any, _report: Report) -> dict[str, Any]:
    """What a job finds at its start."""
    return {
        "pid": os.getpid(),
        "modules": sorted(sys.modules),
        "environment": dict(os.environ),
        "folder": os.getcwd(),
        "interrupt": signal.getsignal(signal.SIGINT) == signal.SIG_IGN,
    }


def variables(payload: list[str], report: Report) -> None:
    """Report these environment variables and wait."""
    report([os.environ.get(name) for name in payload])


def compute(_payload: Any, _report: Report) -> dict[str, Any]:
    """Settle the process as a trial does, and let TensorFlow compute."""
    import tensorflow as tf

    from clr_sweep.training import jobs

    jobs._prepare_process(())
    values = tf.random.stateless_normal([600, 600], seed=[1, 2])
    tf.function(lambda x: tf.linalg.matmul(x, x) + tf.reduce_sum(x))(values).numpy()
    names = [
        Path(f"/proc/self/task/{task}/comm").read_text().strip()
        for task in os.listdir("/proc/self/task")
    ]
    return {
        "settings": (
            tf.config.threading.get_intra_op_parallelism_threads(),
            tf.config.threading.get_inter_op_parallelism_threads(),
        ),
        "threads": names,
    }

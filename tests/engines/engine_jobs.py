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

from clr_sweep.common import errors
from clr_sweep.common.stopping import InterruptedSweepError

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


SLEEP = [sys.executable, "-c", "import time; time.sleep(600)"]
DEAF = "import signal, time; [signal.signal(n, signal.SIG_IGN) for n in (1, 2, 15)]; "


def _forked(do: Callable[[], Any]) -> int:
    """A copy of this process that does one thing, and then sleeps."""
    if (pid := os.fork()) == 0:
        do()
        time.sleep(600)
    return pid


def _daemon(folder: Path) -> int:
    """A process as a daemon makes itself: twice forked, in a session of its own."""
    file = folder / "daemon"

    def leave() -> None:
        os.setsid()
        if (pid := os.fork()) != 0:
            file.with_suffix(".part").write_text(str(pid))
            os.replace(file.with_suffix(".part"), file)
            os._exit(0)

    os.waitpid(_forked(leave), 0)
    return int(file.read_text())


def _locked_copy(folder: Path) -> int:
    """A copy of the process that holds a lock which this one has taken."""
    import fcntl

    lock = (folder / "lock").open("a")
    fcntl.flock(lock, fcntl.LOCK_EX)
    return _forked(lambda: None)


def _ceaseless(folder: Path) -> int:
    """A thread that starts programs one after the other, and writes their numbers down."""

    def start() -> None:
        with (folder / "started").open("a") as file:
            while True:
                file.write(f"{subprocess.Popen(['sleep', '600'], start_new_session=True).pid}\n")
                file.flush()
                time.sleep(0.02)

    threading.Thread(target=start).start()
    while not (folder / "started").exists() or not (folder / "started").read_text():
        time.sleep(0.01)
    return int((folder / "started").read_text().split()[0])


LEFT: dict[str, Callable[[Path], int]] = {
    "program": lambda _folder: subprocess.Popen(SLEEP).pid,
    "deaf program": lambda _folder: subprocess.Popen([*SLEEP[:2], DEAF + SLEEP[2]]).pid,
    "own session": lambda _folder: subprocess.Popen(SLEEP, start_new_session=True).pid,
    "fork": _locked_copy,
    "daemon": _daemon,
    "thread": _ceaseless,
}


def leave(payload: tuple[Path, list[str], str], report: Report) -> str:
    """Leave processes behind, report their numbers, and end in a way.

    Args:
        payload: a folder to write in, which of LEFT, and the way.
        report: says the numbers; what comes back does not matter.
    """
    folder, kinds, way = payload
    threading.Thread(target=time.sleep, args=(600,)).start()  # one that is no daemon
    report([LEFT[kind](folder) for kind in kinds])
    if way == "raise":
        raise ZeroDivisionError(way)
    if way == "die":
        os.kill(os.getpid(), signal.SIGKILL)
    if way == "deaf":
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    if way in ("stay", "deaf"):
        report("here")
    return way


def copy_comes_back(payload: str, report: Report) -> str:
    """Fork a copy that goes on as if it were the job; the job waits for its end."""
    if (pid := os.fork()) == 0:
        if payload == "exit":
            sys.exit(3)
        if payload == "report":
            report("of the copy")
        return "of the copy"
    os.waitpid(pid, 0)
    return "of the job"


def count(payload: Path, report: Report) -> None:
    """Report, and then make a file longer and longer."""
    report(os.getpid())
    with payload.open("ab", buffering=0) as file:
        while True:
            file.write(b".")
            time.sleep(0.01)


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
        "order": list(set("abcdefghij")),
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

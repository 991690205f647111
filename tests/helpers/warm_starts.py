"""Starts commands in forks of a process that has imported what they import.

A `clr-sweep` command that starts from nothing imports MLflow and Optuna, three seconds of a core,
and one that trains lets a server import Keras and TensorFlow, five more: hundreds of times in the
tests. Here all of that is imported once. A command is then what it would be without: the main
module of a process of its own, in a session of its own, with the environment and the folder that
it was given; the server that its trials are forked from is a child of it. Of clr_sweep itself
nothing is imported before.

The process runs this file as a script: it answers each line of its input, JSON, with a line.
"""

from __future__ import annotations

import atexit
import contextlib
import fcntl
import functools
import gc
import importlib
import json
import multiprocessing.util
import os
import runpy
import signal
import socket
import subprocess
import sys
import tempfile
import termios
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NoReturn

_ENVIRONMENT = {
    "KERAS_BACKEND": "tensorflow",
    **{key: value for key, value in os.environ.items() if not key.startswith("MLFLOW_")},
}
# Read when they are used and not when something is imported, or set by what is imported.
_MAY_DIFFER = {
    "AWS_ACCESS_KEY_ID", "AWS_DEFAULT_REGION", "AWS_MAX_ATTEMPTS", "AWS_SECRET_ACCESS_KEY",
    "ENABLE_RUNTIME_UPTIME_TELEMETRY", "HDF5_PLUGIN_PATH", "KMP_DUPLICATE_LIB_OK",
    "KMP_INIT_AT_FORK", "MLFLOW_DISABLE_TELEMETRY",
    "MLFLOW_HTTP_REQUEST_TIMEOUT", "MLFLOW_S3_ENDPOINT_URL",
    "MLFLOW_TRACKING_PASSWORD", "MLFLOW_TRACKING_URI", "MLFLOW_TRACKING_USERNAME", "PATH",
    "PGCONNECT_TIMEOUT", "RAY_CLIENT_MODE", "TF2_BEHAVIOR", "TF_CPP_MIN_LOG_LEVEL", "TMPDIR",
    "TPU_ML_PLATFORM",
    "TPU_ML_PLATFORM_VERSION", "TPU_SKIP_MDS_QUERY", "_MLFLOW_TELEMETRY_SESSION_ID",
}  # fmt: skip
_IMPORTED = (
    "alembic.command", "keras", "matplotlib.backends.backend_agg", "matplotlib.figure",
    "mlflow.models.rag_signatures", "mlflow.pyfunc", "mlflow.store.tracking.sqlalchemy_store",
    "mlflow.store.tracking.sqlalchemy_workspace_store", "mlflow.tracing.processor.otel",
    "mlflow.tracking", "optuna.importance", "optuna.storages._rdb.models", "PIL.JpegImagePlugin",
    "rich.progress", "scipy.stats", "sklearn.ensemble", "sqlalchemy.dialects.sqlite", "tensorflow",
)  # fmt: skip


# ---- in the tests


class Command:
    """A command that was started warm: as much of `subprocess.Popen` as the tests need."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.returncode: int | None = None

    def poll(self) -> int | None:
        """The exit status, or None while it runs; an ended one is a zombie until it is asked."""
        if self.returncode is None:
            self.returncode = _ask(poll=self.pid)
        return self.returncode

    def wait(self, timeout: float = float("inf")) -> int:
        """The exit status, when it has ended."""
        deadline = time.monotonic() + timeout
        while (status := self.poll()) is None:
            if time.monotonic() > deadline:
                raise subprocess.TimeoutExpired(f"process {self.pid}", timeout)
            time.sleep(0.02)
        return status

    def send_signal(self, number: int) -> None:
        """Send a signal, unless it has ended."""
        if self.poll() is None:
            os.kill(self.pid, number)


def suits(environment: Mapping[str, str]) -> bool:
    """Whether a command with this environment imports the same as one with that of the tests."""
    return not differing(environment)


def differing(environment: Mapping[str, str]) -> set[str]:
    """The variables that may have it import something else."""
    asked = {"KERAS_BACKEND": "tensorflow", **environment}
    different = {name for name, _ in set(asked.items()) ^ set(_ENVIRONMENT.items())}
    return {name for name in different if not name.startswith("PYTEST_")} - _MAY_DIFFER


def start(
    module: tuple[str, ...],
    folder: Path,
    environment: Mapping[str, str],
    output: str,
    errors: str | None = None,
) -> Command:
    """`python -m MODULE ...` in a folder, with its output in a file that is there.

    A terminal is its input as well, and the one that controls it. What it writes to standard error
    goes there too, or into another file.
    """
    files = [output, errors or output]
    about = {"environment": dict(environment), "folder": str(folder), "files": files}
    return Command(_ask(module=module, **about))


@functools.cache
def _process() -> subprocess.Popen[str]:
    """The process that commands are forked from, as long as this one lives."""
    process = subprocess.Popen(
        [sys.executable, __file__],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**_ENVIRONMENT, "TF_CPP_MIN_LOG_LEVEL": "3"},
        start_new_session=True,
    )
    atexit.register(process.communicate)
    return process


def _ask(**request: Any) -> Any:
    process = _process()
    assert process.stdin is not None
    assert process.stdout is not None
    print(json.dumps(request), file=process.stdin, flush=True)
    return json.loads(process.stdout.readline())


# ---- in the process that commands are forked from


def _answer_all() -> dict[str, Any] | None:
    """Answers requests until there are no more: None; or, in a fork: the command to be."""
    for line in sys.stdin:
        request = json.loads(line)
        if "poll" in request:
            pid, status = os.waitpid(request["poll"], os.WNOHANG)
            answer = os.waitstatus_to_exitcode(status) if pid else None
        else:
            # Opened here: a terminal that nobody has open any more has hung up.
            mode = os.O_RDWR | os.O_APPEND | os.O_NOCTTY
            files = [os.open(file, mode) for file in request["files"]]
            answer = os.fork()
            if not answer:
                return {**request, "files": files}
            for file in files:
                os.close(file)
        print(json.dumps(answer), flush=True)
    return None


def _become(command: dict[str, Any]) -> None:
    """What lies between a fork and an exec: session, folder, environment, standard files."""
    os.setsid()
    os.chdir(command["folder"])
    os.environ.clear()
    os.environ.update(command["environment"])
    tempfile.tempdir = None
    files = command["files"]
    if os.isatty(files[0]):
        fcntl.ioctl(files[0], termios.TIOCSCTTY)
        files.insert(0, os.dup(files[0]))
    else:
        files.insert(0, os.open(os.devnull, os.O_RDONLY))
    for number, file in enumerate(files):
        os.dup2(file, number)
        os.close(file)
    sys.stdin = open(0, encoding="utf-8", closefd=False)  # noqa: SIM115
    sys.stdout.reconfigure(line_buffering=os.isatty(1))  # type: ignore[union-attr]
    sys.argv = command["module"]
    sys.path[0] = command["folder"]


class _Spare:
    """A fork that becomes the server of trials when the command starts one; once.

    It is forked before the command is anything: a fork in its midst would have what it holds.
    """

    def __init__(self) -> None:
        self._exec = multiprocessing.util.spawnv_passfds  # type: ignore[attr-defined]
        self._here, there = socket.socketpair()
        self._pid = os.fork()
        if self._pid == 0:
            self._here.close()
            _serve(there)
        there.close()
        multiprocessing.util.spawnv_passfds = self._start  # type: ignore[attr-defined]

    def _start(self, path: bytes, arguments: list[Any], files: list[int]) -> int:
        """In place of a fork and an exec of `python -c CODE`, with these files open."""
        code = os.fsdecode(arguments[-1])
        if "multiprocessing.forkserver" not in code:
            return int(self._exec(path, arguments, files))
        multiprocessing.util.spawnv_passfds = self._exec  # type: ignore[attr-defined]
        blocked = [int(number) for number in signal.pthread_sigmask(signal.SIG_BLOCK, ())]
        told = {
            "blocked": blocked, "code": code, "environment": dict(os.environ), "files": files,
            "folder": os.getcwd(),
        }  # fmt: skip
        socket.send_fds(self._here, [b"."], files)
        self._here.sendall(json.dumps(told).encode())
        self._here.close()
        return self._pid


def _serve(there: socket.socket) -> NoReturn:
    """The server of trials, when it is wanted."""
    _, files, _, _ = socket.recv_fds(there, 1, 16)
    with there, there.makefile("rb") as received:
        content = received.read()
    if not content:  # the command has ended, and wanted none
        os._exit(0)
    told = json.loads(content)
    highest = max(*files, *told["files"])
    # First out of the way of the numbers that they are to have.
    moved = [fcntl.fcntl(file, fcntl.F_DUPFD, highest + 1) for file in files]
    for file, number in zip(moved, told["files"], strict=True):
        os.dup2(file, number)
    for number in {int(name) for name in os.listdir("/proc/self/fd")} - {0, 1, 2, *told["files"]}:
        with contextlib.suppress(OSError):  # the listing's own
            os.close(number)
    os.chdir(told["folder"])
    os.environ.clear()
    os.environ.update(told["environment"])
    tempfile.tempdir = None
    Path("/proc/self/comm").write_text("forkserver", encoding="ascii")
    signal.pthread_sigmask(signal.SIG_SETMASK, told["blocked"])
    exec(told["code"], {})
    os._exit(0)


def _prepare_mlflow() -> None:
    """What each command would find out anew: the tables of a store, which package has a module."""
    import mlflow_tables
    from mlflow.utils import requirements_utils

    mlflow_tables.remember()
    mlflow_tables.tables()
    requirements_utils._init_modules_to_packages_map()


def _main() -> None:
    gc.disable()
    for name in _IMPORTED:
        importlib.import_module(name)
    _prepare_mlflow()
    assert not [name for name in sys.modules if name.partition(".")[0] == "clr_sweep"]
    # What was imported stays: to look at it for garbage, or at an end to take it to pieces, would
    # copy all of it in each fork.
    gc.freeze()
    gc.enable()
    command = _answer_all()
    if command is not None:
        _become(command)
        _Spare()
        runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    _main()

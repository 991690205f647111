"""Sweeps run by real processes, and what they left in Optuna's and in MLflow's store."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import psutil
import warm_starts
import yaml
from gone_processes import PATIENCE_SECONDS

DATA = Path(__file__).parents[1] / "data"
PROJECT = Path(__file__).parents[2]
CLR_SWEEP = (sys.executable, "-m", "clr_sweep")
MLFLOW = (sys.executable, "-m", "mlflow")

STATUS_OF_STATE = {
    "complete": "FINISHED",
    "pruned": "KILLED",
    "diverged": "KILLED",
    "failed": "FAILED",
}


def definition(**study: Any) -> dict[str, Any]:
    """A sweep that takes seconds: two epochs on a slice of Fashion-MNIST."""
    return {
        "name": "tiny",
        "dataset": {"name": str(DATA / "fashion_mnist_slice.npz"), "validation": 400},
        "model": {"name": "tutorial_cnn"},
        "training": {"optimizer": "sgd", "batch_size": 64, "epochs": 2},
        "search_space": {
            "init_lr": {"low": 1.0e-4, "high": 1.0e-2, "log": True},
            "max_lr": {"low": 1.0e-2, "high": 0.3, "log": True},
            "step_size_factor": 1,
            "policy": ["triangular", "triangular2", "exp_range"],
        },
        "study": {"trials": 2, "jobs": 1, "sampler": "random", "seed": 5, **study},
    }


class Running:
    """A command that runs in a process group of its own, its output in a file.

    Args:
        warm: `clr-sweep` may be started without importing anew what it imports.
    """

    def __init__(
        self,
        command: tuple[str, ...],
        folder: Path,
        environment: Mapping[str, str],
        warm: bool = True,
    ) -> None:
        self.output_file = folder / f"output-{time.monotonic_ns()}.txt"
        self.process: subprocess.Popen[bytes] | warm_starts.Command
        with self.output_file.open("wb") as file:
            if warm and command[:3] == CLR_SWEEP and warm_starts.suits(environment):
                self.process = warm_starts.start(command[2:], folder, environment, file.name)
                return
            self.process = subprocess.Popen(
                command,
                cwd=folder,
                env=dict(environment),
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    @property
    def output(self) -> str:
        return self.output_file.read_text(encoding="utf-8", errors="replace")

    def wait_until(self, happened: Callable[[], bool], what: str) -> None:
        """Wait for an event that the command brings about; fail if it ends without."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not happened():
            ended = self.process.poll() is not None
            if (ended and not happened()) or time.monotonic() > deadline:
                raise AssertionError(f"{what}: never came\n{self.output}")
            time.sleep(0.02)

    def wait_for(self, text: str) -> None:
        """Wait for a text in the output."""
        self.wait_until(lambda: text in self.output, f"the output {text!r}")

    def descendants(self) -> list[psutil.Process]:
        """The processes below the command."""
        return psutil.Process(self.process.pid).children(recursive=True)

    def signal(self, number: int) -> None:
        """Send a signal to the command alone."""
        self.process.send_signal(number)

    def signal_group(self, number: int) -> None:
        """Send a signal to all its processes, as a terminal does on Ctrl-C."""
        os.killpg(self.process.pid, number)

    def wait(self) -> int:
        """The exit status; a hung command is killed and fails the test."""
        try:
            return self.process.wait(PATIENCE_SECONDS)
        except subprocess.TimeoutExpired:
            self.signal_group(signal.SIGKILL)
            raise AssertionError(f"hangs:\n{self.output}") from None


class Place:
    """A folder in which sweeps are run, with stores of its own.

    Args:
        folder: made if it is not there.
        environment: added to the environment of the commands.
    """

    def __init__(self, folder: Path, **environment: str) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        kept = {key: value for key, value in os.environ.items() if not key.startswith("MLFLOW_")}
        path = os.pathsep.join([str(Path(sys.executable).parent), kept.get("PATH", "")])
        self.environment = {
            **kept,
            "PATH": path,
            "MLFLOW_DISABLE_TELEMETRY": "true",
            **environment,
        }
        self.database = folder / "mlflow.db"
        # The URI of the store in which what was tracked is looked up; None: it is that file.
        self.store: str | None = None
        self.storage = f"sqlite:///{folder / 'optuna.db'}"
        self._started: list[Running] = []

    def write_sweep(self, content: Mapping[str, Any] | None = None, name: str = "t.yaml") -> Path:
        """Write a sweep file."""
        file = self.folder / name
        file.write_text(yaml.safe_dump(content or definition(), sort_keys=False))
        return file

    def start_held(self, file: Path, *arguments: str, ahead: int = 1) -> Running:
        """Start the sweep; return when the training so many ahead waits in its second epoch."""
        training = self.trainings + ahead
        self.hold(training)
        running = self.start(*CLR_SWEEP, "run", str(file), *arguments)
        running.wait_until(lambda: self.trainings == training, f"training {training}")
        return running

    def start(self, *command: str, warm: bool = True) -> Running:
        """Start a command here."""
        running = Running(command, self.folder, self.environment, warm)
        self._started.append(running)
        return running

    def run(self, *command: str) -> Running:
        """Run a command here to its end."""
        running = self.start(*command)
        running.wait()
        return running

    def sweep(self, *arguments: str, status: int | None = None) -> Running:
        """`clr-sweep ARGUMENTS`, to its end; where a status is given it must end with that."""
        ended = self.run(*CLR_SWEEP, *arguments)
        assert status in (None, ended.process.returncode), ended.output
        return ended

    def start_server(self, uri: str | None = None) -> tuple[Running, str]:
        """An MLflow tracking server on a store here; with its address, or at a known one."""
        if uri is None:
            with socket.socket() as probe:
                probe.bind(("127.0.0.1", 0))
                uri = f"http://127.0.0.1:{probe.getsockname()[1]}"
        store = f"sqlite:///{self.database}"
        port = uri.rpartition(":")[2]
        options = ("--backend-store-uri", store, "--port", port, "--workers", "1")
        # Without the workers of its job queue, five processes that import MLflow and then poll.
        environment = {**self.environment, "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
        running = Running((*MLFLOW, "server", *options), self.folder, environment)
        self._started.append(running)
        running.wait_for("Application startup complete")
        return running, uri

    def close(self) -> None:
        """End what a failed test left running."""
        for running in self._started:
            if running.process.poll() is None:
                running.signal_group(signal.SIGKILL)
                running.process.wait()

    # ---- a training that waits (held_model.py)

    def write_held_sweep(self, trials: int, epochs: int = 3, **study: Any) -> Path:
        """A sweep whose trainings can be held."""
        shutil.copy(DATA / "held_model.py", self.folder)
        content = definition(trials=trials, **study)
        content["model"] = {"name": "held_model:build"}
        content["training"]["epochs"] = epochs
        return self.write_sweep(content)

    @property
    def trainings(self) -> int:
        """Trainings that have come to their second epoch so far."""
        file = self.folder / "reached"
        return file.stat().st_size if file.exists() else 0

    def hold(self, number: int) -> None:
        """Let the training of this number, counted from 1, wait in its second epoch."""
        (self.folder / f"hold-{number}").touch()

    def release(self, number: int) -> None:
        """Let it go on."""
        (self.folder / f"hold-{number}").unlink()

    def spoil(self, number: int) -> None:
        """Let the training of this number raise an exception in its second epoch."""
        (self.folder / f"raise-{number}").touch()

    # ---- what is stored

    def study(self, name: str = "tiny") -> Any:
        """The study in Optuna's storage."""
        import optuna
        from sqlalchemy.pool import NullPool

        # A server's connections are closed with each answer: psycopg warns of those that are not.
        storage = optuna.storages.RDBStorage(self.storage, engine_kwargs={"poolclass": NullPool})
        return optuna.load_study(study_name=name, storage=storage)

    def states(self, name: str = "tiny") -> list[str]:
        """The states of the trials in Optuna, by number."""
        return [trial.state.name for trial in self.study(name).trials]

    @property
    def client(self) -> Any:
        """A client of the MLflow store."""
        from mlflow.tracking import MlflowClient

        return MlflowClient(tracking_uri=self.store or f"sqlite:///{self.database}")

    def runs(self) -> list[Any]:
        """All active runs of all experiments, the newest first."""
        experiments = [item.experiment_id for item in self.client.search_experiments()]
        return list(self.client.search_runs(experiments, max_results=1000))

    def runs_of_kind(self, kind: str) -> list[Any]:
        """The runs with this tag clr_sweep.kind."""
        return [run for run in self.runs() if run.data.tags.get("clr_sweep.kind") == kind]

    def history(self, run_id: str, metric: str) -> dict[int, float]:
        """A metric's values by step; a step that was logged twice is an error."""
        found = self.client.get_metric_history(run_id, metric)
        twice = [step for step, count in Counter(item.step for item in found).items() if count > 1]
        assert not twice, f"{metric} of run {run_id} was logged twice at the steps {twice}"
        return {item.step: item.value for item in found}


def job_processes(running: Running) -> list[psutil.Process]:
    """The processes that train: the grandchildren, forked by the engine's server."""
    driver = psutil.Process(running.process.pid)
    children = set(driver.children())
    return [process for process in driver.children(recursive=True) if process not in children]


def results(study: Any) -> dict[int, Any]:
    """What must be equal where two studies are: parameters, values, epochs; by trial number."""
    return {
        trial.number: (trial.params, trial.value, trial.intermediate_values)
        for trial in study.trials
        if trial.state.is_finished()
    }


def assert_whole(
    place: Place, trials: int, study: str = "tiny", other_runs: int = 0, failed: int = 0
) -> Any:
    """Every trial once in Optuna and once in MLflow, all ended, and both say the same.

    Args:
        other_runs: runs that are there beside those of the study.
        failed: trials that failed.

    Returns:
        The parent run.
    """
    stored = place.study(study).trials
    assert [trial.number for trial in stored] == list(range(trials))
    states = Counter(trial.state.name for trial in stored)
    assert states["FAIL"] == failed
    assert states["COMPLETE"] + states["PRUNED"] + states["FAIL"] == trials, states

    runs = place.runs()
    assert "RUNNING" not in {run.info.status for run in runs}
    mine = [run for run in runs if run.data.tags.get("clr_sweep.study") == study]
    kinds = Counter(run.data.tags["clr_sweep.kind"] for run in mine)
    assert kinds == {"sweep": 1, "baseline": 1, "trial": trials}
    assert len(runs) == len(mine) + other_runs
    (parent,) = (run for run in mine if run.data.tags["clr_sweep.kind"] == "sweep")
    assert parent.info.status == "FINISHED"
    children = [run for run in mine if run is not parent]
    assert {run.data.tags["mlflow.parentRunId"] for run in children} == {parent.info.run_id}

    numbered = {run.data.tags.get("clr_sweep.trial_number"): run for run in children}
    for trial in stored:
        run = numbered[str(trial.number)]
        state = run.data.tags["clr_sweep.state"]
        recorded = trial.user_attrs
        assert state == (recorded.get("state") or recorded["result"]["state"])
        assert run.info.status == STATUS_OF_STATE[state]
        assert place.history(run.info.run_id, "val_accuracy") == trial.intermediate_values
        place.history(run.info.run_id, "learning_rate")
        for key in ("max_lr", "policy"):
            assert run.data.params[key] == str(trial.params[key])
    place.history(numbered[None].info.run_id, "val_accuracy")
    return parent


def elsewhere(finished: Place, folder: Path, *arguments: str, **environment: str) -> Running:
    """Run `clr-sweep` in another folder than that of the study, with its MLflow store."""
    folder.mkdir(parents=True, exist_ok=True)
    uri = f"sqlite:///{finished.folder / 'mlflow.db'}"
    variables = {**finished.environment, "MLFLOW_TRACKING_URI": uri, **environment}
    running = Running((*CLR_SWEEP, *arguments), folder, variables)
    running.wait()
    return running

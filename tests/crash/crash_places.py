"""A sweep to be killed, and what must be equal between two of them."""

from __future__ import annotations

import json
import os
import zipfile
from io import BytesIO
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import psutil
import yaml
from gone_processes import assert_gone
from real_runs import CLR_SWEEP, DATA, Place, Running, assert_whole, results

FAULTS = Path(__file__).parent / "faults"
TRIALS = 8
TIMES = {"cpu_seconds", "wall_seconds", "trial_cpu_seconds", "trial_wall_seconds"}
SWEEP = {
    "name": "tiny",
    "dataset": {"name": str(DATA / "fashion_mnist_slice.npz"), "validation": 400},
    "model": {"name": "tutorial_cnn"},
    "training": {"optimizer": "sgd", "batch_size": 64, "epochs": 6},
    "search_space": {
        "init_lr": {"low": 1.0e-3, "high": 1.0e-2, "log": True},
        "max_lr": {"low": 1.0e-2, "high": 1.0, "log": True},
        "step_size_factor": {"low": 1, "high": 3},
        "policy": ["triangular", "triangular2", "exp_range"],
        "momentum": [0.0, 0.9],
    },
    # Of one trial's attempts many may be killed here.
    "study": {"trials": TRIALS, "jobs": 2, "seed": 11, "deterministic": True, "retries": 1000},
}


class CrashPlace(Place):
    """A folder with the sweep, and a temporary folder of its own."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.temporary = folder / "tmp"
        self.temporary.mkdir()
        self.environment["TMPDIR"] = str(self.temporary)
        self.file = self.write_sweep(SWEEP)
        self.seen: set[psutil.Process] = set()
        self._faults = 0

    @property
    def fired(self) -> Path:
        """Made by the process that the last fault killed."""
        return self.folder / f"fired-{self._faults}"

    def start_sweep(self, fault: dict[str, Any] | None = None) -> Running:
        """Start the sweep, or go on with it."""
        before = dict(self.environment)
        if fault is not None:
            self._faults += 1
            paths = [str(FAULTS), *filter(None, [before.get("PYTHONPATH")])]
            self.environment["PYTHONPATH"] = os.pathsep.join(paths)
            self.environment["CRASH_FAULT"] = json.dumps({**fault, "fired": str(self.fired)})
        running = self.start(*CLR_SWEEP, "run", str(self.file))
        self.environment = before
        return running

    def epochs(self) -> int:
        """Bytes of epochs reported so far, of all trials."""
        return sum(file.stat().st_size for file in self.trials.glob("*/epochs.jsonl"))

    @property
    def trials(self) -> Path:
        return self.folder / "trials" / "tiny"

    def processes(self) -> list[psutil.Process]:
        """What runs here."""
        found = [process for process in psutil.process_iter() if _runs_in(process, self.folder)]
        self.seen.update(found)
        return found


def _parent(process: psutil.Process) -> int | None:
    """The parent of a process, or None where it is gone altogether."""
    try:
        return process.ppid() if process.is_running() else None
    except psutil.NoSuchProcess:
        return None


def _runs_in(process: psutil.Process, folder: Path) -> bool:
    try:
        return process.cwd() == str(folder)
    except psutil.Error:
        return False


def jobs(running: Running) -> list[psutil.Process]:
    """The processes that train."""
    try:
        driver = psutil.Process(running.process.pid)
        children = set(driver.children())
        return [process for process in driver.children(recursive=True) if process not in children]
    except psutil.NoSuchProcess:
        return []


def server(running: Running) -> psutil.Process | None:
    """The process that the jobs are forked from."""
    try:
        children = psutil.Process(running.process.pid).children()
        return next(
            child
            for child in children
            if "forkserver" in " ".join([child.name(), *child.cmdline()])
        )
    except (psutil.Error, StopIteration):
        return None


def assert_as_undisturbed(place: CrashPlace, reference: CrashPlace) -> None:
    """Everything that the sweep left is what it left without a disturbance."""
    assert_whole(place, TRIALS)
    assert results(place.study()) == results(reference.study())
    assert place.study().user_attrs["progress"] == reference.study().user_attrs["progress"]
    assert _runs(place) == _runs(reference)
    assert _best(place) == _best(reference)
    names = {path.name for path in reference.trials.iterdir()}
    assert {path.name for path in place.trials.iterdir()} == names
    for name in sorted(names - {"best.yaml", "driver.lock"}):
        assert _folder(place.trials / name) == _folder(reference.trials / name), name


def assert_nothing_left(place: CrashPlace) -> None:
    """No process, no zombie, no temporary file."""
    assert_gone(place.processes())
    # What outlives its parent goes to the first process, which takes it away when it likes.
    assert [process for process in place.seen if _parent(process) not in (None, 1)] == []
    left = [str(path.relative_to(place.temporary)) for path in place.temporary.rglob("*")]
    # MLflow's own lock on making its tables, of which there is one for each database.
    assert [path for path in left if not path.startswith("db_init_lock-")] == []


def resumptions(place: CrashPlace) -> int:
    """How often a trial went on in its middle, and did not start over."""
    logs = [file.read_text() for file in place.trials.glob("*/log.txt")]
    return sum(log.count("going on after epoch") for log in logs)


def _runs(place: CrashPlace) -> dict[str, Any]:
    """What MLflow holds, without what differs from start to start: ids, times and paths."""
    found = {}
    for run in place.runs():
        own = {k: v for k, v in run.data.tags.items() if k.startswith("clr_sweep.")}
        for key in ("study_id", "storage", "process", "retries"):
            own.pop(f"clr_sweep.{key}", None)
        metrics = {
            key: place.history(run.info.run_id, key)
            for key in run.data.metrics
            if key not in TIMES and key not in ("best_val_accuracy", "sweep_cpu_seconds")
        }
        found[run.info.run_name] = (
            run.info.status,
            own,
            run.data.params,
            metrics,
            _artifacts(place.client, run.info.run_id),
            _models(place.client, run),
        )
    return found


def _models(client: Any, run: Any) -> list[str]:
    """The states of the models that come from a run."""
    condition = f"source_run_id = '{run.info.run_id}'"
    models = client.search_logged_models([run.info.experiment_id], filter_string=condition)
    return [model.status.name for model in models]


def _artifacts(client: Any, run_id: str) -> set[str]:
    top = client.list_artifacts(run_id)
    below = [f for item in top if item.is_dir for f in client.list_artifacts(run_id, item.path)]
    return {file.path for file in [*top, *below]}


def _best(place: CrashPlace) -> Any:
    content = yaml.safe_load((place.trials / "best.yaml").read_text())
    for key in ("mlflow_run_id", "folder"):
        assert content["provenance"].pop(key)
    return content


def _folder(folder: Path) -> dict[str, Any]:
    """What a trial left: every array and every number, to the bit."""
    epochs = [json.loads(line) for line in (folder / "epochs.jsonl").read_text().splitlines()]
    result = json.loads((folder / "result.json").read_text())
    found: dict[str, Any] = {
        "epochs": [{k: v for k, v in epoch.items() if k not in TIMES} for epoch in epochs],
        "result": {k: v for k, v in result.items() if k not in TIMES},
        "files": {path.name for path in folder.iterdir()},
        "config": json.loads((folder / "config.json").read_text()),
    }
    with np.load(folder / "curve.npz") as curve:
        found["curve"] = {name: curve[name].tobytes() for name in curve.files}
    with zipfile.ZipFile(folder / "model.keras") as archive:
        weights = BytesIO(archive.read("model.weights.h5"))
    with h5py.File(weights) as file:
        arrays: dict[str, bytes] = {}

        def keep(name: str, item: Any) -> None:
            if isinstance(item, h5py.Dataset):
                arrays[name] = np.asarray(item).tobytes()

        file.visititems(keep)
    assert arrays
    found["weights"] = arrays
    return found


def database_is_sound(path: Path) -> bool:
    """SQLite's own check."""
    import sqlite3

    if not os.path.exists(path):
        return True
    connection = sqlite3.connect(path)
    try:
        return bool(connection.execute("PRAGMA integrity_check").fetchone() == ("ok",))
    finally:
        connection.close()

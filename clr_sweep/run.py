"""`clr-sweep run`: from a sweep file to a finished study, or to a clear reason why not."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import optuna
from mlflow.exceptions import MlflowException
from mlflow.tracking import MlflowClient
from optuna.exceptions import StorageInternalError
from requests import RequestException
from sqlalchemy.exc import SQLAlchemyError

from clr_sweep import __version__
from clr_sweep.config import Sweep
from clr_sweep.driver import Driver, trials_left
from clr_sweep.engines.local import LocalEngine, local_engine
from clr_sweep.errors import ClrSweepError, InputError, StoreError
from clr_sweep.plan import cycle_warnings
from clr_sweep.preparation import check_sizes, estimate, inspect, prepare_data, usable_cores
from clr_sweep.progress import Display
from clr_sweep.provenance import provenance
from clr_sweep.publishing import Publisher, sampled_parameters, sweep_settings
from clr_sweep.records import StudyRecord
from clr_sweep.search import storage
from clr_sweep.search.space import baseline_config
from clr_sweep.stopping import StopRequest
from clr_sweep.sweep_file import load_sweep, search_path
from clr_sweep.tracking.runs import SweepRuns, end_adopted
from clr_sweep.tracking.store import connect, experiment_id, hidden, tracking_uri
from clr_sweep.tracking.views import save_view
from clr_sweep.training.requests import DataFacts
from clr_sweep.words import duration

STUDIES_FOLDER = "trials"


def run_sweep(file: Path, overrides: Mapping[str, Any], stop: StopRequest) -> StudyRecord:
    """Start or continue the study of a sweep file, until `study.trials` trials have ended.

    Args:
        file: the sweep file.
        overrides: values by dotted key, put in place of the file's.
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
    sweep = load_sweep(file, overrides)
    slots = sweep.study.jobs or usable_cores()
    with _plain_store_errors(sweep), local_engine(slots) as engine:
        # Before anything that takes long: a store that cannot be used is known at once.
        client = connect(tracking_uri())
        try:
            return _run(sweep, file, engine, client, adopted, stop)
        except ClrSweepError as error:
            if adopted is not None:
                end_adopted(client, adopted, str(error))
            raise


def _run(
    sweep: Sweep,
    file: Path,
    engine: LocalEngine,
    client: MlflowClient,
    adopted: str | None,
    stop: StopRequest,
) -> StudyRecord:
    folder = Path.cwd() / STUDIES_FOLDER / sweep.study_name
    with (
        Display(sweep.study.trials) as display,
        _only_driver(folder, sweep.study_name),
        _work_folder(folder) as work,
    ):
        start = _Start(sweep, file, search_path(file), engine, display, work, stop)
        for warning in cycle_warnings(sweep):
            display.say(warning)
        store = storage.open_storage(start.storage_url)
        facts = start.load_data()
        study = storage.open_study(
            store,
            sweep,
            start.text,
            {"data_digest": facts.digest, "data_source": facts.source},
        )
        start.announce(study, facts)
        publisher = start.open_runs(client, facts, adopted)
        publisher.adopt_children(storage.read_study(study))
        origin = provenance(start.folders[0])
        driver = Driver(
            sweep, study, engine, publisher, display, stop, facts, folder, start.folders, origin
        )
        try:
            driver.run()
        except BaseException as error:
            interrupted = getattr(error, "exit_status", 1) > 128
            stored: StudyRecord | None = None
            with contextlib.suppress(StorageInternalError):
                stored = storage.read_study(study)
            publisher.stopped(
                stored,
                sweep.study.trials,
                "interrupted" if interrupted else "failed",
                str(error),
            )
            raise
        stored = storage.read_study(study)
        publisher.finish(stored, sweep.study.trials, folder / "best.yaml")
        if publisher.failures:
            display.say(
                f"MLflow could not be told {publisher.failures} things: "
                "start the same command again to complete it"
            )
        return stored


@dataclass(frozen=True)
class _Start:
    """What has to be done before the first trial, in the order of the methods."""

    sweep: Sweep
    file: Path
    folders: tuple[Path, ...]
    engine: LocalEngine
    display: Display
    work: Path
    stop: StopRequest

    @property
    def text(self) -> str:
        return self.file.read_text(encoding="utf-8")

    @property
    def storage_url(self) -> str:
        return self.sweep.study.storage or storage.DEFAULT_STORAGE

    def load_data(self) -> DataFacts:
        """Load the data set, into files that all trials share, and check the sizes against it."""
        dataset = self.sweep.dataset
        self.display.say(f"study {self.sweep.study_name}: loading {dataset.name}")
        facts = prepare_data(
            self.engine, dataset.name, dataset.folder, self.folders, self.work, self.stop
        )
        check_sizes(self.sweep, facts, str(self.file))
        self.display.say(
            f"data: {facts.train} training and {facts.test} test examples from {facts.source}"
        )
        return facts

    def announce(self, study: optuna.Study, facts: DataFacts) -> None:
        """Say what will be done and what it will cost, measured on a few steps.

        Errors in the user's model show here, before a run is made for anything.
        """
        sweep, display = self.sweep, self.display
        if again := storage.waiting_again(study):
            display.say(f"continuing the interrupted trials {', '.join(map(str, again))}")
        left = trials_left(study, sweep.study.trials)
        if not left:
            display.say(f"all {sweep.study.trials} trials have ended: nothing left to train")
            return
        config = baseline_config(sweep, facts.train)
        found = inspect(self.engine, config, facts, self.folders, self.work, self.stop)
        cost = estimate(sweep, found, facts, left, self.engine.slots)
        display.say(
            f"{left} of {sweep.study.trials} trials to run, {self.engine.slots} at once; the "
            f"model has {found.parameters:,} parameters, a training step takes "
            f"{found.seconds_per_step * 1000:.1f} ms"
        )
        display.say(
            f"at most {duration(cost.cpu_seconds)} of CPU, about {duration(cost.wall_seconds)}; "
            "less with pruning"
        )

    def open_runs(self, client: MlflowClient, facts: DataFacts, adopted: str | None) -> Publisher:
        """Open the parent run: its settings and the sweep file."""
        sweep = self.sweep
        maximize = sweep.objective.direction == "maximize"
        experiment = experiment_id(client, sweep.name, sweep.objective.metric, maximize)
        runs = SweepRuns(client, experiment, sweep.study_name, facts)
        parent = runs.open_parent(adopted, hidden(storage.absolute(self.storage_url)), __version__)
        runs.log_params(parent, sweep_settings(sweep))
        runs.log_text(parent, self.text, f"sweep/{self.file.name}")
        metric, sampled = sweep.objective.metric, sampled_parameters(sweep)
        save_view(client, experiment, sweep.study_name, metric, maximize, sampled)
        return Publisher(runs, self.folders, facts.digest)


@contextlib.contextmanager
def _plain_store_errors(sweep: Sweep) -> Iterator[None]:
    """A store that fails on the way, in words that name it."""
    try:
        yield
    except (StorageInternalError, SQLAlchemyError) as error:
        shown = hidden(sweep.study.storage or storage.DEFAULT_STORAGE)
        why = str(error.__cause__ or error).split("\n")[0]
        raise StoreError(f"the study storage {shown} failed: {why}") from error
    except (MlflowException, RequestException) as error:
        why = str(error).split("\n")[0]
        raise StoreError(f"the MLflow store {hidden(tracking_uri())} failed: {why}") from error


@contextlib.contextmanager
def _work_folder(folder: Path) -> Iterator[Path]:
    """A folder for the data that all trials share; it goes when the sweep ends."""
    try:
        for old in folder.glob("work-*"):
            shutil.rmtree(old, ignore_errors=True)
        work = Path(tempfile.mkdtemp(prefix="work-", dir=folder))
    except OSError as error:
        raise StoreError(f"the folder {folder} cannot be written: {error.strerror}") from None
    try:
        yield work
    finally:
        shutil.rmtree(work, ignore_errors=True)


@contextlib.contextmanager
def _only_driver(folder: Path, study: str) -> Iterator[None]:
    """Hold the study's lock: two drivers would run the same trials. It goes with the process."""
    try:
        import fcntl
    except ImportError:  # not a POSIX system: no such lock
        yield
        return
    try:
        folder.mkdir(parents=True, exist_ok=True)
        file = (folder / "driver.lock").open("a+")
    except OSError as error:
        raise StoreError(f"the folder {folder} cannot be written: {error.strerror}") from None
    with file as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            lock.seek(0)
            raise InputError(
                f"study {study!r} is run by another process ({lock.read().strip()}): wait for it, "
                "stop it, or give this one another name with --study"
            ) from None
        lock.truncate(0)
        lock.write(f"process {os.getpid()}\n")
        lock.flush()
        yield

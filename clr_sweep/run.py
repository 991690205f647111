"""`clr-sweep run`: from a sweep file to a finished study, or to a clear reason why not."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from clr_sweep import __version__
from clr_sweep.config import Sweep
from clr_sweep.driver import Driver, trials_left
from clr_sweep.engines.local import LocalEngine, local_engine
from clr_sweep.errors import ClrSweepError, InputError, StoreError
from clr_sweep.plan import cycle_warnings
from clr_sweep.preparation import check_sizes, estimate, inspect, prepare_data, usable_cores
from clr_sweep.progress import Display
from clr_sweep.provenance import provenance
from clr_sweep.publishing import Publisher, sweep_settings
from clr_sweep.records import StudyRecord
from clr_sweep.search import storage
from clr_sweep.search.space import baseline_config
from clr_sweep.stopping import StopRequest, stop_request
from clr_sweep.sweep_file import load_sweep, search_path
from clr_sweep.tracking.runs import SweepRuns
from clr_sweep.tracking.store import connect, experiment_id, hidden, tracking_uri
from clr_sweep.training.requests import DataFacts
from clr_sweep.words import duration

STUDIES_FOLDER = "trials"


def run_sweep(file: Path, overrides: Mapping[str, Any]) -> StudyRecord:
    """Start or continue the study of a sweep file, until `study.trials` trials have ended.

    Args:
        file: the sweep file.
        overrides: values by dotted key, put in place of the file's.

    Raises:
        InputError: anything wrong that can be known before the first trial.
        InterruptedSweepError: after Ctrl-C or SIGTERM.
        ClrSweepError: a store, the user's model or its data failed.
    """
    with stop_request() as stop:
        # Read before the engine takes it away from the processes it starts.
        adopted = os.environ.get("MLFLOW_RUN_ID")
        sweep = load_sweep(file, overrides)
        slots = sweep.study.jobs or usable_cores()
        with local_engine(slots) as engine:
            return _run(sweep, file, engine, adopted, stop)


def _run(
    sweep: Sweep, file: Path, engine: LocalEngine, adopted: str | None, stop: StopRequest
) -> StudyRecord:
    folder = Path.cwd() / STUDIES_FOLDER / sweep.study_name
    with Display(sweep.study.trials) as display, _work_folder(folder) as work:
        with _only_driver(folder, sweep.study_name):
            folders = search_path(file)
            for warning in cycle_warnings(sweep):
                display.say(warning)
            display.say(f"study {sweep.study_name}: loading {sweep.dataset.name}")
            dataset = sweep.dataset
            facts = prepare_data(engine, dataset.name, dataset.folder, folders, work, stop)
            check_sizes(sweep, facts, str(file))
            display.say(
                f"data: {facts.train} training and {facts.test} test examples from {facts.source}"
            )
            url = sweep.study.storage or storage.DEFAULT_STORAGE
            study = storage.open_study(
                storage.open_storage(url),
                sweep,
                file.read_text(encoding="utf-8"),
                {"data_digest": facts.digest, "data_source": facts.source},
            )
            again = storage.waiting_again(study)
            _announce(display, study, sweep, again, engine, facts, folders, work, stop)
            maximize = sweep.objective.direction == "maximize"
            client = connect(tracking_uri())
            experiment = experiment_id(client, sweep.name, sweep.objective.metric, maximize)
            runs = SweepRuns(client, experiment, sweep.study_name, facts)
            publisher = Publisher(runs, folders, facts.digest)
            _open_parent(publisher, sweep, file, adopted, url)
            publisher.adopt_children(storage.read_study(study))
            driver = Driver(
                sweep, study, engine, publisher, display, stop, facts, folder, folders,
                provenance(folders[0]),
            )
            try:
                driver.run()
            except ClrSweepError as error:
                state = "failed" if error.exit_status == 1 else "interrupted"
                stored = storage.read_study(study)
                publisher.interrupted(stored, sweep.study.trials, state, str(error))
                raise
            stored = storage.read_study(study)
            publisher.finish(stored, sweep.study.trials, folder / "best.yaml")
            if publisher.failures:
                display.say(
                    f"MLflow could not be told {publisher.failures} things: "
                    "start the same command again to complete it"
                )
            return stored


def _announce(
    display: Display, study: Any, sweep: Sweep, again: list[int], engine: LocalEngine,
    facts: DataFacts, folders: tuple[Path, ...], work: Path, stop: StopRequest,
) -> None:
    """Say what will be done and what it will cost, measured on a few steps."""
    left = trials_left(study, sweep.study.trials)
    if again:
        display.say(f"continuing the interrupted trials {', '.join(map(str, again))}")
    if not left:
        display.say(f"all {sweep.study.trials} trials have ended: nothing left to train")
        return
    found = inspect(engine, baseline_config(sweep, facts.train), facts, folders, work, stop)
    cost = estimate(sweep, found, facts, left, engine.slots)
    display.say(
        f"{left} of {sweep.study.trials} trials to run, {engine.slots} at once; the model has "
        f"{found.parameters:,} parameters, a training step takes "
        f"{found.seconds_per_step * 1000:.1f} ms"
    )
    display.say(
        f"at most {duration(cost.cpu_seconds)} of CPU, about {duration(cost.wall_seconds)}; "
        "less with pruning"
    )


def _open_parent(
    publisher: Publisher, sweep: Sweep, file: Path, adopted: str | None, url: str
) -> None:
    runs = publisher.runs
    parent = runs.open_parent(adopted, hidden(url), __version__)
    runs.log_params(parent, sweep_settings(sweep))
    runs.log_text(parent, file.read_text(encoding="utf-8"), f"sweep/{file.name}")


@contextlib.contextmanager
def _work_folder(folder: Path) -> Iterator[Path]:
    """A folder for the data that all trials share; it goes when the sweep ends."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
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
    with (folder / "driver.lock").open("a+") as lock:
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

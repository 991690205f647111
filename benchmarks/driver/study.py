"""A study of instantaneous trials, run by the real driver into real stores."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from benchmarks.driver.instant import InstantEngine
from benchmarks.driver.parts import Parts
from benchmarks.driver.stores import Stores
from clr_sweep.common.stopping import StopRequest
from clr_sweep.definition.data_names import DataOptions
from clr_sweep.definition.sweep import Sweep
from clr_sweep.engines.base import Engine
from clr_sweep.results import style
from clr_sweep.search import storage
from clr_sweep.search import writing as trials
from clr_sweep.search.known_trials import FollowedStudy
from clr_sweep.search.reading import StudyReader
from clr_sweep.search.sampling import Sampling
from clr_sweep.study.background import Background
from clr_sweep.study.driver import Driver
from clr_sweep.study.parent_run import open_parent, publisher_of, stored_facts
from clr_sweep.study.part import SweepSource
from clr_sweep.study.progress import Display
from clr_sweep.study.publishing import Publisher
from clr_sweep.study.under_way import UnderWay
from clr_sweep.tracking.link import Link
from clr_sweep.tracking.store import connect
from clr_sweep.training.requests import DataJob, PreparedData, StoredData

EPOCHS = 10
BATCH_SIZE = 64
VALIDATION = 100

ASK, EPOCH_VALUES, END = "Optuna: ask", "Optuna: epochs", "Optuna: end"
TRIAL_RUNS, SWEEP_RUN = "MLflow: trials", "MLflow: the sweep's run"
READ, PRUNE, WRITTEN, REST = "study read", "pruner", "the trials' own files", "rest"


def run_study(
    folder: Path,
    trials_planned: int,
    sampler: str,
    pruner: str,
    steps_per_epoch: int,
    told: Callable[[int, Parts], None],
    stores: Stores | None = None,
) -> Parts:
    """Run a study of so many trials in `folder`, which is the current one, until MLflow has all.

    Args:
        steps_per_epoch: of a trial; of its steps, about a hundred go to MLflow.
        told: called at the end of each trial with how many have ended.
        stores: of the study and the runs; None: files of SQLite in `folder`.

    Returns:
        What took how long.
    """
    stores = stores or Stores.files(folder)
    sweep = Sweep.model_validate(definition(trials_planned, sampler, pruner))
    engine = InstantEngine(2, left_files(folder))
    with under_way(sweep, folder, engine, stores, steps_per_epoch) as study:
        parts = timed()
        parts.wrap(engine, "start", WRITTEN)
        ended, landed = 0, study.landed

        def count(*args: Any) -> None:
            nonlocal ended
            landed(*args)
            ended += 1
            told(ended, parts)

        study.landed = count  # type: ignore[method-assign]
        Driver(study).run()
    parts.unwrap()
    return parts


@contextlib.contextmanager
def under_way(
    sweep: Sweep, folder: Path, engine: Engine, stores: Stores, steps_per_epoch: int
) -> Iterator[UnderWay]:
    """A new study that a driver may run; at the end of the block MLflow is told the rest.

    Args:
        folder: the current one.
    """
    facts = _facts(steps_per_epoch)
    store = storage.open_storage(stores.study)
    study_folder = folder / "trials" / sweep.study_name
    described = stored_facts(facts, SweepSource(folder / "sweep.yaml", "", ()), study_folder)
    study = storage.open_study(store, sweep, "name: driver\n", described)
    publisher = publisher_of(study, connect(stores.tracker), Link(print))
    open_parent(study, publisher, stores.study, None)
    with _Quiet(sweep.study.trials) as display, Background(publisher) as background:
        background.start()
        yield UnderWay(
            sweep, study, engine, background, display,
            StopRequest(), facts, study_folder, (), {"python": "3"},
        )  # fmt: skip


class _Quiet(Display):
    """Says nothing: ten thousand lines are of no use to anybody."""

    def say(self, text: str, indent: int = 0) -> None:
        pass


def _facts(steps_per_epoch: int) -> PreparedData:
    examples, digest, nowhere = steps_per_epoch * BATCH_SIZE + VALIDATION, "d" * 64, Path("nowhere")
    stored = StoredData(nowhere, digest, DataJob("nothing", DataOptions(), (), nowhere))
    return PreparedData("nothing", "nowhere", digest, examples, 100, (28, 28), "uint8", stored)


def left_files(folder: Path) -> Path:
    """What a training leaves beside its epochs: here one figure, the same for all trials.

    Returns:
        The folder it is in, below `folder`.
    """
    figures = folder / "left" / "figures"
    figures.mkdir(parents=True)
    drawn = style.figure("The loss", "of an instant")
    drawn.subplots()
    style.save(drawn, figures / "loss.png")
    return figures.parent


def timed() -> Parts:
    """Counts what a study's driver spends from now on, but in the engine."""
    parts = Parts()
    parts.wrap(Sampling, "ask", ASK)
    parts.wrap(FollowedStudy, "follow", ASK)
    parts.wrap(FollowedStudy, "is_to_be_pruned", PRUNE)
    parts.wrap(trials, "record_epoch", EPOCH_VALUES)
    parts.wrap(trials, "record_result", END)
    parts.wrap(StudyReader, "read", READ)
    for name in ("trial_started", "epochs", "trial_ended"):
        parts.wrap(Publisher, name, TRIAL_RUNS)
    parts.wrap(Publisher, "refresh", SWEEP_RUN)
    return parts


def definition(trials_planned: int, sampler: str, pruner: str) -> dict[str, Any]:
    """A sweep of trials of ten epochs, on data that nobody has."""
    return {
        "name": "driver",
        "dataset": {"name": "nothing", "validation": VALIDATION},
        "model": {"name": "tutorial_cnn"},
        "training": {"optimizer": "sgd", "batch_size": BATCH_SIZE, "epochs": EPOCHS},
        "search_space": {
            "init_lr": {"low": 1e-4, "high": 1e-2, "log": True},
            "max_lr": {"low": 1e-2, "high": 1.0, "log": True},
            "step_size_factor": {"low": 2, "high": 8},
            "policy": ["triangular", "triangular2", "exp_range"],
        },
        "objective": {"metric": "val_accuracy", "at": "final"},
        "study": {"trials": trials_planned, "seed": 1, "sampler": sampler, "pruner": pruner},
    }

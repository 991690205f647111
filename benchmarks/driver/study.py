"""A study of instantaneous trials, run by the real driver into real stores."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.driver.instant import InstantEngine
from benchmarks.driver.parts import Parts
from benchmarks.driver.stores import Stores
from clr_sweep.common.stopping import StopRequest
from clr_sweep.definition.sweep import Sweep
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
from clr_sweep.training.requests import DataFacts

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
    sweep = Sweep.model_validate(_definition(trials_planned, sampler, pruner))
    facts = _facts(steps_per_epoch)
    if stores is None:
        stores = Stores(f"sqlite:///{folder / 'optuna.db'}", f"sqlite:///{folder / 'mlflow.db'}")
    url = stores.study
    store = storage.open_storage(url)
    study_folder = folder / "trials" / sweep.study_name
    described = stored_facts(facts, SweepSource(folder / "sweep.yaml", "", ()), study_folder)
    study = storage.open_study(store, sweep, "name: driver\n", described)
    publisher = publisher_of(study, connect(stores.mlflow), Link(print))
    open_parent(study, publisher, url, None)
    with _Quiet(trials_planned) as display, Background(publisher) as background:
        under_way = UnderWay(
            sweep, study, InstantEngine(2, _left_files(folder)), background, display,
            StopRequest(), facts, study_folder, (), {"python": "3"},
        )  # fmt: skip
        parts = _timed(under_way)
        ended, landed = 0, under_way.landed

        def count(*args: Any) -> None:
            nonlocal ended
            landed(*args)
            ended += 1
            told(ended, parts)

        under_way.landed = count  # type: ignore[method-assign]
        background.start()
        Driver(under_way).run()
    parts.unwrap()
    return parts


class _Quiet(Display):
    """Says nothing: ten thousand lines are of no use to anybody."""

    def say(self, text: str, indent: int = 0) -> None:
        pass


def _facts(steps_per_epoch: int) -> DataFacts:
    examples, nowhere = steps_per_epoch * BATCH_SIZE + VALIDATION, Path("nowhere")
    return DataFacts("nothing", "nowhere", "d" * 64, examples, 100, (28, 28), "uint8", nowhere)


def _left_files(folder: Path) -> Path:
    """What a training leaves beside its epochs: here one figure, the same for all trials."""
    figures = folder / "left" / "figures"
    figures.mkdir(parents=True)
    drawn = style.figure("The loss", "of an instant")
    drawn.subplots()
    style.save(drawn, figures / "loss.png")
    return figures.parent


def _timed(under_way: UnderWay) -> Parts:
    parts = Parts()
    parts.wrap(Sampling, "ask", ASK)
    parts.wrap(FollowedStudy, "follow", ASK)
    parts.wrap(FollowedStudy, "is_to_be_pruned", PRUNE)
    parts.wrap(trials, "record_epoch", EPOCH_VALUES)
    parts.wrap(trials, "record_result", END)
    parts.wrap(StudyReader, "read", READ)
    parts.wrap(under_way.engine, "start", WRITTEN)
    for name in ("trial_started", "epochs", "trial_ended"):
        parts.wrap(Publisher, name, TRIAL_RUNS)
    parts.wrap(Publisher, "refresh", SWEEP_RUN)
    return parts


def _definition(trials_planned: int, sampler: str, pruner: str) -> dict[str, Any]:
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

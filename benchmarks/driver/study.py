"""A study of instantaneous trials, run by the real driver into real stores."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.driver.instant import InstantEngine
from benchmarks.driver.parts import Parts
from clr_sweep.background import Background
from clr_sweep.config import Sweep
from clr_sweep.driver import Driver
from clr_sweep.parent_run import open_parent, publisher_of, stored_facts
from clr_sweep.progress import Display
from clr_sweep.publishing import Publisher
from clr_sweep.search import storage, trials
from clr_sweep.results import style
from clr_sweep.search.reading import StudyReader, read_study
from clr_sweep.search.sampling import Sampling
from clr_sweep.stopping import StopRequest
from clr_sweep.tracking.link import Link
from clr_sweep.tracking.store import connect
from clr_sweep.training.requests import DataFacts

EPOCHS = 10
FACTS = DataFacts(
    "fashion_mnist", "nowhere", "d" * 64, 60000, 10000, (28, 28), "uint8", Path("nowhere")
)


def run_study(
    folder: Path, trials: int, sampler: str, pruner: str, told: Callable[[int, Parts], None]
) -> Parts:
    """Run a study of so many trials in `folder`, which is the current one.

    Args:
        told: called at the end of each trial with how many have ended.

    Returns:
        What took how long.
    """
    sweep = Sweep.model_validate(_definition(trials, sampler, pruner))
    url = f"sqlite:///{folder / 'optuna.db'}"
    store = storage.open_storage(url)
    study_folder = folder / "trials" / sweep.study_name
    facts = stored_facts(FACTS, folder / "sweep.yaml", study_folder, ())
    study = storage.open_study(store, sweep, "name: driver\n", facts)
    publisher = publisher_of(study, connect(f"sqlite:///{folder / 'mlflow.db'}"), Link(print))
    open_parent(study, publisher, url, None)
    with Display(trials) as display, Background(publisher) as background:
        driver = Driver(
            sweep, study, InstantEngine(2, _left_files(folder)), background, display, StopRequest(), FACTS,  # type: ignore[arg-type]
            study_folder, (), {"python": "3"},
        )  # fmt: skip
        parts = _timed(driver)
        ended, handle = 0, driver._ended

        def count(*args: Any) -> None:
            nonlocal ended
            handle(*args)
            ended += 1
            told(ended, parts)

        driver._ended = count  # type: ignore[method-assign]
        began = time.perf_counter()
        background.start()
        driver.run()
        t = time.perf_counter()
    parts.wall["drain"] = time.perf_counter() - t
    if True:
        publisher.finish(read_study(study))
        parts.wall["all"] = time.perf_counter() - began
    return parts


def _left_files(folder: Path) -> Path:
    """What a training leaves beside its epochs: here one figure, the same for all trials."""
    figures = folder / "left" / "figures"
    figures.mkdir(parents=True)
    style.figure("The loss", "of an instant").savefig(figures / "loss.png")
    return figures.parent


def _timed(driver: Driver) -> Parts:
    parts = Parts()
    parts.wrap(Sampling, "ask", "Optuna: ask")
    parts.wrap(Sampling, "is_to_be_pruned", "pruner")
    parts.wrap(Sampling, "follow", "Optuna: follow")
    parts.wrap(trials, "record_epoch", "Optuna: epochs")
    parts.wrap(trials, "record_result", "Optuna: end")
    parts.wrap(StudyReader, "read", "read the study")
    parts.wrap(driver.engine, "start", "the trials' own")
    for name in ("trial_started", "epochs", "trial_ended"):
        parts.wrap(Publisher, name, f"MLflow: {name}")
    parts.wrap(Publisher, "refresh", "MLflow: the sweep's run")
    return parts


def _definition(trials: int, sampler: str, pruner: str) -> dict[str, Any]:
    return {
        "name": "driver",
        "dataset": {"name": "fashion_mnist", "validation": 6000},
        "model": {"name": "tutorial_cnn"},
        "training": {"optimizer": "sgd", "batch_size": 64, "epochs": EPOCHS},
        "search_space": {
            "init_lr": {"low": 1e-4, "high": 1e-2, "log": True},
            "max_lr": {"low": 1e-2, "high": 1.0, "log": True},
            "step_size_factor": {"low": 2, "high": 8},
            "policy": ["triangular", "triangular2", "exp_range"],
        },
        "objective": {"metric": "val_accuracy", "at": "final"},
        "study": {"trials": trials, "seed": 1, "sampler": sampler, "pruner": pruner},
    }

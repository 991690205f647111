"""A sweep run from Python, and a study compared."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any

from clr_sweep.commands.compare import stored_comparison
from clr_sweep.commands.run import Asked, run_asked
from clr_sweep.library.given import given_text
from clr_sweep.library.process import say, training
from clr_sweep.library.study import Study, load_study
from clr_sweep.library.sweep import Sweep
from clr_sweep.tracking.which_store import StoreChoice
from clr_sweep.training.keras_backend import train_with_tensorflow


def run(
    sweep: Sweep | str | os.PathLike[str],
    *,
    trials: int | None = None,
    epochs: int | None = None,
    jobs: int | None = None,
    seed: int | None = None,
    study: str | None = None,
    storage: str | None = None,
    engine: str | None = None,
    tracking_uri: str | None = None,
    quiet: bool = False,
) -> Study:
    """Start the study of a sweep, or continue it: the same call does both, as `clr-sweep run`.

    The study is in the current folder: `optuna.db`, `trials/` and MLflow's `mlflow.db`. Trials
    run in processes of their own, which do not run the calling program again. Ctrl-C stops in
    order, and the same call goes on.

    Args:
        sweep: made in Python, or a sweep file.
        trials, epochs, jobs, seed, study, storage, engine, tracking_uri: as the options of
            `clr-sweep run`, in place of what the sweep says.
        quiet: nothing is said of what goes on.

    Returns:
        The study as it is at the end.

    Raises:
        InputError: anything wrong that can be known before the first trial; every problem at once.
        InterruptedSweepError: after Ctrl-C or SIGTERM.
        ClrSweepError: a store, the user's model or its data failed.
    """
    options = {
        "study.trials": trials, "training.epochs": epochs, "study.jobs": jobs, "study.seed": seed,
        "study.name": study, "study.storage": storage, "engine.name": engine,
    }  # fmt: skip
    with training("run", quiet) as stop:
        asked = asked_run(Sweep.asked(sweep, options), tracking_uri)
        train_with_tensorflow(say)
        run_asked(lambda: asked, stop, say)
    definition, uri = asked.sweep, asked.tracker
    return load_study(definition.study_name, storage=definition.study.storage, tracking_uri=uri)


def asked_run(sweep: Sweep, tracking_uri: str | None) -> Asked:
    """A sweep as it is run; the study keeps which store of MLflow a call has named."""
    definition, place = sweep.definition, str(sweep.source.file)
    choice = StoreChoice.checked(tracking_uri, os.environ.get("MLFLOW_RUN_ID"))
    choice.say_which_experiment(definition.tracking, place)
    uri = choice.uri(definition.tracking, place)
    tracking = definition.tracking.at(choice.option)
    definition = definition.model_copy(update={"tracking": tracking})
    return Asked(definition, sweep.source, definition.comparison, uri)


def compare(
    study: Study | str,
    *,
    rivals: Sequence[str] | None = None,
    trials: int | Mapping[str, int] | None = None,
    finalists: int | None = None,
    finalist_seeds: int | None = None,
    seeds: int | None = None,
    margin: float | None = None,
    searches: int | None = None,
    jobs: int | None = None,
    engine: str | None = None,
    storage: str | None = None,
    tracking_uri: str | None = None,
    quiet: bool = False,
) -> Study:
    """Compare a stored study with rivals that are tuned as it was, as `clr-sweep compare`.

    The same call starts or continues.

    Args:
        study: one that was run or loaded, or its name.
        rivals: the policies to compare with, each tuned by itself.
        trials: of each rival, or by its name.
        finalists, finalist_seeds, seeds, margin, searches, jobs, engine, storage, tracking_uri:
            as the options of `clr-sweep compare`.
        quiet: nothing is said of what goes on.

    Returns:
        The study, with its verdict.

    Raises:
        As `run`.
    """
    options: dict[str, Any] = {
        "rivals": rivals,
        "trials": dict(trials) if isinstance(trials, Mapping) else trials,
        "finalists": finalists, "finalist_seeds": finalist_seeds, "seeds": seeds,
        "margin": margin, "searches": searches, "jobs": jobs, "engine": engine,
    }  # fmt: skip
    given = {key: value for key, value in options.items() if value is not None}
    name = study.name if isinstance(study, Study) else study
    name = given_text("study", name, "a Study or its name")
    if storage is not None:
        given_text("storage", storage, "the URL of a study's storage")
    url = storage or (study.storage_url if isinstance(study, Study) else None)
    with training("compare", quiet) as stop:
        choice = StoreChoice.checked(tracking_uri, os.environ.get("MLFLOW_RUN_ID"))
        train_with_tensorflow(say)
        run_asked(lambda: stored_comparison(name, given, url, choice), stop, say)
    return load_study(name, storage=url, tracking_uri=tracking_uri)

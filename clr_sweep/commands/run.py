"""`clr-sweep run`: the server that trials are forked from is started, and then all the rest."""

from __future__ import annotations

import gc
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from clr_sweep.commands.mlflow_project import go_to_user, in_project
from clr_sweep.common.errors import InputError
from clr_sweep.common.scratch import scratch_folder
from clr_sweep.common.secrets import secrets_of
from clr_sweep.common.stopping import StopRequest
from clr_sweep.definition.shipped_sweeps import find_sweep
from clr_sweep.engines.local.engine import local_engine
from clr_sweep.training.keras_backend import train_with_tensorflow

if TYPE_CHECKING:
    from clr_sweep.definition.comparison import ComparisonConfig
    from clr_sweep.definition.sweep import Sweep
    from clr_sweep.study.part import SweepSource
    from clr_sweep.training.records import StudyRecord


def run_command(
    named: Path,
    options: Mapping[str, str],
    unknown_options: Sequence[str],
    stop: StopRequest,
    say: Callable[[str], None],
) -> tuple[str, bool]:
    """Start or continue the study of a sweep, as the command line says.

    Args:
        named: the sweep file as its user names it, or a shipped sweep.
        options: what stands on the command line in place of the file's values, by the option's
            name without its dashes.
        unknown_options: refused together with all else that is wrong.
        say: shows a line before anything is imported.

    Returns:
        What the study found, and whether a trial of it is complete.

    Raises:
        As `run_sweep`.
    """
    file = find_sweep(in_project(named, go_to_user()))
    run_id = os.environ.get("MLFLOW_RUN_ID")  # the engine will have taken it away
    train_with_tensorflow(say)
    study = run_sweep(file, lambda: _load(file, options, unknown_options, run_id), stop, say)
    from clr_sweep.results.report import summary

    return summary(study), study.best is not None


def _load(
    file: Path, options: Mapping[str, str], unknown_options: Sequence[str], run_id: str | None
) -> tuple[Sweep, str]:
    """The sweep with the options in place, and MLflow's store; all that is wrong with them."""
    from clr_sweep.definition.loading import OPTIONS, load_sweep
    from clr_sweep.definition.problems import unknown
    from clr_sweep.tracking.which_store import StoreChoice

    wrong = [f"{name}: {unknown('option', name, OPTIONS)}" for name in unknown_options]
    wrong += told_secrets(options, run_id)
    choice = StoreChoice.of(options.get("tracking-uri"), run_id)
    try:
        loaded = load_sweep(file, {OPTIONS[f"--{name}"]: text for name, text in options.items()})
        if (text := choice.problem(loaded.tracking, str(file))) is not None:
            wrong.append(text)
    except InputError as error:
        wrong += error.problems
    if wrong:
        raise InputError(wrong)
    choice.say_which_experiment(loaded.tracking, str(file))
    return loaded, choice.uri(loaded.tracking, str(file))


def told_secrets(options: Mapping[str, str], run_id: str | None) -> list[str]:
    """Passwords in the addresses of stores, which `mlflow run` has shown already.

    Args:
        options: by their names without dashes.
        run_id: of the run that it made, if it did.
    """
    from clr_sweep.definition.passwords import KEPT_BY

    return [
        f"--{name}: must hold no password under `mlflow run`, which has written it into the "
        f"parameters of the run {run_id}: delete that (`mlflow runs delete --run-id {run_id}`, "
        f"`mlflow gc`), and leave the password to {KEPT_BY[key]}"
        for name, key in (("storage", "study.storage"), ("tracking-uri", "tracking.uri"))
        if run_id and secrets_of(options.get(name, ""))
    ]


def run_sweep(
    file: Path, load: Callable[[], tuple[Sweep, str]], stop: StopRequest, say: Callable[[str], None]
) -> StudyRecord:
    """Start or continue the study of a sweep file, until `study.trials` trials have ended.

    Args:
        file: the sweep file.
        load: reads it, puts in place what the command line says otherwise, and finds the URI of
            MLflow's store.
        stop: looked at all the time; see `stop_request`.
        say: shows a line.

    Raises:
        InputError: anything wrong that can be known before the first trial.
        InterruptedSweepError: after Ctrl-C or SIGTERM.
        ClrSweepError: a store, the user's model or its data failed.
    """

    def asked() -> Asked:
        sweep, tracker = load()
        from clr_sweep.study.part import SweepSource

        return Asked(sweep, SweepSource.of(file), sweep.comparison, tracker)

    return run_asked(asked, stop, say)


class Asked(NamedTuple):
    """What a command is to run.

    Attributes:
        comparison: how the study is compared; None: it is not.
        tracker: the URI of MLflow's store.
        is_begun: it is a stored study that is compared: then the run that `mlflow run` made stands
            for the comparison, else for the study.
    """

    sweep: Sweep
    source: SweepSource
    comparison: ComparisonConfig | None
    tracker: str
    is_begun: bool = False


def run_asked(
    load: Callable[[], Asked], stop: StopRequest, say: Callable[[str], None]
) -> StudyRecord:
    """Run a study, and its comparison; see `run_sweep`.

    Args:
        load: reads what is asked for.
    """
    # Read before the engine takes it away from the processes it starts.
    adopted = os.environ.get("MLFLOW_RUN_ID")
    if stop and adopted is None:
        raise stop.error()
    with scratch_folder(), local_engine() as local:
        # What is asked is read, and MLflow and Optuna are imported, while the server imports Keras.
        gc.disable()
        sweep, source, comparison, tracker, is_begun = load()
        from clr_sweep.engines.chosen import chosen_engine
        from clr_sweep.search.places import studies_folder
        from clr_sweep.study.comparing import Adopted, compare_study
        from clr_sweep.study.stages import run_stages
        from clr_sweep.study.stores import open_stores

        keep_imports()
        with (
            open_stores(sweep.study.storage, tracker, adopted, stop) as client,
            chosen_engine(
                local,
                sweep,
                source.folders,
                lambda: studies_folder(sweep.study.storage, sweep.study_name),
            ) as engine,
        ):
            if comparison is None:
                return run_stages(sweep, source, engine, client, adopted, stop)
            runs = Adopted(None, adopted) if is_begun else Adopted(adopted)
            return compare_study(sweep, comparison, source, engine, client, runs, stop, say)


def keep_imports() -> None:
    """Leave all that is there out of garbage collection, and let it go on for the rest.

    What was imported stays. Looking at it for garbage again and again, and taking it to pieces at
    the end, took seconds of a sweep, and a sixth of the driver's time.
    """
    gc.freeze()
    gc.enable()
    gc.set_threshold(10_000, 5, 5)

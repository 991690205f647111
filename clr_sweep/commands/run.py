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
) -> Sweep:
    """The sweep with the options in place; everything that is wrong with both at once."""
    from clr_sweep.definition.loading import OPTIONS, load_sweep
    from clr_sweep.definition.problems import unknown

    wrong = [f"{name}: {unknown('option', name, OPTIONS)}" for name in unknown_options]
    wrong += storage_problems(options.get("storage", ""), run_id)
    try:
        loaded = load_sweep(file, {OPTIONS[f"--{name}"]: text for name, text in options.items()})
    except InputError as error:
        wrong += error.problems
    if wrong:
        raise InputError(wrong)
    return loaded


def storage_problems(url: str, run_id: str | None) -> list[str]:
    """A password in the address of a storage, which `mlflow run` has shown already.

    Args:
        run_id: of the run that it made, if it did.
    """
    if not run_id or not secrets_of(url):
        return []
    return [
        "--storage: must hold no password under `mlflow run`, which has written it into the "
        f"parameters of the run {run_id}: delete that (`mlflow runs delete --run-id {run_id}`, "
        "`mlflow gc`), and leave the password to the database's own ways, such as PGPASSWORD or "
        "~/.pgpass"
    ]


def run_sweep(
    file: Path, load: Callable[[], Sweep], stop: StopRequest, say: Callable[[str], None]
) -> StudyRecord:
    """Start or continue the study of a sweep file, until `study.trials` trials have ended.

    Args:
        file: the sweep file.
        load: reads it, and puts in place what the command line says otherwise.
        stop: looked at all the time; see `stop_request`.
        say: shows a line.

    Raises:
        InputError: anything wrong that can be known before the first trial.
        InterruptedSweepError: after Ctrl-C or SIGTERM.
        ClrSweepError: a store, the user's model or its data failed.
    """

    def asked() -> Asked:
        sweep = load()
        from clr_sweep.study.part import SweepSource

        return Asked(sweep, SweepSource.of(file), sweep.comparison)

    return run_asked(asked, stop, say)


class Asked(NamedTuple):
    """What a command is to run.

    Attributes:
        comparison: how the study is compared; None: it is not.
        is_begun: it is a stored study that is compared: then the run that `mlflow run` made stands
            for the comparison, else for the study.
    """

    sweep: Sweep
    source: SweepSource
    comparison: ComparisonConfig | None
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
        sweep, source, comparison, is_begun = load()
        from clr_sweep.engines.chosen import chosen_engine
        from clr_sweep.search.study_folder import STUDIES_FOLDER
        from clr_sweep.study.comparing import Adopted, compare_study
        from clr_sweep.study.stages import open_stores, run_stages

        keep_imports()
        with (
            open_stores(sweep.study.storage, adopted, stop) as client,
            chosen_engine(local, sweep, source.folders, Path.cwd() / STUDIES_FOLDER) as engine,
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

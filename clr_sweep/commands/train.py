"""`clr-sweep train`: train exactly what a file says, and hold it against what it records."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from mlflow.tracking import MlflowClient

from clr_sweep.commands.mlflow_project import go_to_user, in_project
from clr_sweep.common.errors import ClrSweepError, InputError, TrialFailedError
from clr_sweep.common.scratch import scratch_folder
from clr_sweep.common.secrets import hidden
from clr_sweep.common.standard_streams import aside
from clr_sweep.common.stopping import StopRequest
from clr_sweep.definition.study_config import StudyConfig
from clr_sweep.definition.sweep import ON_TEST_SET
from clr_sweep.engines.base import Died, Done, Engine, Failed, Message
from clr_sweep.engines.local.engine import local_engine
from clr_sweep.results.export import Exported, folders_of, read_exported
from clr_sweep.study.preparation import prepare_data
from clr_sweep.study.provenance import provenance
from clr_sweep.study.publishing import Publisher
from clr_sweep.study.slots import take_slots
from clr_sweep.study.trial_job import finished
from clr_sweep.tracking.experiments import experiment_id
from clr_sweep.tracking.find_runs import adopted_run
from clr_sweep.tracking.link import Link
from clr_sweep.tracking.store import connect
from clr_sweep.tracking.sweep_runs import SweepRuns
from clr_sweep.tracking.which_store import StoreChoice
from clr_sweep.training.folder import TrialFolder
from clr_sweep.training.records import TrialRecord
from clr_sweep.training.reports import State, TrialResult
from clr_sweep.training.requests import (
    RUN_TRIAL,
    DataFacts,
    Inspection,
    ModelIdentity,
    PreparedData,
    TrialJob,
)
from clr_sweep.training.unloadable import warning as unloadable


def train_config(named: Path, option: str | None, stop: StopRequest) -> str:
    """Train a configuration, log it as a run of its own, and say how it compares.

    Args:
        option: the URI of MLflow's store; None: see `StoreChoice`.

    Raises:
        InputError: the file is wrong, or its data is not the data recorded in it.
        TrialFailedError: the user's model or data code failed.
        InterruptedSweepError: after Ctrl-C or SIGTERM.
    """
    file = in_project(named, go_to_user())
    adopted = os.environ.get("MLFLOW_RUN_ID")
    if stop and adopted is None:
        raise stop.error()
    choice = StoreChoice.checked(option, adopted)
    exported = read_exported(file)
    choice.say_which_experiment(exported.tracking, str(file))
    client = connect(choice.uri(exported.tracking, str(file)))
    with scratch_folder() as scratch, local_engine() as engine, adopted_run(client, adopted):
        return _train_and_compare(exported, file, scratch, engine, client, adopted, stop)


def _train_and_compare(
    exported: Exported,
    file: Path,
    work: Path,
    engine: Engine,
    client: MlflowClient,
    adopted: str | None,
    stop: StopRequest,
) -> str:
    folders = folders_of(exported, file)
    take_slots(engine, StudyConfig(jobs=1), work, stop)
    facts = prepare_data(engine, exported.config.dataset, folders, work, stop)
    _refuse_other_data(exported, facts, file)
    publisher = _publisher(client, exported, file, facts, folders)
    record = TrialRecord(
        "train",
        exported.provenance.get("trial_number"),
        "running",
        None,
        exported.config,
        work / "trial",
        provenance=provenance(folders[0]),
    )
    publisher.trial_started(record, adopted)

    def found(model: ModelIdentity | None) -> None:
        if another := exported.another_model(model, file):
            _say(f"warning: {another}; to train that one again, put its code back")

    try:
        result = _train(engine, record, facts, folders, publisher, stop, found)
    except ClrSweepError as error:
        state: State = "failed" if error.exit_status == 1 else "interrupted"
        publisher.trial_stopped(record, state, hidden(str(error)))
        raise
    done = finished(record, result)
    publisher.trial_ended(done)
    if text := unloadable(record.label, TrialFolder(record.folder).signature()):
        _say(f"warning: {text}")
    another = exported.another_model(done.model, file)
    return "\n".join(_outcome(exported, done, publisher.run_id(done), another))


def _train(
    engine: Engine,
    record: TrialRecord,
    facts: PreparedData,
    folders: tuple[Path, ...],
    publisher: Publisher,
    stop: StopRequest,
    on_model: Callable[[ModelIdentity | None], None],
) -> TrialResult:
    """Train it.

    Args:
        on_model: told what the model is, once it has taken its first steps.
    """
    job = TrialJob(
        record.config,
        facts.stored,
        record.folder,
        folders,
        record.kind,
        record.number,
        inspect=True,
        with_test=record.config.training.is_tested and not record.config.dataset.on_test_set,
    )
    engine.start("train", RUN_TRIAL, job, TrialFolder(record.folder).log_file)
    while True:
        for event in engine.wait(timeout=0.5):
            if isinstance(event, Message):
                engine.answer(event.key, True)
                if isinstance(event.value, Inspection):
                    on_model(event.value.model)
                else:
                    publisher.epochs(record, [event.value])
            elif isinstance(event, Done):
                result: TrialResult = event.value
                return result
            elif isinstance(event, Failed) and isinstance(event.error, ClrSweepError):
                raise event.error
            elif isinstance(event, Failed):
                raise TrialFailedError(f"the training failed:\n{event.traceback}")
            elif isinstance(event, Died):
                raise ClrSweepError(f"the training failed: {event.reason}")
        if stop:
            raise stop.error()


def _publisher(
    client: MlflowClient,
    exported: Exported,
    file: Path,
    facts: DataFacts,
    folders: tuple[Path, ...],
) -> Publisher:
    study = str(exported.provenance.get("study", file.stem))
    objective = exported.config.objective
    maximize = objective.direction == "maximize"
    experiment = experiment_id(client, study, objective.metric, maximize, written=exported.tracking)
    runs = SweepRuns(client, experiment, study, "", facts)
    return Publisher(runs, Link(_say), folders, facts.digest)


def _say(text: str) -> None:
    aside(text, sys.stderr)


def _refuse_other_data(exported: Exported, facts: DataFacts, file: Path) -> None:
    recorded = exported.provenance.get("data_digest")
    if recorded is not None and recorded != facts.digest:
        raise InputError(
            f"provenance.data_digest: the configuration was trained on data with SHA-256 "
            f"{recorded}, but {facts.source} has {facts.digest}",
            str(file),
        )


def _outcome(
    exported: Exported, record: TrialRecord, run_id: str | None, another: str
) -> list[str]:
    """What was found beside what is recorded.

    Args:
        another: see `Exported.another_model`.
    """
    found: dict[str, Any] = {**record.metrics, **record.test_metrics}
    lines = [f"{record.state}" + (f": {record.reason}" if record.reason else "")]
    lines += [f"  {name}: {value!r}" for name, value in sorted(found.items())]
    if record.config.dataset.on_test_set:
        lines.append(ON_TEST_SET)
    if run_id:
        lines.append(f"MLflow run {run_id}")
    if not exported.metrics:
        return [*lines, another] if another else lines
    differing = [
        f"  {name}: recorded {value!r}, found {found.get(name)!r}"
        for name, value in exported.metrics.items()
        if found.get(name) != value
    ]
    if another:
        so = "; the metrics are of two models:" if differing else ""
        return [*lines, f"{another}{so}", *differing]
    if not differing:
        return [*lines, f"reproduced: all {len(exported.metrics)} recorded metrics, to the bit"]
    return [
        *lines,
        "not reproduced to the bit (another processor or other package versions do that):",
        *differing,
    ]

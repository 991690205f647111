"""The run that stands for a whole study: opened with its settings, by `run` and by `doctor`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

import optuna
from mlflow.tracking import MlflowClient

from clr_sweep import __version__
from clr_sweep.common.secrets import hidden_address
from clr_sweep.definition.dimensions import Range, RatioRange
from clr_sweep.definition.metrics import is_positive
from clr_sweep.definition.search_space import SCHEDULE_KEYS
from clr_sweep.definition.storage_urls import absolute
from clr_sweep.definition.sweep import Sweep
from clr_sweep.schedules.policies import DECAYING
from clr_sweep.search.attributes import FACTS, STUDY_ID, SWEEP_TEXT
from clr_sweep.search.places import Places
from clr_sweep.search.reading import stored_sweep
from clr_sweep.study.outcome import best_told, outcome
from clr_sweep.study.part import SweepSource
from clr_sweep.study.publishing import Publisher
from clr_sweep.tracking import tags
from clr_sweep.tracking.experiments import experiment_id
from clr_sweep.tracking.find_runs import experiment_of
from clr_sweep.tracking.link import Link
from clr_sweep.tracking.sweep_runs import SweepRuns
from clr_sweep.tracking.views import save_view
from clr_sweep.training.data.named import each
from clr_sweep.training.records import StudyRecord
from clr_sweep.training.requests import DataFacts


def stored_facts(data: DataFacts, source: SweepSource, folder: Path) -> dict[str, Any]:
    """What a study keeps of its data and its files, for those who have only the study.

    Args:
        folder: the study's.
    """
    # Of the data alone, not where they are prepared.
    known = asdict(data)
    return {
        "data_digest": data.digest,
        "data": {field.name: known[field.name] for field in fields(DataFacts)},
        "sweep_file": source.file.name,
        "sweep_argument": _as_named(source.file, folder) if source.is_written else "",
        "folder": str(folder),
        "search_path": [str(folder) for folder in source.folders],
    }


def _as_named(file: Path, folder: Path) -> str:
    """The sweep file as a command names it where the study was started, which may be moved."""
    started_in = folder.parent.parent
    return str(file.relative_to(started_in) if file.is_relative_to(started_in) else file)


def is_described(study: optuna.Study) -> bool:
    """Whether a study holds what its runs are made from; those of earlier versions do not."""
    attributes = study.user_attrs
    facts = attributes.get(FACTS, {})
    return STUDY_ID in attributes and {"data", "folder", "search_path"} <= facts.keys()


def publisher_of(
    study: optuna.Study, client: MlflowClient, link: Link, experiment: str | None = None
) -> Publisher:
    """What shows a stored study in MLflow.

    Args:
        experiment: where to look; None: the one that this process is told to write into, else
            the one that the study is in, else a new one.
    """
    facts: Mapping[str, Any] = study.user_attrs[FACTS]
    data = facts["data"]
    runs = SweepRuns(
        client,
        experiment or _experiment(study, client),
        study.study_name,
        study.user_attrs[STUDY_ID],
        DataFacts(**{**data, "input_shape": each(data["input_shape"], tuple)}),
        with_gamma=_has_gamma(stored_sweep(study)),
    )
    folders = tuple(Places(study).whole(folder) for folder in facts["search_path"])
    return Publisher(runs, link, folders, facts["data_digest"])


def open_runs(
    study: optuna.Study,
    record: StudyRecord,
    publisher: Publisher,
    url: str,
    adopted: str | None,
    say: Callable[[str], None],
) -> None:
    """Open the sweep's run and bring those below it in line with the study as it was.

    Args:
        url, adopted: as for `open_parent`.
        say: shows a line.
    """
    open_parent(study, publisher, url, adopted)
    for problem in publisher.reconcile(record):
        say(f"MLflow, mended: {problem}")


def open_parent(study: optuna.Study, publisher: Publisher, url: str, adopted: str | None) -> None:
    """Open the parent run: its settings and the sweep file.

    Args:
        url: of the study's storage; its password is not told.
        adopted: the run that `mlflow run` made, if it did.
    """
    runs, sweep = publisher.runs, stored_sweep(study)
    parent = runs.open_parent(adopted, hidden_address(absolute(url)), __version__)
    runs.log_params(parent, _settings(sweep))
    runs.client.log_text(
        parent, study.user_attrs[SWEEP_TEXT], f"sweep/{study.user_attrs[FACTS]['sweep_file']}"
    )
    objective, sampled = sweep.objective, _sampled_parameters(sweep)
    maximize = objective.direction == "maximize"
    save_view(
        runs.client, runs.experiment_id, study.study_name, objective.metric, maximize, sampled,
        [sweep.training.reported(name) for name in sweep.training.measured],
        loss_is_positive=all(is_positive(one.loss.name) for one in sweep.training.outputs),
    )  # fmt: skip


def _experiment(study: optuna.Study, client: MlflowClient) -> str:
    sweep = stored_sweep(study)
    return experiment_id(
        client,
        sweep.name,
        sweep.objective.metric,
        sweep.objective.direction == "maximize",
        experiment_of(client, study.user_attrs[STUDY_ID]),
        sweep.tracking,
    )


def _settings(sweep: Sweep) -> dict[str, object]:
    """The study's settings as parameters of the parent.

    Under dotted names: MLflow logs the bare ones (trials, epochs, ...) itself for `mlflow run`,
    and the same name with another text would be refused. What may change from start to start
    is left out, since a parameter cannot change.
    """
    training, start = sweep.training, sweep.study.warm_start
    return {
        "dataset.name": sweep.dataset.name,
        "dataset.validation": sweep.dataset.validation,
        "model.name": sweep.model.name,
        **({"training.optimizer": training.optimizer.name} if training.names_optimizer else {}),
        "training.batch_size": training.batch_size,
        "training.epochs": training.epochs,
        "training.loss": str(training.loss),
        "training.metrics": ", ".join(
            metric if one.name is None else f"{one.name}: {metric}"
            for one in training.outputs
            for metric in one.metrics
        )
        or "none",
        **_weights(sweep),
        **_early_stopping(sweep),
        "objective.metric": sweep.objective.metric,
        "objective.direction": sweep.objective.direction,
        "objective.at": sweep.objective.at,
        "study.sampler": str(sweep.study.sampler),
        "study.pruner": str(sweep.study.pruner),
        "study.seed": sweep.study.seed,
        "study.start_with": len(sweep.study.start_with),
        **({} if start is None else {"study.warm_start": start.describe()}),
        "study.deterministic": sweep.study.deterministic,
        "baseline.policy": sweep.baseline.policy,
        "baseline.learning_rate": sweep.baseline.learning_rate,
    }


def _weights(sweep: Sweep) -> dict[str, object]:
    training = sweep.training
    given = {"class_weight": training.class_weights, "sample_weight": training.sample_weight}
    return {f"training.{key}": value for key, value in given.items() if value is not None}


def _early_stopping(sweep: Sweep) -> dict[str, object]:
    rule = sweep.training.early_stopping
    values = {} if rule is None else rule.model_dump()
    return {f"training.early_stopping.{key}": value for key, value in values.items()}


def _sampled_parameters(sweep: Sweep) -> list[str]:
    """The hyperparameters that differ from trial to trial, as the children name them."""
    space, kinds = sweep.search_space, (Range, RatioRange, tuple)
    dimensions = {key: getattr(space, key) for key in SCHEDULE_KEYS} | space.further
    # Those that a range test has not given yet are None.
    return [
        key
        for key, dimension in dimensions.items()
        if dimension is None or isinstance(dimension, kinds)
    ]


def _has_gamma(sweep: Sweep) -> bool:
    return any(name in DECAYING for name in sweep.search_space.cyclical_policies)


def parent_problems(publisher: Publisher, study: StudyRecord) -> list[str]:
    """What is wrong with the run that stands for the sweep; `parent_id` is set to it."""
    runs = publisher.runs
    parents = runs.parents()
    if not parents:
        return ["the sweep has no run in MLflow"]
    parent = parents[0]
    runs.parent_id = parent.info.run_id
    problems = [] if len(parents) == 1 else [f"the sweep has {len(parents)} runs in MLflow"]
    status = tags.STATUS_OF_STATE[study.state]
    if (parent.data.tags.get(tags.STATE), parent.info.status) != (study.state, status):
        problems.append(
            f"the sweep's run is {parent.data.tags.get(tags.STATE)}, {parent.info.status}, "
            f"not {study.state}, {status}"
        )
    expected = outcome(study)
    files = ["best.yaml", "figures/history.png", "report.html"] if expected else []
    if study.comparison is not None:
        files = ["figures/verdict.png"] if expected else []
    there = runs.files(parent.info.run_id)
    problems += [f"the sweep's run has no {name}" for name in files if name not in there]
    told, name = best_told(runs, f"best_{study.metric}"), f"best_{study.metric}"
    wrong = [step for step, value in study.best_values().items() if told.get(step) != value]
    if wrong:
        problems.append(f"the sweep's run has not the {name} of {len(wrong)} of its trials")
    metrics = parent.data.metrics
    problems += [
        f"the sweep's run says {name} is {metrics.get(name)}, not {value}"
        for name, value in expected.items()
        if metrics.get(name) != value
    ]
    return problems

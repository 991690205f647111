"""What MLflow is told, and when: figures, models and notes of trials and of the whole study.

A tracker that fails never stops a training: what could not be logged is counted, shown, and
logged by `complete` at the end of the sweep or by the next start.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, ParamSpec

from mlflow.exceptions import MlflowException
from requests import RequestException
from sqlalchemy.exc import SQLAlchemyError

from clr_sweep.config import SCHEDULE_KEYS, Sweep
from clr_sweep.dimensions import Range, RatioRange
from clr_sweep.records import EpochReport, StudyRecord, TrialRecord
from clr_sweep.results.comparison import compare
from clr_sweep.results.export import Origin, as_yaml
from clr_sweep.results.figures import learning_rate_figure, loss_figure, study_figures
from clr_sweep.results.report import markdown, trial_markdown
from clr_sweep.tracking import tags
from clr_sweep.tracking.models import log_keras_model
from clr_sweep.tracking.runs import SweepRuns
from clr_sweep.tracking.views import view_link
from clr_sweep.training.folder import TrialFolder

P = ParamSpec("P")
logger = logging.getLogger("clr_sweep")

# The parent's figures are drawn anew at most so often while the sweep runs.
REFRESH_SECONDS = 60.0
_TRACKER_ERRORS = (MlflowException, SQLAlchemyError, RequestException, OSError)


class Publisher:
    """Shows a study in MLflow while it runs.

    Args:
        runs: the study's runs.
        search_path: folders in which a module of the user's is looked for.
        data_digest: goes into the exported configuration.
    """

    def __init__(self, runs: SweepRuns, search_path: tuple[Path, ...], data_digest: str) -> None:
        self.runs = runs
        self.failures = 0
        self._search_path = search_path
        self._data_digest = data_digest
        self._run_ids: dict[str, str] = {}
        self._told: dict[str, int] = {}  # the last epoch
        # Trials that have begun and not ended here; of these, what was not told is told anew.
        self._open: set[str] = set()
        self._incomplete: set[str] = set()
        self._refreshed = 0.0

    def adopt_children(self, study: StudyRecord) -> None:
        """Bring the children in line with the study, at the start and after failures.

        A trial that has ended keeps its run if that is whole, and is logged anew from its folder
        if not; the run of a trial that will start again is deleted: its numbers come again.
        """
        records = {_key(record): record for record in _all(study)}
        for key, run in self.runs.children():
            record = records.get(key)
            state = run.data.tags.get(tags.STATE)
            whole = record is not None and state == record.state and run.info.status != "RUNNING"
            again = record is not None and record.state in ("interrupted", "running")
            if whole and not again and key not in self._run_ids:
                self._run_ids[key] = run.info.run_id
            else:
                self.runs.delete(run.info.run_id)
        for key, record in records.items():
            if key not in self._run_ids and record.state not in ("interrupted", "running"):
                self._log_again(record)

    def trial_started(self, record: TrialRecord, adopted: str | None = None) -> None:
        if not self._try(self._start, record, adopted):
            self._incomplete.add(_key(record))

    def epoch(self, record: TrialRecord, report: EpochReport) -> None:
        if not self._try(self._epoch, record, report):
            self._incomplete.add(_key(record))

    def trial_ended(self, record: TrialRecord) -> None:
        self._try(self._end, record)

    def trial_stopped(self, record: TrialRecord, state: str, reason: str) -> None:
        """A trial that was ended from outside: by a signal, or by the end of the sweep."""
        self._open.discard(_key(record))
        if (run_id := self._run_ids.pop(_key(record), None)) is not None:
            self._try(self.runs.end, run_id, state, reason)

    def tested(self, record: TrialRecord) -> None:
        if record.test_metrics and _key(record) in self._run_ids:
            run_id = self._run_ids[_key(record)]
            self._try(self.runs.log_test_metrics, run_id, record.test_metrics)

    def refresh(self, study: StudyRecord, planned: int, *, now: bool = False) -> None:
        """The parent's note, best-so-far metric and figures; the figures only now and then."""
        self._try(self._summarise, study, planned)
        if now or time.monotonic() - self._refreshed > REFRESH_SECONDS:
            self._try(self.runs.log_figures, self.runs.parent_id, study_figures(study))
            self._refreshed = time.monotonic()

    def finish(self, study: StudyRecord, planned: int, best_file: Path) -> None:
        """What the parent holds in the end; what failed before is completed first."""
        if self.failures:
            self.failures = 0
            self._run_ids.clear()
            self._try(self.adopt_children, study)
        self._try(self._conclude, study, best_file)
        self.refresh(study, planned, now=True)
        self._try(self.runs.end, self.runs.parent_id, "complete")

    def stopped(self, study: StudyRecord | None, planned: int, state: str, reason: str) -> None:
        """The sweep ended before its end; `study` is None where it can be read no more."""
        for key in sorted(self._open & self._run_ids.keys()):
            self._try(self.runs.end, self._run_ids[key], "interrupted", reason)
        if study is not None:
            self._try(self._summarise, study, planned)
        self._try(self.runs.end, self.runs.parent_id, state, reason)

    def run_id(self, record: TrialRecord) -> str | None:
        return self._run_ids.get(_key(record))

    def best_yaml(self, study: StudyRecord) -> str | None:
        """The best configuration as `clr-sweep export` writes it, None while there is none."""
        best = study.best
        if best is None:
            return None
        origin = Origin(self.run_id(best), self._data_digest, best.provenance)
        return as_yaml(study, best, origin)

    def _start(self, record: TrialRecord, adopted: str | None = None) -> None:
        key = _key(record)
        self._open.add(key)
        self._told.pop(key, None)
        self._run_ids[key] = self.runs.start_child(record, adopted)

    def _epoch(self, record: TrialRecord, report: EpochReport) -> None:
        key = _key(record)
        self.runs.log_epoch(self._run_ids[key], report, record.config.objective.metric)
        self._told[key] = report.epoch

    def _end(self, record: TrialRecord) -> None:
        key = _key(record)
        if key in self._incomplete and record.kind != "train":
            # Only a run that is whole gets its end state; see adopt_children.
            if (run_id := self._run_ids.pop(key, None)) is not None:
                self.runs.delete(run_id)
            self._log_again(record)
        else:
            # The epoch in which a trial diverges is not reported for pruning; it is shown.
            for report in record.reports:
                if report.epoch > self._told.get(key, 0):
                    self._epoch(record, report)
            self._conclude_child(record)
        self._open.discard(key)
        self._incomplete.discard(key)

    def _conclude_child(self, record: TrialRecord) -> None:
        run_id = self._run_ids[_key(record)]
        folder = TrialFolder(record.folder)
        if record.state in ("complete", "pruned") and folder.model_file.exists():
            log_keras_model(
                run_id,
                folder.model_file,
                record.config,
                self._search_path,
                _epoch_of_model(record),
                record.metrics,
            )
        self.runs.finish_child(run_id, record, trial_markdown(record), _trial_figures(record))

    def _log_again(self, record: TrialRecord) -> None:
        self._start(record)
        for report in record.reports:
            self._epoch(record, report)
        self._conclude_child(record)
        self._open.discard(_key(record))

    def _summarise(self, study: StudyRecord, planned: int) -> None:
        parent = self.runs.parent_id
        charts, table = (
            view_link(self.runs.experiment_id, self.runs.study, mode) for mode in ("CHART", "TABLE")
        )
        links = f"All trials: [charts]({charts}), [table]({table})."
        self.runs.note(parent, markdown(study, planned, links))
        best = study.best
        if best is not None and best.value is not None:
            done = len(study.trials) - study.count("running") - study.count("interrupted")
            self.runs.log_metrics(parent, {f"best_{study.metric}": best.value}, step=done)

    def _conclude(self, study: StudyRecord, best_file: Path) -> None:
        best = study.best
        if best is None:
            return
        parameters = {
            "best.trial_number": best.number,
            **{f"best.{key}": value for key, value in _schedule(best).items()},
        }
        there = self.runs.client.get_run(self.runs.parent_id).data.params
        if any(key in there and there[key] != str(value) for key, value in parameters.items()):
            self.runs.replace_parent()
        self.runs.log_params(self.runs.parent_id, parameters)
        comparison = compare(study)
        values = {
            **{f"best_{key}": value for key, value in best.metrics.items() if key != study.metric},
            **{f"best_{key}": value for key, value in best.test_metrics.items()},
        }
        if comparison.baseline is not None:
            both = {**comparison.baseline.metrics, **comparison.baseline.test_metrics}
            values |= {f"baseline_{key}": value for key, value in both.items()}
        values["sweep_cpu_seconds"] = sum(record.cpu_seconds for record in _all(study))
        self.runs.log_metrics(self.runs.parent_id, values)
        if (run_id := self.run_id(best)) is not None:
            self.runs.link_model(self.runs.parent_id, run_id)
        if (text := self.best_yaml(study)) is not None:
            best_file.write_text(text, encoding="utf-8")
            self.runs.log_text(self.runs.parent_id, text, "best.yaml")

    def _try(self, call: Callable[P, Any], *args: P.args, **kwargs: P.kwargs) -> bool:
        try:
            call(*args, **kwargs)
            return True
        except (*_TRACKER_ERRORS, KeyError) as error:
            # A KeyError: the run of this trial could not be made before.
            self.failures += 1
            if not isinstance(error, KeyError):
                logger.warning("MLflow could not be told: %s", str(error).split("\n")[0])
            return False


def sweep_settings(sweep: Sweep) -> dict[str, object]:
    """The study's settings as parameters of the parent.

    Under dotted names: MLflow logs the bare ones (trials, epochs, ...) itself for `mlflow run`,
    and the same name with another text would be refused. What may change from start to start
    is left out, since a parameter cannot change.
    """
    training = sweep.training
    return {
        "dataset.name": sweep.dataset.name,
        "dataset.validation": sweep.dataset.validation,
        "model.name": sweep.model.name,
        "training.optimizer": training.optimizer.name,
        "training.batch_size": training.batch_size,
        "training.epochs": training.epochs,
        "training.loss": training.loss,
        "objective.metric": sweep.objective.metric,
        "objective.direction": sweep.objective.direction,
        "objective.at": sweep.objective.at,
        "study.sampler": sweep.study.sampler,
        "study.pruner": sweep.study.pruner,
        "study.seed": sweep.study.seed,
        "baseline.learning_rate": sweep.baseline.learning_rate,
    }


def sampled_parameters(sweep: Sweep) -> list[str]:
    """The hyperparameters that differ from trial to trial, as the children name them."""
    space = sweep.search_space
    dimensions = {key: getattr(space, key) for key in SCHEDULE_KEYS} | dict(space.further)
    kinds = (Range, RatioRange, tuple)
    return [key for key, dimension in dimensions.items() if isinstance(dimension, kinds)]


def _trial_figures(record: TrialRecord) -> Mapping[str, Any]:
    figures: dict[str, Any] = {}
    if (curve := TrialFolder(record.folder).curve()) is not None:
        rates, losses = curve
        figures["learning_rate.png"] = learning_rate_figure(
            range(len(rates)), rates, losses, record
        )
    if record.reports:
        figures["loss.png"] = loss_figure(record)
    return figures


def _epoch_of_model(record: TrialRecord) -> int:
    """The epoch whose weights a trial kept: the last one, or the best where that is scored."""
    epochs = [report.epoch for report in record.reports if report.metrics == record.metrics]
    return epochs[0] if epochs else len(record.reports)


def _schedule(record: TrialRecord) -> dict[str, object]:
    keys = ("init_lr", "max_lr", "step_size_factor", "step_size", "policy", "gamma")
    values = record.config.schedule.model_dump()
    further = {key: value for key, value in record.params.items() if key not in values}
    return {key: values[key] for key in keys} | further


def _key(record: TrialRecord) -> str:
    return "baseline" if record.number is None else str(record.number)


def _all(study: StudyRecord) -> tuple[TrialRecord, ...]:
    return study.trials if study.baseline is None else (study.baseline, *study.trials)

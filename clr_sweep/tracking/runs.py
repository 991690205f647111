"""A sweep's runs in MLflow: one parent, a child for each trial, a child for the baseline.

Every call names its run: MLflow's fluent interface keeps an active run for each thread, and ends
only its own thread's run when the process goes.
"""

from __future__ import annotations

import contextlib
import getpass
import json
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mlflow.entities import Dataset, DatasetInput, InputTag, Metric, Param, Run, RunTag
from mlflow.exceptions import MlflowException
from mlflow.tracking import MlflowClient

from clr_sweep.records import EpochReport, TrialRecord
from clr_sweep.tracking import tags
from clr_sweep.tracking.models import model_of_run
from clr_sweep.training.folder import TrialFolder
from clr_sweep.training.requests import DataFacts


class SweepRuns:
    """Writes the runs of one study into one experiment.

    Args:
        client: of the store.
        experiment_id: where the runs are.
        study: the study's name, by which its runs are found again.
        data: logged as the input of every child.
    """

    def __init__(
        self, client: MlflowClient, experiment_id: str, study: str, data: DataFacts | None
    ) -> None:
        self.client = client
        self.experiment_id = experiment_id
        self.study = study
        self.parent_id = ""
        self._data = data

    def open_parent(self, adopted: str | None, storage: str, version: str) -> str:
        """The parent run: the one `mlflow run` made, the one this study had, or a new one.

        Where `mlflow run` starts a study again it has made a new run. The children move to it,
        and the old parent, with nothing below it, is deleted (MLflow keeps it restorable), so
        that there is one tree with every trial once.
        """
        before = self._find(f"tags.`{tags.KIND}` = 'sweep'")
        if adopted is not None:
            self.parent_id = adopted
            self.client.update_run(adopted, name=self.study)
        elif before:
            self.parent_id = before[0].info.run_id
            self.client.update_run(self.parent_id, status="RUNNING")
        else:
            self.parent_id = self._new_run(self.study, {})
        self._tag(
            self.parent_id,
            {
                tags.KIND: "sweep",
                tags.STATE: "running",
                tags.STUDY: self.study,
                tags.STORAGE: storage,
                tags.VERSION: version,
            },
        )
        self._log_input(self.parent_id)
        for old in before:
            if old.info.run_id != self.parent_id:
                self._move_children(old.info.run_id)
        return self.parent_id

    def replace_parent(self) -> str:
        """A new parent in place of this one: its parameters, once logged, cannot change."""
        old = self.client.get_run(self.parent_id)
        own = {key: value for key, value in old.data.tags.items() if key.startswith("clr_sweep.")}
        self.parent_id = self._new_run(self.study, own)
        self._log_input(self.parent_id)
        self._move_children(old.info.run_id)
        return self.parent_id

    def children(self) -> list[tuple[str, Run]]:
        """The children there are, each after its trial number as text, or `baseline`."""
        kinds = ("trial", "baseline")
        found = [run for kind in kinds for run in self._find(f"tags.`{tags.KIND}` = '{kind}'")]
        return [(_child_key(run), run) for run in found]

    def start_child(self, record: TrialRecord, adopted: str | None = None) -> str:
        """A run for a trial that begins, new or adopted: its parameters, tags and input."""
        config, schedule = record.config, record.config.schedule
        name = "baseline" if record.number is None else f"trial-{record.number:03d}"
        own = {
            tags.KIND: record.kind,
            tags.STATE: record.state,
            tags.STUDY: self.study,
        }
        if self.parent_id:
            own[tags.PARENT] = self.parent_id
        if record.number is not None:
            own[tags.TRIAL_NUMBER] = str(record.number)
        if adopted is None:
            run_id = self._new_run(name, own)
        else:
            run_id = adopted
            self._tag(run_id, own)
        # Every child has every parameter, as the same type: parallel coordinates drop a run that
        # lacks one. Without cycles the sizes are 0 and gamma is 1.
        parameters = {
            "init_lr": schedule.init_lr,
            "max_lr": schedule.max_lr,
            "step_size_factor": schedule.step_size_factor,
            "step_size": schedule.step_size,
            "policy": schedule.policy,
            "gamma": schedule.gamma,
            "seed": config.seed,
            "steps": config.steps,
            "batch_size": config.training.batch_size,
            "epochs": config.training.epochs,
            "optimizer": config.training.optimizer.name,
            "model": config.model.name,
            "dataset": config.dataset.name,
            **config.training.optimizer.arguments,
            **{f"model.{key}": value for key, value in config.model.arguments.items()},
        }
        self.log_params(run_id, parameters)
        self._log_input(run_id)
        return run_id

    def log_epoch(self, run_id: str, report: EpochReport, first: str = "") -> None:
        """An epoch's metrics (counted from 1, so that the UI draws lines) and thinned steps.

        Args:
            first: the metric to log first; of those that all compared runs have, the UI's
                parallel coordinates show the one that was logged first.
        """
        now = _now()
        values = {**report.metrics, "cpu_seconds": report.cpu_seconds}
        values = {key: values[key] for key in sorted(values, key=lambda key: key != first)}
        metrics = [Metric(key, value, now, report.epoch) for key, value in values.items()]
        for point in report.points:
            metrics.append(Metric("learning_rate", point.learning_rate, now, point.step))
            if point.batch_loss is not None:
                metrics.append(Metric("batch_loss", point.batch_loss, now, point.step))
        self._log_metrics(run_id, metrics)

    def finish_child(
        self, run_id: str, record: TrialRecord, note: str, figures: Mapping[str, Any]
    ) -> None:
        """What a trial leaves: figures, files, state and reason; the model is logged before."""
        folder = TrialFolder(record.folder)
        seconds = {
            "trial_cpu_seconds": record.cpu_seconds,
            "trial_wall_seconds": record.wall_seconds,
        }
        self.log_metrics(run_id, seconds)
        self.log_test_metrics(run_id, record.test_metrics)
        self.log_figures(run_id, figures)
        if folder.curve_file.exists():
            self.client.log_artifact(run_id, str(folder.curve_file), "curves")
        if record.state == "failed" and folder.log_file.exists():
            self.client.log_artifact(run_id, str(folder.log_file))
        self.client.log_dict(run_id, record.config.model_dump(mode="json"), "config.yaml")
        self.note(run_id, note)
        self.end(run_id, record.state, record.reason)

    def end(self, run_id: str, state: str, reason: str | None = None) -> None:
        """The end state of a run, in our tags and in MLflow's status."""
        own = {tags.STATE: state}
        if reason:
            own[tags.REASON] = reason
        self._tag(run_id, own)
        self.client.set_terminated(run_id, tags.STATUS_OF_STATE[state])

    def log_params(self, run_id: str, parameters: Mapping[str, object]) -> None:
        """Log parameters, leaving out those that the run has already with this value."""
        there = self.client.get_run(run_id).data.params
        new = [
            Param(key, str(value)[: tags.PARAM_LIMIT])
            for key, value in parameters.items()
            if there.get(key) != str(value)
        ]
        for first in range(0, len(new), tags.PARAM_BATCH):
            self.client.log_batch(run_id, params=new[first : first + tags.PARAM_BATCH])

    def log_metrics(self, run_id: str, values: Mapping[str, float], step: int = 0) -> None:
        """Log metrics, leaving out those that the run has at this step with this value."""
        there = self.client.get_run(run_id).data.metrics
        now = _now()
        new = [
            Metric(key, value, now, step)
            for key, value in values.items()
            if key not in there or not self._is_logged(run_id, key, value, step)
        ]
        self._log_metrics(run_id, new)

    def log_test_metrics(self, run_id: str, values: Mapping[str, float]) -> None:
        """Metrics of a run on the test set, which are its model's too."""
        there = self.client.get_run(run_id).data.metrics
        model = model_of_run(self.client, run_id)
        model_id = model.model_id if model else None
        now = _now()
        new = [
            Metric(key, value, now, 0, model_id=model_id, run_id=run_id)
            for key, value in values.items()
            if there.get(key) != value
        ]
        self._log_metrics(run_id, new)

    def link_model(self, run_id: str, child_id: str) -> None:
        """Name the model of a child as an output of another run too."""
        there = self.client.get_run(run_id).outputs
        known = {output.model_id for output in there.model_outputs} if there else set()
        model = model_of_run(self.client, child_id)
        if model is not None and model.model_id not in known:
            self.client.log_outputs(run_id, [model])

    def log_figures(self, run_id: str, figures: Mapping[str, Any]) -> None:
        """Figures as PNG artifacts in the folder `figures`."""
        for name, figure in figures.items():
            self.client.log_figure(run_id, figure, f"figures/{name}")

    def log_text(self, run_id: str, text: str, name: str) -> None:
        self.client.log_text(run_id, text, name)

    def note(self, run_id: str, markdown: str) -> None:
        """The Markdown that the UI shows on top of a run's page."""
        self._tag(run_id, {tags.NOTE: markdown})

    def delete(self, run_id: str) -> None:
        self.client.delete_run(run_id)

    def _is_logged(self, run_id: str, key: str, value: float, step: int) -> bool:
        history = self.client.get_metric_history(run_id, key)
        return any(item.step == step and item.value == value for item in history)

    def _new_run(self, name: str, own: Mapping[str, str]) -> str:
        run = self.client.create_run(self.experiment_id, run_name=name, tags={**_origin(), **own})
        return str(run.info.run_id)

    def _move_children(self, old_parent: str) -> None:
        for run in self._find(f"tags.`{tags.PARENT}` = '{old_parent}'"):
            self.client.set_tag(run.info.run_id, tags.PARENT, self.parent_id)
        self.client.set_terminated(old_parent, "KILLED")
        self.client.delete_run(old_parent)

    def _find(self, condition: str) -> list[Run]:
        query = f"tags.`{tags.STUDY}` = '{self.study}' AND {condition}"
        found: list[Run] = []
        token: str | None = None
        while True:
            page = self.client.search_runs(
                [self.experiment_id], query, max_results=1000, page_token=token
            )
            found += page
            token = page.token
            if not token:
                return found

    def _tag(self, run_id: str, own: Mapping[str, str]) -> None:
        entities = [RunTag(key, value[: tags.TAG_LIMIT]) for key, value in own.items()]
        self.client.log_batch(run_id, tags=entities)

    def _log_metrics(self, run_id: str, metrics: Sequence[Metric]) -> None:
        for first in range(0, len(metrics), tags.METRIC_BATCH):
            self.client.log_batch(run_id, metrics=metrics[first : first + tags.METRIC_BATCH])

    def _log_input(self, run_id: str) -> None:
        data = self._data
        if data is None:
            return
        spec = {"dtype": data.input_dtype, "shape": [-1, *data.input_shape]}
        schema = {"mlflow_tensorspec": {"features": [{"type": "tensor", "tensor-spec": spec}]}}
        profile = {
            "training_examples": data.train,
            "test_examples": data.test,
            "sha256": data.digest,
        }
        entity = Dataset(
            # Of a file the name alone: the UI has little room, and the source is told beside it.
            name=Path(data.name).name[:500],
            digest=data.digest[:12],
            source_type="local",
            source=json.dumps({"uri": data.source}),
            schema=json.dumps(schema),
            profile=json.dumps(profile),
        )
        context = [InputTag("mlflow.data.context", "training")]
        self.client.log_inputs(run_id, datasets=[DatasetInput(entity, context)])


def end_adopted(client: MlflowClient, run_id: str, reason: str) -> None:
    """End the run that `mlflow run` made, where it still runs: `mlflow run` may be gone."""
    with contextlib.suppress(MlflowException):
        if client.get_run(run_id).info.status == "RUNNING":
            client.set_tag(run_id, tags.REASON, reason[: tags.TAG_LIMIT])
            client.set_terminated(run_id, "FAILED")


def tags_of_run(client: MlflowClient, run_id: str) -> dict[str, str] | None:
    """The tags of a run, or None where the store has no such run."""
    try:
        return dict(client.get_run(run_id).data.tags)
    except MlflowException:
        return None


def find_trial(client: MlflowClient, study: str, number: int | None) -> str | None:
    """The run id of a trial, in whatever experiment it is; the newest if there are several."""
    query = (
        f"tags.`{tags.STUDY}` = '{study}' AND tags.`{tags.KIND}` = 'trial' "
        f"AND tags.`{tags.TRIAL_NUMBER}` = '{number}'"
    )
    experiments = [item.experiment_id for item in client.search_experiments()]
    found = client.search_runs(experiments, query, max_results=1)
    return str(found[0].info.run_id) if found else None


def _origin() -> dict[str, str]:
    """What MLflow's fluent interface would say of a run's origin."""
    origin = {tags.SOURCE_NAME: "clr-sweep", tags.SOURCE_TYPE: "LOCAL"}
    # A process of a user without a name, as in some containers, has none to tell.
    with contextlib.suppress(OSError, KeyError):
        origin[tags.USER] = getpass.getuser()
    return origin


def _child_key(run: Run) -> str:
    return str(run.data.tags.get(tags.TRIAL_NUMBER, "baseline"))


def _now() -> int:
    return int(time.time() * 1000)

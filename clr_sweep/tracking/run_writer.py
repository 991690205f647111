"""A single run in MLflow, whatever it stands for: its tags, values, files and end.

Every call names its run: MLflow's fluent interface keeps an active run for each thread, and ends
only its own thread's run when the process goes.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

from mlflow.entities import Metric, Param, RunTag
from mlflow.tracking import MlflowClient

from clr_sweep.tracking import tags
from clr_sweep.tracking.dataset_input import measured_on
from clr_sweep.tracking.logged_models import delete_models, model_of_run
from clr_sweep.tracking.trial_contents import Point
from clr_sweep.training.requests import DataFacts


class RunWriter:
    """Writes what a run holds, and looks up what it has where MLflow takes nothing twice.

    Args:
        client: of the store.
        data: on which the runs' models are measured; None where that is not known.
    """

    def __init__(self, client: MlflowClient, data: DataFacts | None = None) -> None:
        self.client = client
        self.data = data

    def log_points(self, run_id: str, points: Iterable[Point]) -> None:
        """Values of metrics, in their order."""
        self._log_metrics(run_id, metrics_of(points))

    def end(self, run_id: str, state: str, reason: str | None = None) -> None:
        """The end state of a run, in our tags and in MLflow's status."""
        if not reason:
            self._untag(run_id, tags.REASON)
        self._tag(run_id, end_tags(state, reason))
        self.client.set_terminated(run_id, tags.STATUS_OF_STATE[state])

    def log_params(self, run_id: str, parameters: Mapping[str, object]) -> None:
        """Log parameters, leaving out those that the run has already with this value."""
        there = self.client.get_run(run_id).data.params
        self._log_params(
            run_id, {key: v for key, v in parameters.items() if there.get(key) != str(v)}
        )

    def _log_params(self, run_id: str, parameters: Mapping[str, object]) -> None:
        new = params_of(parameters)
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
            Metric(key, value, now, 0, model_id=model_id, run_id=run_id, **measured_on(self.data))
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

    def log_figures(self, run_id: str, figures: Mapping[str, Callable[[Path], object]]) -> None:
        """Figures as PNG artifacts in the folder `figures`.

        Args:
            figures: by file name, what writes each to a path.
        """
        with tempfile.TemporaryDirectory() as folder:
            for name, write in figures.items():
                write(Path(folder, name))
            self.client.log_artifacts(run_id, folder, "figures")

    def files(self, run_id: str) -> set[str]:
        """The paths of a run's artifacts, down to one folder deep."""
        top = self.client.list_artifacts(run_id)
        below = [
            file
            for item in top
            if item.is_dir
            for file in self.client.list_artifacts(run_id, item.path)
        ]
        return {file.path for file in [*top, *below] if not file.is_dir}

    def note(self, run_id: str, markdown: str) -> None:
        """The Markdown that the UI shows on top of a run's page."""
        self._tag(run_id, {tags.NOTE: markdown})

    def delete(self, run_id: str) -> None:
        """Delete a run, which MLflow keeps restorable, and the models that come from it."""
        delete_models(self.client, run_id)
        self.client.delete_run(run_id)

    def _is_logged(self, run_id: str, key: str, value: float, step: int) -> bool:
        history = self.client.get_metric_history(run_id, key)
        return any(item.step == step and item.value == value for item in history)

    def _tag(self, run_id: str, own: Mapping[str, str]) -> None:
        self.client.log_batch(run_id, tags=run_tags(own))

    def _untag(self, run_id: str, *keys: str) -> None:
        there = self.client.get_run(run_id).data.tags
        for key in keys:
            if key in there:
                self.client.delete_tag(run_id, key)

    def _log_metrics(self, run_id: str, metrics: Sequence[Metric]) -> None:
        for first in range(0, len(metrics), tags.METRIC_BATCH):
            self.client.log_batch(run_id, metrics=metrics[first : first + tags.METRIC_BATCH])


def end_tags(state: str, reason: str | None) -> dict[str, str]:
    """The tags of an end state."""
    return {tags.STATE: state, **({tags.REASON: reason} if reason else {})}


def run_tags(own: Mapping[str, str]) -> list[RunTag]:
    return [RunTag(key, value[: tags.TAG_LIMIT]) for key, value in own.items()]


def params_of(parameters: Mapping[str, object]) -> list[Param]:
    return [Param(key, str(value)[: tags.PARAM_LIMIT]) for key, value in parameters.items()]


def metrics_of(points: Iterable[Point]) -> list[Metric]:
    now = _now()
    return [Metric(point.key, point.value, now, point.step) for point in points]


def _now() -> int:
    return int(time.time() * 1000)

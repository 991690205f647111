"""A sweep's runs in MLflow: one parent, a child for each trial, a child for the baseline.

Every call names its run: MLflow's fluent interface keeps an active run for each thread, and ends
only its own thread's run when the process goes.
"""

from __future__ import annotations

import contextlib
import getpass
import posixpath
import tempfile
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

from mlflow.entities import Metric, Param, Run, RunTag
from mlflow.tracking import MlflowClient

from clr_sweep.records import TrialRecord
from clr_sweep.tracking import tags
from clr_sweep.tracking.contents import Point, artifacts, parameters, run_name, summary
from clr_sweep.tracking.inputs import dataset_input
from clr_sweep.tracking.lookup import process_tag
from clr_sweep.tracking.models import delete_models, model_of_run
from clr_sweep.training.folder import TrialFolder
from clr_sweep.training.requests import DataFacts


class SweepRuns:
    """Writes the runs of one study into one experiment.

    Args:
        client: of the store.
        experiment_id: where the runs are.
        study: the study's name.
        study_id: by which its runs are found again; empty for a training of its own.
        data: logged as the input of every child.
    """

    def __init__(
        self,
        client: MlflowClient,
        experiment_id: str,
        study: str,
        study_id: str,
        data: DataFacts | None,
    ) -> None:
        self.client = client
        self.experiment_id = experiment_id
        self.study = study
        self.study_id = study_id
        self.parent_id = ""
        self._data = data

    def open_parent(self, adopted: str | None, storage: str, version: str) -> str:
        """The parent run: the one `mlflow run` made, the one this study had, or a new one.

        Where `mlflow run` starts a study again it has made a new run. The children move to it,
        and the old parent, with nothing below it, is deleted (MLflow keeps it restorable), so
        that there is one tree with every trial once.
        """
        before = self.parents()
        own = {
            tags.KIND: "sweep",
            tags.STATE: "running",
            **self._own,
            tags.STORAGE: storage,
            tags.VERSION: version,
            tags.PROCESS: process_tag(),
        }
        if adopted is not None:
            self.parent_id = adopted
            self.client.update_run(adopted, name=self.study)
        elif before:
            self.parent_id = before[0].info.run_id
            self.client.update_run(self.parent_id, status="RUNNING")
        else:
            self.parent_id = self._new_run(self.study, own)
        self._tag(self.parent_id, own)
        self._untag(self.parent_id, tags.REASON)
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

    def children(self) -> dict[str, list[Run]]:
        """The runs of trials, by trial number as text or `baseline`; one each, if all is well."""
        found: dict[str, list[Run]] = {}
        for kind in ("trial", "baseline"):
            for run in self._find(f"tags.`{tags.KIND}` = '{kind}'"):
                key = run.data.tags.get(tags.TRIAL_NUMBER, "baseline")
                found.setdefault(key, []).append(run)
        return found

    def elsewhere(self) -> list[Run]:
        """Runs of the study in other experiments: `mlflow run` may have been told another one."""
        others = [
            item.experiment_id
            for item in self.client.search_experiments()
            if item.experiment_id != self.experiment_id
        ]
        return self._find("", others) if others else []

    def parents(self) -> list[Run]:
        """The runs that stand for the study: one, if all is well."""
        return self._find(f"tags.`{tags.KIND}` = 'sweep'")

    def runs_of(self, record: TrialRecord) -> list[Run]:
        """The runs that stand for a trial: one, if all is well."""
        if record.number is None:
            return self._find(f"tags.`{tags.KIND}` = 'baseline'")
        number = f"tags.`{tags.TRIAL_NUMBER}` = '{record.number}'"
        return self._find(f"tags.`{tags.KIND}` = 'trial' AND {number}")

    def start_child(self, record: TrialRecord, adopted: str | None = None) -> str:
        """A run for a trial, new or adopted: its parameters, tags and input."""
        own = {tags.KIND: record.kind, tags.STATE: record.state, **self._own}
        own |= self._origin_of(record)
        if record.number is not None:
            own[tags.TRIAL_NUMBER] = str(record.number)
        if record.kind == "train":
            own[tags.PROCESS] = process_tag()
        if adopted is None:
            run_id = self._new_run(run_name(record), own)
            self._log_params(run_id, parameters(record))
        else:
            run_id = adopted
            self._tag(run_id, own)
            self.log_params(run_id, parameters(record))
        self._log_input(run_id)
        return run_id

    def range_tests(self) -> list[Run]:
        """The runs that stand for the range test: at most one, if all is well."""
        return self._find(f"tags.`{tags.KIND}` = 'range_test'")

    def start_range_test(self) -> str:
        """A run for the range test, the sweep's first stage."""
        own = {tags.KIND: "range_test", tags.STATE: "running", tags.PARENT: self.parent_id}
        run_id = self._new_run("range-test", {**own, **self._own})
        self._log_input(run_id)
        return run_id

    def reopen(self, run_id: str) -> None:
        """A run, of whatever kind, that goes on below the sweep's run of today."""
        self.client.update_run(run_id, status="RUNNING")
        self._tag(run_id, {tags.STATE: "running", tags.PARENT: self.parent_id})
        self._untag(run_id, tags.REASON)

    def reopen_child(self, run_id: str, record: TrialRecord) -> None:
        """A run whose trial goes on."""
        self.client.update_run(run_id, status="RUNNING")
        self._tag(run_id, {tags.STATE: record.state, **self._origin_of(record)})
        self._untag(run_id, tags.REASON)

    def place(self, run_id: str, record: TrialRecord) -> None:
        """Put a trial's run below the sweep's, with what is told of it in any state."""
        if own := self._origin_of(record):
            self._tag(run_id, own)
        if not record.retried:
            self._untag(run_id, tags.RETRIES)

    def log_points(self, run_id: str, points: Iterable[Point]) -> None:
        """Values of metrics, in their order."""
        self._log_metrics(run_id, _metrics(points))

    def finish_child(
        self,
        run_id: str,
        record: TrialRecord,
        note: str,
        *,
        known: bool,
        untold: Sequence[Point] = (),
    ) -> None:
        """What a trial leaves: files, state and reason; the model is logged before.

        Args:
            known: whether the run holds what this process has told and nothing else; of others
                it is looked up first, since MLflow takes no value back and no value twice.
            untold: values of a known run that it lacks.
        """
        self._log_files(run_id, record)
        own = {tags.NOTE: note, **self._origin_of(record), **_end(record.state, record.reason)}
        if known:
            values = [*untold, *(Point(key, value, 0) for key, value in summary(record).items())]
            # A request holds a thousand things at most; as a rule all goes into one.
            rest = max(0, len(values) - tags.METRIC_BATCH + len(own))
            self.log_points(run_id, values[:rest])
            self.client.log_batch(run_id, metrics=_metrics(values[rest:]), tags=_run_tags(own))
            if record.test_metrics:
                self.log_test_metrics(run_id, record.test_metrics)
            self.client.set_terminated(run_id, tags.STATUS_OF_STATE[record.state])
            return
        self.log_metrics(run_id, summary(record))
        self.log_test_metrics(run_id, record.test_metrics)
        self.note(run_id, note)
        self.place(run_id, record)
        self.end(run_id, record.state, record.reason)

    def _log_files(self, run_id: str, record: TrialRecord) -> None:
        folder, names = TrialFolder(record.folder), artifacts(record)
        files = {
            "curves/curve.npz": folder.curve_file,
            "log.txt": folder.log_file,
            **{f"figures/{file.name}": file for file in sorted(folder.figures.glob("*.png"))},
        }
        for name, file in files.items():
            if name in names:
                self.client.log_artifact(run_id, str(file), posixpath.dirname(name) or None)
        self.client.log_dict(run_id, record.config.model_dump(mode="json"), "config.yaml")

    def end(self, run_id: str, state: str, reason: str | None = None) -> None:
        """The end state of a run, in our tags and in MLflow's status."""
        if not reason:
            self._untag(run_id, tags.REASON)
        self._tag(run_id, _end(state, reason))
        self.client.set_terminated(run_id, tags.STATUS_OF_STATE[state])

    def log_params(self, run_id: str, parameters: Mapping[str, object]) -> None:
        """Log parameters, leaving out those that the run has already with this value."""
        there = self.client.get_run(run_id).data.params
        self._log_params(
            run_id, {key: v for key, v in parameters.items() if there.get(key) != str(v)}
        )

    def _log_params(self, run_id: str, parameters: Mapping[str, object]) -> None:
        new = [Param(key, str(value)[: tags.PARAM_LIMIT]) for key, value in parameters.items()]
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

    def log_text(self, run_id: str, text: str, name: str) -> None:
        self.client.log_text(run_id, text, name)

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

    def _new_run(self, name: str, own: Mapping[str, str]) -> str:
        run = self.client.create_run(self.experiment_id, run_name=name, tags={**_origin(), **own})
        return str(run.info.run_id)

    def _move_children(self, old_parent: str) -> None:
        for run in self._find(f"tags.`{tags.PARENT}` = '{old_parent}'"):
            self.client.set_tag(run.info.run_id, tags.PARENT, self.parent_id)
        self.client.set_terminated(old_parent, "KILLED")
        self.client.delete_run(old_parent)

    @property
    def _own(self) -> dict[str, str]:
        own = {tags.STUDY: self.study}
        return own | {tags.STUDY_ID: self.study_id} if self.study_id else own

    def _find(self, condition: str, experiments: Sequence[str] = ()) -> list[Run]:
        query = f"tags.`{tags.STUDY_ID}` = '{self.study_id}'"
        if condition:
            query += f" AND {condition}"
        experiments = experiments or [self.experiment_id]
        found: list[Run] = []
        token: str | None = None
        while True:
            page = self.client.search_runs(
                list(experiments), query, max_results=1000, page_token=token
            )
            found += page
            token = page.token
            if not token:
                return found

    def _tag(self, run_id: str, own: Mapping[str, str]) -> None:
        self.client.log_batch(run_id, tags=_run_tags(own))

    def _untag(self, run_id: str, *keys: str) -> None:
        there = self.client.get_run(run_id).data.tags
        for key in keys:
            if key in there:
                self.client.delete_tag(run_id, key)

    def _origin_of(self, record: TrialRecord) -> dict[str, str]:
        """What places a trial's run: below which parent, after how many retries."""
        own = {tags.PARENT: self.parent_id} if self.parent_id else {}
        if record.retried:
            own[tags.RETRIES] = str(len(record.retried))
        return own

    def _log_metrics(self, run_id: str, metrics: Sequence[Metric]) -> None:
        for first in range(0, len(metrics), tags.METRIC_BATCH):
            self.client.log_batch(run_id, metrics=metrics[first : first + tags.METRIC_BATCH])

    def _log_input(self, run_id: str) -> None:
        if self._data is not None:
            self.client.log_inputs(run_id, datasets=[dataset_input(self._data)])


def _origin() -> dict[str, str]:
    """What MLflow's fluent interface would say of a run's origin."""
    origin = {tags.SOURCE_NAME: "clr-sweep", tags.SOURCE_TYPE: "LOCAL"}
    # A process of a user without a name, as in some containers, has none to tell.
    with contextlib.suppress(OSError, KeyError):
        origin[tags.USER] = getpass.getuser()
    return origin


def _end(state: str, reason: str | None) -> dict[str, str]:
    """The tags of an end state."""
    return {tags.STATE: state, **({tags.REASON: reason} if reason else {})}


def _run_tags(own: Mapping[str, str]) -> list[RunTag]:
    return [RunTag(key, value[: tags.TAG_LIMIT]) for key, value in own.items()]


def _metrics(points: Iterable[Point]) -> list[Metric]:
    now = _now()
    return [Metric(point.key, point.value, now, point.step) for point in points]


def _now() -> int:
    return int(time.time() * 1000)

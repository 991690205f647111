"""A sweep's runs in MLflow: one parent, a child for each trial, a child for the baseline."""

from __future__ import annotations

import contextlib
import getpass
import time
from collections.abc import Mapping, Sequence

from mlflow.entities import Run
from mlflow.tracking import MlflowClient
from mlflow.utils import get_results_from_paginated_fn

from clr_sweep.tracking import tags, trial_contents
from clr_sweep.tracking.dataset_input import dataset_input
from clr_sweep.tracking.find_runs import process_tag
from clr_sweep.tracking.run_writer import RunWriter, end_tags, metrics_of, params_of, run_tags
from clr_sweep.tracking.trial_contents import Point, parameters, run_name, summary
from clr_sweep.tracking.trial_files import TrialFiles
from clr_sweep.training.records import TrialRecord
from clr_sweep.training.requests import DataFacts


class SweepRuns(RunWriter):
    """Writes the runs of one study into one experiment.

    Args:
        client: of the store.
        experiment_id: where the runs are.
        study: the study's name.
        study_id: by which its runs are found again; empty for a training of its own.
        data: logged as the input of every child.
        with_gamma: whether any trial may have a gamma; without, their runs do not show one.
    """

    def __init__(
        self,
        client: MlflowClient,
        experiment_id: str,
        study: str,
        study_id: str,
        data: DataFacts | None,
        *,
        with_gamma: bool = True,
    ) -> None:
        super().__init__(client, data)
        self.experiment_id = experiment_id
        self.study = study
        self.study_id = study_id
        self.parent_id = ""
        self.with_gamma = with_gamma
        self._files = TrialFiles()

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
        own = self._tags_of(record)
        if adopted is None:
            run_id = self._new_run(run_name(record), own)
            self._log_params(run_id, self.parameters(record))
        else:
            run_id = adopted
            self._tag(run_id, own)
            self.log_params(run_id, self.parameters(record))
        self._log_input(run_id)
        return run_id

    def log_ended_child(self, record: TrialRecord, note: str) -> str:
        """A run for a trial that has ended already: all but its model and what `close_child` logs.

        Its values and parameters go in one request; its tags, those of the end too, come with the
        run, which MLflow takes for running until it is closed. It has the length of the training.
        """
        own = {**self._tags_of(record), tags.NOTE: note, **end_tags(record.state, record.reason)}
        run_id = self._new_run(run_name(record), own, record.wall_seconds)
        self.client.log_batch(
            run_id,
            metrics=metrics_of(trial_contents.trained_points(record)),
            params=params_of(self.parameters(record)),
        )
        self._log_input(run_id)
        return run_id

    def close_child(self, run_id: str, record: TrialRecord) -> None:
        """The rest of such a run: the trial's files, its values on the test set, last its end."""
        self._files.log(self.client, run_id, record)
        self._end_known(run_id, record)

    def parameters(self, record: TrialRecord) -> dict[str, object]:
        """What the run of a trial of this study has as parameters."""
        return parameters(record, with_gamma=self.with_gamma)

    def range_tests(self) -> list[Run]:
        """The runs that stand for the range test: at most one, if all is well."""
        return self._find(f"tags.`{tags.KIND}` = 'range_test'")

    def start_range_test(self) -> str:
        """A run for the range test, the sweep's first stage."""
        own = {tags.KIND: "range_test", tags.STATE: "running", tags.PARENT: self.parent_id}
        run_id = self._new_run("range-test", {**own, **self._own})
        self._log_input(run_id)
        return run_id

    def warn(self, run_id: str, warnings: str) -> None:
        """Tag a range test's run with what speaks against its bounds, where anything does."""
        if warnings:
            self._tag(run_id, {tags.WARNINGS: warnings})
        else:
            self._untag(run_id, tags.WARNINGS)

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
        self._files.log(self.client, run_id, record)
        own = {tags.NOTE: note, **self._origin_of(record), **end_tags(record.state, record.reason)}
        if known:
            values = [*untold, *(Point(key, value, 0) for key, value in summary(record).items())]
            # A request holds a thousand things at most; as a rule all goes into one.
            rest = max(0, len(values) - tags.METRIC_BATCH + len(own))
            self.log_points(run_id, values[:rest])
            self.client.log_batch(run_id, metrics=metrics_of(values[rest:]), tags=run_tags(own))
            self._end_known(run_id, record)
            return
        self.log_metrics(run_id, summary(record))
        self.log_test_metrics(run_id, record.test_metrics)
        self.note(run_id, note)
        self.place(run_id, record)
        self.end(run_id, record.state, record.reason)

    def _end_known(self, run_id: str, record: TrialRecord) -> None:
        if record.test_metrics:
            self.log_test_metrics(run_id, record.test_metrics)
        self.client.set_terminated(run_id, tags.STATUS_OF_STATE[record.state])

    def _new_run(self, name: str, own: Mapping[str, str], ago: float = 0.0) -> str:
        """A run that began so many seconds ago."""
        tagged = {tag.key: tag.value for tag in run_tags({**_origin(), **own})}
        began = int(1000 * (time.time() - ago))
        run = self.client.create_run(self.experiment_id, began, tagged, name)
        self._files.made(run)
        return str(run.info.run_id)

    def _tags_of(self, record: TrialRecord) -> dict[str, str]:
        """The tags that the run of a trial begins with."""
        own = {tags.KIND: record.kind, tags.STATE: record.state, **self._own}
        own |= self._origin_of(record)
        if record.number is not None:
            own[tags.TRIAL_NUMBER] = str(record.number)
        if record.kind == "train":
            own[tags.PROCESS] = process_tag()
        return own

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
        where = list(experiments or [self.experiment_id])
        found: list[Run] = get_results_from_paginated_fn(
            lambda most, token: self.client.search_runs(
                where, query, max_results=most, page_token=token
            ),
            1000,
        )
        return found

    def _origin_of(self, record: TrialRecord) -> dict[str, str]:
        """What places a trial's run: below which parent, given by whom, after how many retries."""
        own = {tags.PARENT: self.parent_id} if self.parent_id else {}
        if record.retried:
            own[tags.RETRIES] = str(len(record.retried))
        if record.given:
            own[tags.GIVEN] = record.given[: tags.TAG_LIMIT]
        return own

    def _log_input(self, run_id: str) -> None:
        if self.data is not None:
            self.client.log_inputs(run_id, datasets=[dataset_input(self.data)])


def _origin() -> dict[str, str]:
    """What MLflow's fluent interface would say of a run's origin."""
    origin = {tags.SOURCE_NAME: "clr-sweep", tags.SOURCE_TYPE: "LOCAL"}
    # A process of a user without a name, as in some containers, has none to tell.
    with contextlib.suppress(OSError, KeyError):
        origin[tags.USER] = getpass.getuser()
    return origin

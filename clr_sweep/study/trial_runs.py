"""A trial's run in MLflow: written while the trial goes on, or completed later."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from mlflow.entities import Run

from clr_sweep.results.report import model_markdown, trial_markdown
from clr_sweep.study.trial_job import draw_figures
from clr_sweep.tracking import trial_contents
from clr_sweep.tracking.audit import Audit, audit, model_is_whole
from clr_sweep.tracking.find_runs import abandoned
from clr_sweep.tracking.logged_models import delete_models, log_keras_model
from clr_sweep.tracking.sweep_runs import SweepRuns
from clr_sweep.tracking.trial_contents import Point
from clr_sweep.training.folder import TrialFolder
from clr_sweep.training.records import StudyRecord, TrialRecord
from clr_sweep.training.reports import EpochReport


class TrialRuns:
    """Writes the runs of single trials; a tracker that fails raises its own errors.

    Args:
        runs: the study's runs.
        search_path: folders in which a module of the user's is looked for.
    """

    def __init__(self, runs: SweepRuns, search_path: tuple[Path, ...]) -> None:
        self.runs = runs
        self.ids: dict[str, str] = {}
        self._search_path = search_path
        self._told: dict[str, int] = {}  # the last epoch
        self._adopted: dict[str, str] = {}
        # Trials whose runs hold what this process has told and nothing else.
        self._known: set[str] = set()

    def adopt(self, record: TrialRecord, run_id: str) -> None:
        """Use a run that is there already for a training that begins."""
        self._adopted[record.key] = run_id

    def begin(self, record: TrialRecord) -> None:
        """A trial begins or goes on."""
        key = record.key
        if key in self.ids:
            self._known.discard(key)
            self.runs.reopen_child(self.ids[key], record)
        else:
            self.ids[key] = self.runs.start_child(record, self._adopted.get(key))
            self._told[key] = 0
            self._known.add(key)

    def epochs(self, record: TrialRecord, reports: Sequence[EpochReport]) -> None:
        """What a trial has reported, some of it perhaps before."""
        if points := self._untold(record, reports):
            self.runs.log_points(self.ids[record.key], points)
            self._told[record.key] = reports[-1].epoch

    def end(self, record: TrialRecord) -> None:
        """A trial has ended: what it left, and last its state.

        One that MLflow has not been told of yet gets its run here.
        """
        if record.key not in self.ids and record.key not in self._adopted:
            self._log_ended(record)
            return
        if record.key not in self._known:
            # Its run holds what an earlier attempt said.
            self.complete(record)
            return
        # The epoch in which a trial diverges is not reported for pruning; it is shown.
        untold = self._untold(record, record.reports)
        if trial_contents.has_model(record):  # which gets its metrics from the run
            self.epochs(record, record.reports)
            untold = []
        self._conclude(record, known=True, untold=untold)

    def _untold(self, record: TrialRecord, reports: Sequence[EpochReport]) -> list[Point]:
        # A trial that goes on says again where it was.
        new = [report for report in reports if report.epoch > self._told[record.key]]
        metric = record.config.objective.metric
        return [point for report in new for point in trial_contents.epoch_points(report, metric)]

    def stop(self, record: TrialRecord) -> None:
        """A trial was ended from outside, and waits."""
        self._known.discard(record.key)
        self.runs.end(self.ids[record.key], record.state, record.reason)

    def complete(self, record: TrialRecord) -> None:
        """Log what a trial's run lacks, from its folder."""
        if record.state == "running":
            record = replace(record, reports=TrialFolder(record.folder).reports())
        if record.kind != "train":
            there = self.runs.runs_of(record)
        else:
            known = self.ids.get(record.key)
            there = [self.runs.client.get_run(known)] if known else []
        self._compare(record, there, mend=True)

    def reconcile(self, study: StudyRecord, *, mend: bool = True) -> list[str]:
        """Bring the runs in line with the study: every value of every metric.

        A run that lacks something is completed from the trial's folder. One that contradicts it
        is deleted (MLflow keeps it restorable) and logged anew: MLflow takes no value back.

        Args:
            mend: do it; else only say what would have to be done.

        Returns:
            A sentence for each thing that was found wrong.
        """
        records = {record.key: record for record in study.all}
        there = self.runs.children()
        problems = []
        for key, record in records.items():
            found = self._compare(record, there.get(key, []), mend)
            problems += [f"{record.label}: {text}" for text in found]
        unknown = [run for key in there.keys() - records.keys() for run in there[key]]
        for why, runs in (
            ("the study has no such trial", unknown),
            ("it is in another experiment than the sweep", self.runs.elsewhere()),
        ):
            problems += [f"run {run.info.run_name}: {why}" for run in runs]
            for run in runs if mend else ():
                self.runs.delete(run.info.run_id)
        for run in abandoned(self.runs.client):
            why = "its process is gone"
            problems.append(f"run {run.info.run_name}: {why}")
            if mend:
                self.runs.end(run.info.run_id, "interrupted", why)
        return problems

    def _compare(self, record: TrialRecord, there: list[Run], mend: bool) -> list[str]:
        kept: tuple[Run, Audit] | None = None
        problems = [] if there else ["it has no run in MLflow"]
        for run in there:
            found = audit(
                self.runs.client,
                run,
                record,
                self.runs.parent_id,
                with_gamma=self.runs.with_gamma,
            )
            if kept is None and not found.wrong:
                kept = run, found
                problems += found.missing
                continue
            problems += found.wrong or ("it has a second run in MLflow",)
            if mend:
                self.runs.delete(run.info.run_id)
        if kept:
            self.ids[record.key] = kept[0].info.run_id
        if mend:
            self._told[record.key] = max((report.epoch for report in record.reports), default=0)
            if problems:
                self._fill(record, kept[1] if kept else None)
        return problems

    def _fill(self, record: TrialRecord, found: Audit | None) -> None:
        key = record.key
        if found is None:
            self.ids[key] = self.runs.start_child(record, self._adopted.get(key))
        else:
            self.runs.log_params(self.ids[key], self.runs.parameters(record))
        lacking = trial_contents.points(record) if found is None else found.points
        self.runs.log_points(self.ids[key], lacking)
        if record.state == "running":
            self.runs.reopen_child(self.ids[key], record)
        elif record.state == "interrupted":
            self.runs.place(self.ids[key], record)
            self.stop(record)
        else:
            self._conclude(record, known=False)

    def _conclude(self, record: TrialRecord, *, known: bool, untold: Sequence[Point] = ()) -> None:
        """Log what a trial has left.

        Args:
            known: whether its run holds what this process has told and nothing else.
            untold: values that it lacks, if it is known.
        """
        self._log_model(record, known=known)
        draw_figures(record)
        run_id, note = self.ids[record.key], trial_markdown(record)
        self.runs.finish_child(run_id, record, note, known=known, untold=untold)

    def _log_ended(self, record: TrialRecord) -> None:
        """A run for a trial that began and ended while MLflow was told of others."""
        self.ids[record.key] = self.runs.log_ended_child(record, trial_markdown(record))
        self._log_model(record, known=True)
        draw_figures(record)
        self.runs.close_child(self.ids[record.key], record)

    def _log_model(self, record: TrialRecord, *, known: bool) -> None:
        """The model of a trial, if it kept one that its run has not; see `_conclude`."""
        client, run_id = self.runs.client, self.ids[record.key]
        if trial_contents.has_model(record) and (known or not model_is_whole(client, run_id)):
            if not known:
                delete_models(client, run_id)  # what an earlier attempt left half-logged
            log_keras_model(
                client,
                client.get_run(run_id),
                TrialFolder(record.folder),
                self._search_path,
                trial_contents.model_name(self.runs.study, record),
                model_markdown(self.runs.study, record),
                _epoch_of_model(record),
                record.metrics,
                self.runs.data,
            )


def _epoch_of_model(record: TrialRecord) -> int:
    """The epoch whose weights a trial kept: the last one, or the best where that is scored."""
    epochs = [report.epoch for report in record.reports if report.metrics == record.metrics]
    return epochs[0] if epochs else len(record.reports)

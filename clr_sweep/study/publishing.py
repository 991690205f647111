"""What MLflow is told of a sweep while it runs, and what it holds in the end.

A tracker that fails never stops a training: what could not be logged is counted, shown, and
logged when the tracker answers again, at the end of the sweep, or by the next start.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Concatenate, ParamSpec

from mlflow.exceptions import MlflowException

from clr_sweep.common.errors import StoreError
from clr_sweep.common.secrets import hidden_address
from clr_sweep.lr_range_test.run_in_mlflow import RangeTestRuns
from clr_sweep.results.export import Origin, as_yaml
from clr_sweep.results.report import markdown
from clr_sweep.study.outcome import best_parameters, best_told, outcome
from clr_sweep.study.trial_runs import TrialRuns
from clr_sweep.tracking.link import Link
from clr_sweep.tracking.sweep_runs import SweepRuns
from clr_sweep.tracking.tracker_errors import refuses
from clr_sweep.tracking.trial_contents import Point
from clr_sweep.tracking.views import artifact_link, view_link
from clr_sweep.training.records import Importance, RangeTestRecord, StudyRecord, TrialRecord
from clr_sweep.training.reports import EpochReport, State

P = ParamSpec("P")

# The parent's figures are drawn anew at most so often while the sweep runs, the first time as
# late, and for so much of the time: the more trials they show, the longer they take.
FIGURES_SECONDS = 60.0
FIGURES_SHARE = 0.02


class Publisher:
    """Shows a study in MLflow.

    Args:
        runs: the study's runs.
        link: the line to the server.
        search_path: folders in which a module of the user's is looked for.
        data_digest: goes into the exported configuration.
    """

    def __init__(
        self, runs: SweepRuns, link: Link, search_path: tuple[Path, ...], data_digest: str
    ) -> None:
        self.runs = runs
        self.link = link
        self.trial_runs = TrialRuns(runs, search_path)
        self._range_test = RangeTestRuns(runs, data_digest)
        self._data_digest = data_digest
        self._records: dict[str, TrialRecord] = {}
        # Trials whose runs lack something, since a call failed.
        self._incomplete: set[str] = set()
        self._opening: Callable[[], None] | None = None
        self._next_figures = time.monotonic() + FIGURES_SECONDS
        self._has_last_figures = False
        self._has_figures = False
        # As the last figures show them, and the report after them.
        self._importances: Mapping[str, Importance] = {}
        # The parent's id, and the best values that it has, by how many trials each is of.
        self._best_told: tuple[str, dict[int, float]] = ("", {})

    def open(self, opening: Callable[[], None]) -> None:
        """Open the study's runs: now, or before the first call after the tracker is back.

        Args:
            opening: done again from its beginning where it could not be done to its end.

        Raises:
            StoreError: the tracker is there, and refuses.
        """
        self._opening = opening
        self.link.call(self._open)

    def range_test(self, record: RangeTestRecord) -> None:
        """The range test begins, goes on, or has ended in whatever way."""
        if record.state == "running":
            self._call(self._range_test.begin, record)
        else:
            self._call(self._range_test.reconcile, record)

    def reconcile(self, study: StudyRecord, *, mend: bool = True) -> list[str]:
        """Bring all runs below the parent in line with the study; see `TrialRuns.reconcile`."""
        found = self._range_test.reconcile(study.range_test, mend=mend)
        return found + self.trial_runs.reconcile(study, mend=mend)

    def trial_started(self, record: TrialRecord, adopted: str | None = None) -> None:
        """A trial begins or goes on."""
        if adopted is not None:
            self.trial_runs.adopt(record, adopted)
        self._tell(replace(record, state="running", reason=None), self.trial_runs.begin)

    def epochs(self, record: TrialRecord, reports: Sequence[EpochReport]) -> None:
        """The next epochs of a trial, one or more."""
        self._tell(self._records[record.key], self.trial_runs.epochs, reports)

    def trial_ended(self, record: TrialRecord) -> None:
        self._tell(record, self.trial_runs.end)

    def trial_stopped(self, record: TrialRecord, state: State, reason: str) -> None:
        """A trial that was ended from outside: by a signal, or by the end of the sweep."""
        self._tell(replace(record, state=state, reason=reason), self.trial_runs.stop)

    def refresh(self, study: StudyRecord) -> None:
        """The parent's note, best-so-far metric and figures; the figures only now and then."""
        self._call(self._summarise, study)
        began = time.monotonic()
        if began >= self._next_figures:
            self._call(self._draw, study)
            # Figures point at themselves in circles: left to itself the collector keeps 50 MB of
            # each drawing until there is a quarter more of all that is there.
            gc.collect()
            took = time.monotonic() - began
            self._next_figures = began + max(FIGURES_SECONDS, took / FIGURES_SHARE)

    def draw_last(self, study: StudyRecord) -> None:
        """The parent's figures as they stay, but a comparison's: it shows what is tested later."""
        if study.comparison is None:
            self._has_last_figures = self._call(partial(self._draw, study, last=True))

    def finish(self, study: StudyRecord) -> bool:
        """What the parent holds in the end; what was missed before is completed first.

        Returns:
            Whether MLflow has all.
        """
        return self.link.call_now(self._opened, partial(self.conclude, study))

    def conclude(self, study: StudyRecord) -> None:
        """As `finish`, with the errors of the tracker raised."""
        # What was missed of it is not counted any more once a trial's run is complete again.
        self._range_test.reconcile(study.range_test)
        if self.link.missed:
            self.trial_runs.reconcile(study)
            self._incomplete.clear()
        for record in study.all:
            if record.test_metrics and (run_id := self.run_id(record)):
                self.runs.log_test_metrics(run_id, record.test_metrics)
        if study.state == "complete":
            self._log_outcome(study)
        self._summarise(study)
        if not self._has_last_figures:
            self._draw(study, last=True)
        if study.state == "complete" and study.comparison is None:
            self._log_report(study)
        self.runs.end(self.runs.parent_id, study.state, study.reason or None)
        self.link.completed()

    def stopped(self, study: StudyRecord | None, state: State, reason: str) -> None:
        """The sweep ended before its end; `study` is None where it can be read no more."""
        self._opening = None  # what has been opened is ended, and nothing else is opened
        for record in tuple(self._records.values()):
            if record.state == "running":
                self.trial_stopped(record, "interrupted", reason)
        if study is not None:
            self._call(self._summarise, study)
        self._call(self.runs.end, self.runs.parent_id, state, reason)

    def run_id(self, record: TrialRecord) -> str | None:
        return self.trial_runs.ids.get(record.key)

    def best_yaml(self, study: StudyRecord) -> str | None:
        """The best configuration as `clr-sweep export` writes it, None while there is none."""
        best = study.best
        if best is None:
            return None
        origin = Origin(self.run_id(best), self._data_digest, best.provenance)
        return as_yaml(study, best, origin)

    def _tell(
        self,
        record: TrialRecord,
        call: Callable[Concatenate[TrialRecord, P], None],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> None:
        """Tell MLflow of a trial; after a failure, all that it has missed."""
        key, was_away = record.key, self.link.away
        self._records[key] = record
        if key in self._incomplete:
            done = self._call(self.trial_runs.complete, record)
        else:
            done = self._call(partial(call, record, *args, **kwargs))
        if not done:
            self._incomplete.add(key)
            return
        self._incomplete.discard(key)
        if was_away:
            for other in sorted(self._incomplete):
                if self.link.call(self.trial_runs.complete, self._records[other]):
                    self._incomplete.discard(other)
        if not self._incomplete:
            self.link.completed()

    def _call(self, call: Callable[P, object], *args: P.args, **kwargs: P.kwargs) -> bool:
        """Make a call that needs the study's runs. False if it was not done."""
        return self.link.call(self._opened, partial(call, *args, **kwargs))

    def _opened(self, call: Callable[[], object]) -> None:
        self._open()
        call()

    def _open(self) -> None:
        if self._opening is None:
            return
        try:
            self._opening()
        except MlflowException as error:
            if not refuses(error):
                raise
            why = str(error).split("\n")[0]
            store = hidden_address(self.runs.client.tracking_uri)
            raise StoreError(f"the MLflow store {store} refuses the sweep's runs: {why}") from error
        self._opening = None

    def _draw(self, study: StudyRecord, *, last: bool = False) -> None:
        # Matplotlib is imported when there is something to draw: a start need not wait for it.
        from clr_sweep.results.figures import study_figures
        from clr_sweep.results.style import save
        from clr_sweep.search.importances import importances

        # They take seconds, from the processor that trials are trained on.
        if last:
            self._importances = importances(study)
        found = self._importances if last else {}
        drawn = {name: partial(save, one) for name, one in study_figures(study, found).items()}
        self.runs.log_figures(self.runs.parent_id, drawn)
        self._has_figures = True

    def _log_report(self, study: StudyRecord) -> None:
        # As of the figures: its imports are for the end.
        from clr_sweep.results.html.render import report_html

        text = report_html(study, self._importances)
        self.runs.client.log_text(self.runs.parent_id, text, "report.html")

    def _summarise(self, study: StudyRecord) -> None:
        note = markdown(study, study.planned, self._links(study))
        self.runs.note(self.runs.parent_id, note)
        self._log_best(study)

    def _links(self, study: StudyRecord) -> str:
        """Where to look, for the description of the parent run."""
        runs = self.runs
        charts, table = (
            view_link(runs.experiment_id, runs.study, mode) for mode in ("CHART", "TABLE")
        )
        links = [f"All trials: [charts]({charts}), [table]({table})"]
        shown = "verdict" if study.comparison is not None else "history"
        found = {"figures": f"figures/{shown}.png"} if self._has_figures else {}
        if study.state == "complete" and study.best is not None:
            found = {"figures": f"figures/{shown}.png", "best.yaml": "best.yaml"}
        if study.state == "complete" and study.comparison is None:
            found = {"report": "report.html"} | found
        for name, path in found.items():
            links.append(f"[{name}]({artifact_link(runs.experiment_id, runs.parent_id, path)})")
        return " · ".join(links)

    def _log_best(self, study: StudyRecord) -> None:
        """The best value after each trial, those that the parent lacks: a curve in the UI."""
        parent, name = self.runs.parent_id, f"best_{study.metric}"
        if self._best_told[0] != parent:
            self._best_told = parent, best_told(self.runs, name)
        told = self._best_told[1]
        new = {step: v for step, v in study.best_values().items() if told.get(step) != v}
        self.runs.log_points(parent, (Point(name, value, step) for step, value in new.items()))
        told.update(new)

    def _log_outcome(self, study: StudyRecord) -> None:
        best = study.best
        if best is None:
            self.runs.log_metrics(self.runs.parent_id, outcome(study))
            return
        parameters = {
            "best.trial_number": best.number,
            **{f"best.{key}": value for key, value in best_parameters(best).items()},
        }
        there = self.runs.client.get_run(self.runs.parent_id).data.params
        if any(key in there and there[key] != str(value) for key, value in parameters.items()):
            self.runs.replace_parent()
            self._has_last_figures = False
        self.runs.log_params(self.runs.parent_id, parameters)
        self.runs.log_metrics(self.runs.parent_id, outcome(study))
        if (run_id := self.run_id(best)) is not None:
            self.runs.link_model(self.runs.parent_id, run_id)
        if (text := self.best_yaml(study)) is not None:
            self.runs.client.log_text(self.runs.parent_id, text, "best.yaml")

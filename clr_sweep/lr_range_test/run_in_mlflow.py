"""The run of a study's range test in MLflow: what it holds; begun, completed, held against that."""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import partial

import numpy as np
from mlflow.entities import Run

from clr_sweep.common.errors import StoreError
from clr_sweep.lr_range_test.curve import Curve
from clr_sweep.lr_range_test.report import as_yaml, markdown
from clr_sweep.lr_range_test.rules import read
from clr_sweep.tracking import tags
from clr_sweep.tracking.audit import compare_points, other_parameters
from clr_sweep.tracking.sweep_runs import SweepRuns
from clr_sweep.tracking.trial_contents import Point, of_optimizer
from clr_sweep.tracking.views import artifact_link
from clr_sweep.training.records import RangeTestRecord

_FIGURE, _NUMBERS = "figures/range_test.png", "range_test.yaml"
# A chart freezes at about 10,000 points a run.
_POINTS = 300


class RangeTestRuns:
    """Writes the run of the range test; a tracker that fails raises its own errors.

    Args:
        data_digest: goes into the YAML.
    """

    def __init__(self, runs: SweepRuns, data_digest: str) -> None:
        self.runs = runs
        self._data_digest = data_digest

    def begin(self, record: RangeTestRecord) -> None:
        """The test begins, or goes on."""
        self._open(record, next(iter(self.runs.range_tests()), None))

    def reconcile(self, record: RangeTestRecord | None, *, mend: bool = True) -> list[str]:
        """Bring the run in line with the stored test; made anew where it contradicts it.

        Args:
            record: None where the study has no range test, or none that has begun.
            mend: do it; else only say what would have to be done.

        Returns:
            A sentence for each thing that was found wrong.
        """
        there, problems = self.runs.range_tests(), list[str]()
        if record is not None and not there:
            problems.append("it has no run in MLflow")
        kept: Run | None = None
        for run in there:
            wrong = ["the study has no range test"]
            if record is not None:
                wrong = list(self._contradictions(run, record))
            if kept is not None and not wrong:
                wrong = ["it has a second run in MLflow"]
            if wrong and mend:
                self.runs.delete(run.info.run_id)
            problems += wrong
            if not wrong:
                kept = run
        if record is not None:
            if kept is not None:
                problems += self._missing(kept, record)
            if problems and mend:
                self._fill(record, kept)
        return [f"range test: {text}" for text in problems]

    def _contradictions(self, run: Run, record: RangeTestRecord) -> Iterator[str]:
        yield from other_parameters(run, _parameters(record))
        if _is_whole(record):
            yield from compare_points(self.runs.client, run, _points(record))[1]

    def _missing(self, run: Run, record: RangeTestRecord) -> Iterator[str]:
        there = run.data.tags
        wanted = (record.state, tags.STATUS_OF_STATE[record.state], self.runs.parent_id)
        if (there.get(tags.STATE), run.info.status, there.get(tags.PARENT, "")) != wanted:
            yield f"its state is {there.get(tags.STATE)}, {run.info.status}, not {wanted[0]}"
        if any(key not in run.data.params for key in _parameters(record)):
            yield "a parameter is missing"
        if there.get(tags.WARNINGS, "") != _warnings(record):
            yield "its warnings are not those of the test"
        if record.state != "complete" or not _is_whole(record):
            return
        lacking, _ = compare_points(self.runs.client, run, _points(record))
        if lacking:
            yield f"{len(lacking)} values not logged"
        files = self.runs.files(run.info.run_id)
        yield from (f"no artifact {name}" for name in _artifacts(record) if name not in files)

    def _open(self, record: RangeTestRecord, run: Run | None) -> str:
        run_id = self.runs.start_range_test() if run is None else str(run.info.run_id)
        if run is not None:
            self.runs.reopen(run_id)
        self.runs.log_params(run_id, _parameters(record))
        return run_id

    def _fill(self, record: RangeTestRecord, run: Run | None) -> None:
        run_id = self._open(record, run)
        if record.state == "complete" and _is_whole(record):
            # Imports Matplotlib, which other sweeps need not wait for.
            from clr_sweep.lr_range_test.figure import range_figure
            from clr_sweep.results.style import save

            there = self.runs.client.get_run(run_id)
            wanted = _points(record)
            self.runs.log_points(run_id, compare_points(self.runs.client, there, wanted)[0])
            self.runs.log_figures(run_id, {"range_test.png": partial(save, range_figure(record))})
            text = as_yaml(record, {"data_digest": self._data_digest})
            self.runs.client.log_text(run_id, text, _NUMBERS)
            for file in record.files:
                self.runs.client.log_artifact(run_id, str(file), "curves")
        where = artifact_link(self.runs.experiment_id, run_id, _FIGURE)
        self.runs.note(run_id, markdown(record, f"[loss and {record.metric} by rate]({where})"))
        self.runs.warn(run_id, _warnings(record))
        if record.state != "running":
            self.runs.end(run_id, record.state, record.reason)


def _is_whole(record: RangeTestRecord) -> bool:
    """Whether the curves are still there, from which the run is made."""
    try:
        record.curves()
    except StoreError:
        return False
    return True


def _parameters(record: RangeTestRecord) -> dict[str, object]:
    """The parameters of a range test's run: how it was done, and what its bounds hold for."""
    training = record.config.training
    own: dict[str, object] = {
        "ramp": record.test.ramp,
        "low": record.test.low,
        "high": record.test.high,
        "epochs": record.test.epochs,
        "seeds": record.test.seeds,
        "rule": record.test.rule,
        "batch_size": training.batch_size,
        "optimizer": training.optimizer.name,
        "precision": training.precision,
        "model": record.config.model.name,
        "dataset": record.config.dataset.name,
    }
    return own | of_optimizer(training.optimizer, own)


def _warnings(record: RangeTestRecord) -> str:
    """The tag that says what speaks against the bounds, a line each; empty where nothing does."""
    found = record.suggestion
    return "\n".join(found.warnings if found else ())[: tags.TAG_LIMIT]


def _points(record: RangeTestRecord) -> Iterator[Point]:
    """Every value that the run of a complete test holds, by optimizer step.

    Of each step that is shown the mean over the seeds that were still training; the seeds' own
    curves are artifacts.
    """
    found = record.suggestion
    if found is None:
        return
    for name, value in (("suggested_init_lr", found.base), ("suggested_max_lr", found.max)):
        yield Point(name, value, 0)
    curves = record.curves()
    longest = max(curves, key=lambda curve: len(curve.rates))
    steps = range(0, len(longest.rates), max(1, -(-longest.planned // _POINTS)))
    smoothed = [read(curve, record.metric, record.sign).losses for curve in curves]
    for step in steps:
        rate = float(longest.rates[step])
        yield Point("learning_rate", rate, step)
        yield Point("log10_learning_rate", math.log10(rate), step)
        for name, values in (
            ("batch_loss", [curve.losses for curve in curves]),
            ("smoothed_loss", smoothed),
        ):
            there = [float(v[step]) for v in values if step < len(v) and np.isfinite(v[step])]
            if there:
                yield Point(name, float(np.mean(there)), step)
    yield from _evaluations(curves)


def _artifacts(record: RangeTestRecord) -> list[str]:
    """The files that the run of a complete test holds."""
    return [_FIGURE, _NUMBERS, *(f"curves/{file.name}" for file in record.files)]


def _evaluations(curves: tuple[Curve, ...]) -> Iterator[Point]:
    for name in curves[0].metrics:
        found: dict[int, list[float]] = {}
        for curve in curves:
            for step, value in zip(curve.evaluated, curve.metrics[name], strict=True):
                if np.isfinite(value):
                    found.setdefault(int(step), []).append(float(value))
        for step, values in sorted(found.items()):
            yield Point(name, float(np.mean(values)), step)

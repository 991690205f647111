"""A trial's job: it is trained, and what MLflow shows of it is made, in the trial's own process.

Figures take CPU time as epochs do: drawn here they are drawn side by side, as trials are trained,
and the driver has only to hand them over.
"""

from __future__ import annotations

import traceback
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from clr_sweep.tracking.trial_contents import figures, has_model
from clr_sweep.training.data.named import rows
from clr_sweep.training.folder import TrialFolder
from clr_sweep.training.inference import save_inference_model
from clr_sweep.training.records import TrialRecord
from clr_sweep.training.reports import TrialResult
from clr_sweep.training.requests import TrialJob

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def run_trial(job: TrialJob, report: Callable[[Any], Any]) -> TrialResult:
    """Train a trial and draw its figures; see `training.jobs.run_trial`."""
    # Imports Keras, which those that draw alone need not have.
    from clr_sweep.training import jobs

    result = jobs.run_trial(job, report)
    begun = TrialRecord(job.kind, job.number, "running", None, job.config, job.folder)
    record, folder = finished(begun, result), TrialFolder(job.folder)
    if has_model(record) and folder.signature() is None:
        try:
            # One: as JSON beside the model, more would outweigh it.
            named = job.config.dataset.examples is None
            examples = rows(jobs.opened(job.data).x_train, slice(1)) if named else None
            save_inference_model(folder, job.config.model.name, job.search_path, examples)
        except Exception:
            # The training is whole all the same; whoever logs the model says what is wrong with it.
            traceback.print_exc()
    draw_figures(record)
    return result


def finished(record: TrialRecord, result: TrialResult) -> TrialRecord:
    """The record of a trial that has ended, with what it left in its folder."""
    folder = TrialFolder(record.folder)
    return replace(
        record,
        state=result.state,
        reason=result.reason,
        value=result.value,
        metrics=result.metrics,
        test_metrics=folder.test_metrics(),
        reports=folder.reports(),
        cpu_seconds=result.cpu_seconds,
        wall_seconds=result.wall_seconds,
        divergence=result.divergence,
        learning_rate_deviation=result.learning_rate_deviation,
        has_other_weights=result.has_other_weights,
        skipped_steps=result.skipped_steps,
        has_own_optimizer=result.has_own_optimizer,
        model=result.model,
        defaults=result.defaults,
    )


def draw_figures(record: TrialRecord) -> None:
    """Draw those figures of a trial that has ended which its folder lacks."""
    folder = TrialFolder(record.folder)
    missing = [name for name in figures(record) if not (folder.figures / name).exists()]
    if not missing:
        return
    from clr_sweep.results.style import save

    for name in missing:
        folder.save_figure(name, partial(save, drawn(name, record)))


def drawn(name: str, record: TrialRecord) -> Figure:
    """A figure of a trial, one of those that `figures` names."""
    # Imports Matplotlib, which a driver whose trials have drawn need not have.
    from clr_sweep.results.figures import learning_rate_figure, loss_by_rate_figure, loss_figure

    if name == "loss.png":
        return loss_figure(record)
    folder = TrialFolder(record.folder)
    curve = folder.curve()
    assert curve is not None
    rates, losses = curve
    steps = range(len(rates))
    if name == "learning_rate.png":
        return learning_rate_figure(steps, rates, losses, record, momenta=folder.momenta())
    return loss_by_rate_figure(steps, rates, losses, record)

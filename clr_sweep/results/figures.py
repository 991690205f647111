"""Every figure of a trial and of a study, and the files they are stored as."""

from __future__ import annotations

from collections.abc import Mapping

from matplotlib.figure import Figure

from clr_sweep.results.bounds_figure import bounds_figure
from clr_sweep.results.divergence_figure import divergence_figure
from clr_sweep.results.importance_figure import importance_figure
from clr_sweep.results.loss_by_rate import loss_by_rate_figure
from clr_sweep.results.space_figure import space_figure
from clr_sweep.results.study_figures import comparison_figure, history_figure
from clr_sweep.results.trial_figures import learning_rate_figure, loss_figure
from clr_sweep.results.trial_values import ended
from clr_sweep.results.verdict_figure import verdict_figure
from clr_sweep.training.records import Importance, StudyRecord

__all__ = [
    "bounds_figure",
    "comparison_figure",
    "divergence_figure",
    "history_figure",
    "importance_figure",
    "learning_rate_figure",
    "loss_by_rate_figure",
    "loss_figure",
    "space_figure",
    "study_figures",
    "verdict_figure",
]


def study_figures(
    study: StudyRecord, importances: Mapping[str, Importance] | None = None
) -> dict[str, Figure]:
    """The study's figures by file name, those that have something to show.

    Args:
        importances: of its hyperparameters, where they are known.
    """
    if study.comparison is not None:
        return {"verdict.png": verdict_figure(study)}
    figures: dict[str, Figure] = {}
    if study.comparisons:
        figures["verdict.png"] = verdict_figure(study.comparisons[-1])
    if ended(study):
        figures["history.png"] = history_figure(study)
        figures["search-space.png"] = space_figure(study)
        figures["bounds.png"] = bounds_figure(study)
        figures["divergence.png"] = divergence_figure(study)
    compared = (study.best, study.baseline)
    if any(record is not None and record.reports for record in compared):
        figures["comparison.png"] = comparison_figure(study)
    if importances:
        figures["importances.png"] = importance_figure(study, importances)
    return figures

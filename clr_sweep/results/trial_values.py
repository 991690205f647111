"""The values of a study's trials as figures draw them: which ones, on which axis, as what mark."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from matplotlib.axes import Axes

from clr_sweep.results import curves, style
from clr_sweep.results.value_scale import ValueScale
from clr_sweep.training.records import StudyRecord, TrialRecord


def ended(study: StudyRecord) -> list[TrialRecord]:
    """The trials that have ended, by number: those that figures draw."""
    return sorted(
        (trial for trial in study.trials if trial.has_ended),
        key=lambda trial: trial.number or 0,
    )


def value_scale(study: StudyRecord, show: Sequence[float] = ()) -> ValueScale:
    """The y axis of the study's values; `show` holds further values to draw to scale."""
    trials = ended(study)
    values = {
        done: [
            value
            for trial in trials
            if (trial.state == "complete") is done
            and (value := curves.shown_value(trial, study.metric)) is not None
        ]
        for done in (True, False)
    }
    return ValueScale.of(values[True], values[False], study.direction, show)


def baseline_value(study: StudyRecord) -> float | None:
    """The metric of a baseline that is complete, else None."""
    if study.baseline is None or study.baseline.state != "complete":
        return None
    return curves.shown_value(study.baseline, study.metric)


def scatter(
    ax: Axes, study: StudyRecord, x_of: Callable[[TrialRecord], float | None],
    scale: ValueScale,
) -> list[float]:  # fmt: skip
    """Draws every ended trial that has an x, by state, the best one ringed.

    Returns:
        The y positions drawn.
    """
    drawn: list[float] = []
    for state, mark in style.STATES.items():
        marks = [
            (x, scale.place(curves.shown_value(trial, study.metric)))
            for trial in ended(study)
            if trial.state == state and (x := x_of(trial)) is not None
        ]
        if marks:
            style.draw_marks(ax, marks, mark, gid=state)
            drawn += [y for _, y in marks]
    best = study.best
    if best is not None and best.value is not None and (x := x_of(best)) is not None:
        ax.scatter([x], [scale.place(best.value)], s=110, facecolors="none",
                   edgecolors=style.ORANGE, linewidths=2, zorder=5, gid="best")  # fmt: skip
    return drawn

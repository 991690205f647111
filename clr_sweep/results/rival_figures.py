"""Runs beside one another: their rates, their losses, and what they reached at which cost.

Half as wide as the other figures: two stand side by side where there is room.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from clr_sweep.definition.reported_metric import ReportedMetric
from clr_sweep.results import curves, style, words
from clr_sweep.results.curves import Array
from clr_sweep.results.trial_values import baseline_value, scatter, value_scale
from clr_sweep.training.records import StudyRecord, TrialRecord

WIDTH, HEIGHT = 5.4, 3.9  # inches
# Told apart by colour and by dashes: the best trial first, the baseline second.
_LINES = (
    (style.BLUE, "-"),
    (style.INK, (0, (5, 2))),
    (style.VERMILLION, (0, (3, 1, 1, 1))),
)
_PANEL = 1.6  # inches, of one of several
# Rates that differ by more than the first factor are drawn on a logarithmic axis, of no more than
# the second.
_WIDE, _WIDEST = 10.0, 1e4


Curve = Callable[[TrialRecord], tuple[Array, Array]]
Look = tuple[str, Any]
"""The colour of a line and its dashes, as Matplotlib takes them."""


@dataclass(frozen=True)
class Rival:
    """A run that is shown beside others.

    Attributes:
        label: what it is called in a legend: a few words.
    """

    label: str
    record: TrialRecord


def rates_figure(rivals: Sequence[Rival]) -> Figure:
    """The learning rate of each run over its epochs."""
    drawn = _beside(rivals, "epoch", "learning rate", curves.rate_curve)
    ax = drawn.axes[0]
    lines = [
        np.asarray(line.get_ydata(), dtype=np.float64)
        for panel in drawn.axes
        for line in panel.get_lines()
    ]
    rates = np.concatenate(lines) if lines else np.zeros(0)
    above = rates[rates > 0]
    if len(above) and above.max() > _WIDE * rates.min():
        # A schedule that ends at 0 passes all decades in its last steps: a few of them are enough.
        style.log_rates(ax, "y", np.maximum(above, above.max() / _WIDEST))
    else:
        ax.set_ylim(bottom=0)
    style.whole_ticks(ax)
    return drawn


def metric_figure(rivals: Sequence[Rival], metric: ReportedMetric) -> Figure:
    """A metric of each run at the end of each epoch."""
    drawn = _beside(
        rivals, "epoch", words.metric(metric),
        lambda one: curves.metric_curve(one, metric.name), ends=True,
    )  # fmt: skip
    style.whole_ticks(drawn.axes[0])
    return drawn


def progress_by_cost_figure(rivals: Sequence[Rival], metric: ReportedMetric) -> Figure:
    """What each run had reached after how much CPU time."""

    def by_cost(record: TrialRecord) -> tuple[Array, Array]:
        _, values = curves.metric_curve(record, metric.name)
        seconds = np.cumsum([report.cpu_seconds for report in record.reports], dtype=np.float64)
        return seconds[: len(values)], values

    drawn = _beside(rivals, "CPU time of the run (s)", words.metric(metric), by_cost, ends=True)
    drawn.axes[0].set_xlim(left=0)
    return drawn


def value_by_cost_figure(study: StudyRecord) -> Figure:
    """Every ended trial: what it reached, and the CPU time that it took."""
    baseline = baseline_value(study)
    drawn, ax = _panel("CPU time of the trial (s)", words.metric(study.objective))
    scale = value_scale(study, [] if baseline is None else [baseline])
    positions = scatter(ax, study, lambda trial: trial.cpu_seconds, scale)
    if baseline is not None and study.baseline is not None:
        ax.scatter([study.baseline.cpu_seconds], [baseline], marker="s", s=44, color=style.INK,
                   zorder=5, gid="baseline")  # fmt: skip
    runs = [trial for trial in study.all if trial.has_ended]
    ax.set_xlim(0, 1.08 * max((run.cpu_seconds for run in runs), default=1.0) or 1.0)
    scale.apply(ax, positions, label=False)
    if scale.lane in positions:
        # Its own tick: within the axes words would lie under marks.
        ticks = list(ax.get_yticks())
        side, limit = ("below", scale.low) if scale.worse_is_low else ("above", scale.high)
        named = [f"{tick:g}" for tick in ticks] + [f"none or\n{side} {limit:.3g}"]
        ax.set_yticks([*ticks, scale.lane], named)
    handles = style.state_handles([trial.state for trial in study.trials if trial.has_ended])
    if baseline is not None:
        handles.append(style.handle(style.Mark("s", 44, style.INK, style.INK), "baseline"))
    _legend(drawn, handles, columns=len(handles))
    return drawn


def best_and_baseline(study: StudyRecord) -> tuple[Rival, ...]:
    """The best trial and the baseline, as far as there are both."""
    found = []
    if (best := study.best) is not None:
        found.append(Rival(f"{best.label}: {words.bounds(best)}", best))
    if study.baseline is not None and study.baseline.reports:
        found.append(Rival(f"baseline: {words.bounds(study.baseline)}", study.baseline))
    return tuple(found)


def _panel(x: str, y: str) -> tuple[Figure, Axes]:
    drawn = Figure(figsize=(WIDTH, HEIGHT), dpi=style.DPI, layout="constrained", facecolor="white")
    ax = drawn.add_subplot()
    style.dress(ax, x, y)
    ax.yaxis.set_major_locator(MaxNLocator(6, steps=[1, 2, 2.5, 5, 10]))
    return drawn, ax


def _beside(
    rivals: Sequence[Rival], x: str, y: str, curve: Curve, ends: bool = False
) -> Figure:  # fmt: skip
    """All runs in one panel; where they are more than it tells apart, the first beside each."""
    if len(rivals) <= len(_LINES):
        drawn, ax = _panel(x, y)
        shown = [
            line
            for rival, look in zip(rivals, _LINES, strict=False)
            for line in _line(ax, rival, look, curve, ends)
        ]
        if not shown:
            style.message(ax, "nothing to show yet")
        _legend(drawn, shown)
        return drawn
    own, *others = rivals
    rows = math.ceil(len(others) / 2)
    drawn = Figure(
        figsize=(WIDTH, 0.9 + _PANEL * rows), dpi=style.DPI, layout="constrained", facecolor="white"
    )
    panels = drawn.subplots(rows, 2, sharex=True, sharey=True).ravel()
    shown = []
    for ax, rival in zip(panels, others, strict=False):
        style.dress(ax, "", "")
        ax.yaxis.set_major_locator(MaxNLocator(4, steps=[1, 2, 2.5, 5, 10]))
        shown = _line(ax, own, _LINES[0], curve, ends)
        _line(ax, rival, (style.VERMILLION, _LINES[1][1]), curve, ends)
        name = "\n".join(words.shorten(line, 32) for line in rival.label.split(": ", 1))
        ax.set_title(name, fontsize=style.SMALL, color=style.VERMILLION, loc="left", gid="label")
    for ax in panels[len(others) :]:
        ax.remove()
        panels[len(others) - 2].tick_params(labelbottom=True)
    drawn.supxlabel(x, fontsize=style.SMALL)
    drawn.supylabel(y, fontsize=style.SMALL)
    _legend(drawn, shown)
    return drawn


def _line(ax: Axes, rival: Rival, look: Look, curve: Curve, ends: bool) -> list[Line2D]:
    x, y = curve(rival.record)
    ax.margins(x=0.02)
    if not np.isfinite(y).any():
        return []
    color, dashes = look
    # As many points as the panel has pixels.
    x, y = curves.thin(x, y, 300)
    shown = ax.plot(x, y, ls=dashes, color=color, lw=1.8, gid=rival.label, label=rival.label)
    if ends:
        ax.plot(x[-1:], y[-1:], "o", ms=5.5, color=color, mec="white", clip_on=False)
    return shown


def _legend(drawn: Figure, handles: Sequence[Line2D], columns: int = 1) -> None:
    if handles:
        # A line fills its place in the legend, a mark stands in the middle of it.
        lines = handles[0].get_linestyle() != "None"
        drawn.legend(
            handles=list(handles), loc="outside upper left", ncols=columns, frameon=False,
            fontsize=style.SMALL, labelcolor=style.INK, handlelength=2.6 if lines else 1.0,
            handletextpad=0.6 if lines else 0.2, columnspacing=1.0,
        )  # fmt: skip

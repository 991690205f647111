"""The figures of a study: its history, the best trial against the baseline."""

from __future__ import annotations

from itertools import accumulate

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from clr_sweep.results import curves, style, words
from clr_sweep.results.line_labels import end_labels
from clr_sweep.results.trial_values import baseline_value, ended, scatter, value_scale
from clr_sweep.training.records import StudyRecord, TrialRecord

_RATE = "learning rate"


def history_figure(study: StudyRecord) -> Figure:
    """The value of every ended trial by its number, the best so far, and the baseline.

    Trials that did not complete are shown with marks of their own at the last metric they
    reported, or in a lane beneath if they reported none.
    """
    trials, best = ended(study), study.best
    baseline = baseline_value(study)
    name = words.metric(study.objective)
    if not trials:
        return style.empty(f"{style.name(study)}: history", "no trial has ended yet")
    title = f"{style.name(study)}: no complete trial yet"
    if best is not None and best.value is not None:
        title = f"{style.name(study)}: best {name} {words.value(best.value)} ({best.label}"
        title += f"), baseline {words.value(baseline)}" if baseline is not None else ")"
    drawn = style.figure(
        title, f"{words.capital(name)} of each trial, and the best so far", legend=True
    )
    ax = drawn.add_subplot()
    style.dress(ax, "trial", name)
    scale = value_scale(study, [] if baseline is None else [baseline])
    positions = scatter(
        ax, study, lambda trial: None if trial.number is None else float(trial.number), scale
    )
    numbers = [trial.number or 0 for trial in trials]
    room = max(0.6, 0.015 * max(numbers, default=0))
    ax.set_xlim(-room, max(numbers, default=0) + room)
    style.whole_ticks(ax)
    scale.apply(ax, positions, label=False)
    labels: list[tuple[float, str, str]] = []
    if scale.lane in positions:
        labels.append((scale.lane, scale.lane_label, style.MUTED))
    if best is not None and best.value is not None:
        x, y = best_so_far(study)
        ax.step([*x, max(numbers) + room], [*y, y[-1]], where="post", color=style.BLUE, lw=1.6,
                zorder=2, gid="best so far")  # fmt: skip
        labels.append((best.value, f"best so far\n{words.value(best.value)}", style.BLUE))
    if baseline is not None and study.baseline is not None:
        ax.axhline(baseline, color=style.INK, lw=1.2, ls="--", zorder=1, gid="baseline")
        rate = words.bounds(study.baseline)
        labels.append((baseline, f"baseline {words.value(baseline)}\n{rate}", style.INK))
    end_labels(ax, labels, gap=0.1)
    style.legend(drawn, style.state_handles([trial.state for trial in trials]))
    return drawn


# Rates that differ by more than this factor are drawn on a logarithmic axis.
_WIDE = 10.0


def best_so_far(study: StudyRecord) -> tuple[list[int], list[float]]:
    """The numbers of complete trials and the best value among each and those before it."""
    done = sorted((trial.number or 0, trial.value or 0.0) for trial in study.complete)
    better = max if study.direction == "maximize" else min
    return [number for number, _ in done], list(accumulate((value for _, value in done), better))


def comparison_figure(study: StudyRecord) -> Figure:
    """The best trial against the baseline: the objective, the loss, and both rates.

    Where the objective is the loss, the first metric that the sweep names stands beside it.

    All panels share the axis of epochs. Values are those at the ends of epochs; the rates are
    those of the recorded steps.
    """
    best, baseline = study.best, study.baseline
    runs = [
        (record, what, color, dashes)
        for record, what, color, dashes in (
            (baseline, "baseline", style.INK, "--"),
            (best, best.label if best else "", style.BLUE, "-"),
        )
        if record is not None
    ]
    if not runs:
        return style.empty(_comparison_title(study), "no complete trial yet, and no baseline")
    drawn = style.figure(
        _comparison_title(study),
        "; ".join(f"{what}: {words.bounds(record)}" for record, what, _, _ in reversed(runs))
        + ("" if baseline else "; no baseline in this study"),
        height=1.8 + 2.1 * len(names := _compared_curves(study, runs[-1][0])) + 1.2,
    )
    ratios = [3] * len(names) + [2]
    panels = drawn.subplots(len(ratios), 1, sharex=True, height_ratios=ratios)
    lengths = [curves.epochs_done(record) for record, *_ in runs]
    for ax, name in zip(panels, (*names, _RATE), strict=True):
        label = name if name == _RATE else words.metric(study.reported(name))
        style.dress(ax, "", words.in_lines(label))
        ax.set_xlim(0, 1.01 * max([1.0, *lengths]))
        labels = [
            (end, f"{what} {text}".strip(), color)
            for record, what, color, dashes in runs
            for end, text in [_draw_run(ax, record, name, color, dashes, what)]
            if end is not None
        ]
        if name == _RATE:
            _rate_axis(ax)
        if ax.get_yscale() == "linear":
            ax.yaxis.set_major_locator(MaxNLocator(5, steps=[1, 2, 2.5, 5, 10]))
        if labels:
            end_labels(ax, labels, gap=0.12 if name != _RATE else 0.17)
    panels[-1].set_xlabel("epoch", fontsize=style.BODY, color=style.INK)
    style.whole_ticks(panels[-1])
    drawn.align_ylabels()
    return drawn


def _rate_axis(ax: Axes) -> None:
    """Logarithmic where the rates differ much: a linear axis lays a low one on its bottom."""
    lines = [np.asarray(line.get_ydata(), dtype=np.float64) for line in ax.get_lines()]
    rates = np.concatenate(lines) if lines else np.zeros(0)
    if len(rates) and rates.min() > 0 and rates.max() > _WIDE * rates.min():
        style.log_rates(ax, "y", rates)
    else:
        ax.set_ylim(bottom=0)


def _compared_curves(study: StudyRecord, record: TrialRecord) -> list[str]:
    """The metrics that are drawn: two, or the loss alone where nothing else is measured."""
    others = [f"val_{name}" for name in curves.measured(record)]
    names = dict.fromkeys([study.metric, "val_loss", *others])
    shown = [name for name in names if len(curves.metric_curve(record, name)[0])]
    return (shown or [study.metric])[:2]


def _draw_run(
    ax: Axes, record: TrialRecord, name: str, color: str, dashes: str, what: str
) -> tuple[float | None, str]:
    """Draws one curve; returns its last value, and a metric's last value in words."""
    rates = name == _RATE
    x, y = curves.rate_curve(record) if rates else curves.metric_curve(record, name)
    finite = y[np.isfinite(y)]
    if not len(finite):
        return None, ""
    ax.plot(*(curves.thin(x, y)), dashes, color=color, lw=1.8, gid=what)
    if not rates:
        ax.plot(x[-1:], y[-1:], "o", ms=5.5, color=color, mec="white", clip_on=False)
        for at in curves.trough_epochs(record):
            ax.axvline(at, color=style.GRID, lw=1.2, zorder=0.5, gid="trough")
    last = float(finite[-1])
    return last, "" if rates else words.value(last)


def _comparison_title(study: StudyRecord) -> str:
    best, name = study.best, words.metric(study.objective)
    if best is None or best.value is None:
        return f"{style.name(study)}: no complete trial yet"
    title = f"{words.capital(best.label)} reaches {name} {words.value(best.value)}"
    baseline = baseline_value(study)
    if baseline is not None:
        return f"{title}, the baseline {words.value(baseline)}"
    return title + (f"; the baseline {study.baseline.state}" if study.baseline else "")

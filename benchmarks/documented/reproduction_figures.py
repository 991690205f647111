"""The figures of the reproductions: the tutorial's rates and values, and the curve of the rates."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MultipleLocator

from benchmarks.documented.kept import read
from benchmarks.documented.reproductions import TUTORIAL, by_rate, rates_of
from clr_sweep.results import style, words
from clr_sweep.results.line_labels import end_labels

_COLOURS = dict(
    zip(TUTORIAL, (style.INK, style.VERMILLION, style.BLUE), strict=True),
)


def tutorial_figure() -> Figure:
    """Above the rate of each schedule, below the accuracy of its seeds, over the same epochs."""
    drawn = style.figure(
        "The tutorial's cyclical rate is small and ends off its trough",
        "Above the rate of each step, below the accuracy on the test set after each epoch: five "
        "seeds each, their mean thick",
        height=6.4,
    )
    rates, values = drawn.subplots(2, 1, sharex=True, height_ratios=[1, 1.3])
    style.dress(rates, "", "learning rate")
    style.dress(values, "epoch", "test accuracy")
    ends = []
    for sweep, colour in _COLOURS.items():
        study = read(sweep).study
        first = study.trials[0]
        path = rates_of(first)
        per_epoch = first.reports[0].step
        rates.plot(np.arange(len(path)) / per_epoch, path, color=colour, lw=1.7)
        curves = np.array(
            [[report.metrics["val_accuracy"] for report in one.reports] for one in study.trials]
        )
        epochs = np.arange(1, curves.shape[1] + 1)
        values.plot(epochs, curves.T, color=colour, lw=0.7, alpha=0.5)
        mean = curves.mean(axis=0)
        values.plot(epochs, mean, color=colour, lw=2.2)
        ends.append((float(mean[-1]), f"{words.bounds(first)}\n{mean[-1]:.4f}", colour))
    style.log_rates(rates, "y", [1e-4, 0.5])
    values.set_xlim(0, 10)
    values.xaxis.set_major_locator(MultipleLocator(1))
    end_labels(values, ends, gap=0.12)
    return drawn


def rate_curve_figure() -> Figure:
    """The accuracy of each constant rate; a rate that diverged is marked at the foot."""
    study = read("rate_curve").study
    trials = by_rate(study)
    done = [trial for trial in trials if trial.value is not None]
    gone = [trial for trial in trials if trial.state == "diverged"]
    drawn = style.figure(
        "Constant rates from 0.0001 to 1",
        "Validation accuracy after 10 epochs, one run of each rate"
        + (f"; {len(gone)} diverged" if gone else ""),
        height=4.2,
    )
    ax = drawn.add_subplot()
    style.dress(ax, "constant learning rate", "validation accuracy", grid="both")
    x = [trial.config.schedule.max_lr for trial in done]
    y = [trial.value or 0.0 for trial in done]
    style.log_rates(ax, "x", [trial.config.schedule.max_lr for trial in trials])
    ax.plot(x, y, color=style.BLUE, lw=1.5, zorder=2)
    style.draw_marks(ax, list(zip(x, y, strict=True)), style.STATES["complete"], "complete")
    best = max(range(len(y)), key=y.__getitem__)
    for at in sorted({0, x.index(0.01), best, len(x) - 1}):
        ax.annotate(
            f"{words.rate(x[at])}: {words.value(y[at])}", (x[at], y[at]), xytext=(0, 9),
            textcoords="offset points", ha="right" if at == len(x) - 1 else "center",
            fontsize=style.SMALL, color=style.INK,
        )  # fmt: skip
    foot = [(trial.config.schedule.max_lr, 0.02) for trial in gone]
    style.draw_marks(ax, foot, style.STATES["diverged"], "diverged")
    for rate, height in foot[:1]:
        ax.annotate(
            "diverged", (rate, height), xytext=(-8, 0), textcoords="offset points", ha="right",
            va="center", fontsize=style.SMALL, color=style.VERMILLION,
        )  # fmt: skip
    ax.set_ylim(0, 1)
    return drawn

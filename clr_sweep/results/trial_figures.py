"""The figures of one trial: the learning rate it used and how its losses went."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from clr_sweep.definition.optimizers import momentum_argument
from clr_sweep.results import curves, style, words
from clr_sweep.results.curves import Array
from clr_sweep.results.line_labels import end_labels
from clr_sweep.training.records import TrialRecord

_LABELLED_TROUGHS = 8  # more than this many cycles and their names would touch


def learning_rate_figure(
    steps: npt.ArrayLike,
    rates: npt.ArrayLike,
    batch_losses: npt.ArrayLike,
    record: TrialRecord,
    momenta: npt.ArrayLike | None = None,
) -> Figure:
    """The learning rate of every optimizer step over the planned one, above the batches' losses.

    The plan is a wide, pale line to the trial's planned end; where the rates that were used leave
    it, it is seen. Ends of cycles are marked in all panels. Long curves are thinned so that
    extremes stay in place (`curves.thin`). Where the momentum was cycled it has a panel between.

    Args:
        steps: optimizer steps, ascending, counted from 0, shape (n,).
        rates: the rate that each step used, shape (n,).
        batch_losses: the loss of each step's batch before the update, shape (n,); NaN where not
            known. Without a finite one the panel is left out.
        record: the trial; gives the schedule, its troughs and how the trial ended.
        momenta: the momentum of each step, shape (n,); None where it was not cycled.

    Raises:
        ValueError: the arrays differ in shape or are not 1-d.
    """
    x, y, losses = (np.asarray(a, dtype=np.float64) for a in (steps, rates, batch_losses))
    if x.ndim != 1 or not x.shape == y.shape == losses.shape:
        raise ValueError(
            "steps, rates and batch_losses: must be 1-d and equally long, got shapes "
            f"{x.shape}, {y.shape} and {losses.shape}"
        )
    with_losses = bool(np.isfinite(losses).any())
    drawn = style.figure(
        f"{words.capital(record.label)}: {words.bounds(record)}",
        words.capital(words.cycles(record))
        + ("" if len(x) else "; no step recorded")
        + ("" if record.state == "complete" else f"; {words.short_state(record)}"),
        height=(5.6 if with_losses else 3.8) + (0 if momenta is None else 1.2),
        legend=True,
    )
    ratios = [3.0] + [1.4] * (momenta is not None) + [2.0] * with_losses
    panels = drawn.subplots(len(ratios), 1, sharex=True, height_ratios=ratios, squeeze=False)[:, 0]
    top = panels[0]
    style.dress(top, "", "learning rate")
    _draw_rates(top, x, y, record)
    if momenta is not None:
        argument = momentum_argument(record.config.training.optimizer.name)
        style.dress(panels[1], "", argument or "momentum")
        _draw_momenta(panels[1], x, np.asarray(momenta, dtype=np.float64), record)
    if with_losses:
        style.dress(panels[-1], "", "batch loss")
        _draw_batch_losses(panels[-1], x, losses)
        _mark_troughs(panels[-1], _troughs(record, x), named=False)
        _mark_divergence(panels[-1], record, 1.0, named=False)
    panels[-1].set_xlabel("optimizer step", fontsize=style.BODY, color=style.INK)
    style.whole_ticks(top)
    _epochs_on_top(top, record)
    style.legend(drawn, _rate_handles(record))
    drawn.align_ylabels()
    return drawn


def _draw_rates(ax: Axes, x: Array, y: Array, record: TrialRecord) -> None:
    planned = record.config.steps
    every = np.arange(planned, dtype=np.float64)
    ax.plot(*curves.thin(every, curves.planned_rates(record, every)), color=style.PALE, lw=6,
            solid_joinstyle="miter", gid="planned")  # fmt: skip
    ax.plot(*curves.thin(x, y), color=style.BLUE, lw=1.5, gid="rate")
    high = max(float(np.nanmax(y)) if len(y) else 0.0, record.config.schedule.max_lr)
    ax.set_ylim(0 if high else -1, 1.15 * high or 1)
    ax.set_xlim(-0.005 * planned, 1.005 * planned)
    _mark_troughs(ax, _troughs(record, x))
    if len(x):
        ax.plot(x[-1:], y[-1:], "o", ms=5.5, color=style.BLUE, mec="white", clip_on=False,
                gid="end")  # fmt: skip
        end_labels(ax, [(float(y[-1]), f"last rate\n{words.rate(y[-1])}", style.BLUE)])
    _mark_divergence(ax, record, 1.0)


def _draw_momenta(ax: Axes, x: Array, momenta: Array, record: TrialRecord) -> None:
    ax.plot(*curves.thin(x, momenta), color=style.GREEN, lw=1.6, gid="momentum")
    bounds = record.config.training.cycle_momentum
    if bounds is not None:
        margin = 0.12 * (bounds.high - bounds.low)
        ax.set_ylim(bounds.low - margin, bounds.high + margin)
    if len(x):
        end_labels(ax, [(float(momenta[-1]), f"{momenta[-1]:.3g}", style.GREEN)])
    _mark_troughs(ax, _troughs(record, x), named=False)


def _troughs(record: TrialRecord, steps: Array) -> list[float]:
    done = int(steps[-1]) + 1 if len(steps) else 0
    return [float(step) for step in curves.trough_steps(record, done)]


def _rate_handles(record: TrialRecord) -> list[Line2D]:
    used, found = "used", record.learning_rate_deviation
    if found is not None:
        used += f" (greatest deviation from the plan: {words.rate(found)})"
    return [
        Line2D([], [], color=style.PALE, lw=6, solid_capstyle="butt", label="planned"),
        Line2D([], [], color=style.BLUE, lw=1.5, label=used),
    ]


def _draw_batch_losses(ax: Axes, x: Array, losses: Array) -> None:
    ax.plot(*curves.thin(x, losses), color=style.FAINT, lw=0.5, alpha=0.55, gid="batch loss")
    mean_x, mean_y = curves.smooth(x, losses)
    ax.plot(mean_x, mean_y, color=style.INK, lw=1.4, gid="mean batch loss")
    if not style.log_if_wide(ax, losses) and len(mean_y):
        # A single wild batch must not flatten all the others.
        low, high = np.nanmin(losses), np.nanmax(losses)
        top = high if high < 3 * mean_y.max() else 1.5 * mean_y.max()
        ax.set_ylim(max(0.0, low - 0.05 * (top - low)), 1.03 * top)
    if len(mean_y):
        end_labels(ax, [(float(mean_y[-1]), "mean of\nneighbours", style.INK)], gap=0.1)


def loss_figure(record: TrialRecord) -> Figure:
    """Loss and objective at the end of each epoch of a trial, in training and in validation.

    Where the objective is the loss, the first metric that the sweep names stands beside it.
    Ends of whole cycles are marked, and where the trial diverged if it did. A trial without a
    finished epoch gives an empty figure that says so; one without metrics only the losses.
    """
    other = next((name for name in curves.measured(record) if name != "loss"), None)
    names = [(f"val_{name}", name) for name in ("loss", other) if name is not None]
    shown = [pair for pair in names if any(len(curves.metric_curve(record, n)[0]) for n in pair)]
    drawn = style.figure(
        f"{words.capital(record.label)}: {_finding(record)}",
        words.schedule(record),
        height=5.8 if len(shown) == 2 else 3.8,
    )
    panels = drawn.subplots(max(1, len(shown)), 1, sharex=True, squeeze=False)[:, 0]
    for ax, (validation, training) in zip(panels, shown or names[:1], strict=True):
        measured = record.reported(training)
        style.dress(ax, "", words.in_lines(words.quantity(measured)))
        _draw_metric(ax, record, training, "training", style.SKY, "--")
        _draw_metric(ax, record, validation, "validation", style.BLUE, "-")
        last = max(curves.epochs_done(record) if record.reports else 0.0, 1.0)
        ax.set_xlim(0, max(last, _diverged_at(record) or 0.0) * 1.01)
        if measured.is_loss or measured.is_error:
            both = [curves.metric_curve(record, name)[1] for name in (validation, training)]
            style.log_if_wide(ax, np.concatenate(both))
        _mark_troughs(ax, curves.trough_epochs(record), named=ax is panels[0])
        _mark_divergence(ax, record, curves.steps_per_epoch(record), named=ax is panels[0])
        _label_ends(ax, record, [(validation, "validation", style.BLUE),
                                 (training, "training", style.SKY_TEXT)])  # fmt: skip
    panels[-1].set_xlabel("epoch", fontsize=style.BODY, color=style.INK)
    style.whole_ticks(panels[-1])
    if not shown:
        style.message(panels[0], "no epoch finished" + ("" if record.has_ended else " yet"))
    drawn.align_ylabels()
    return drawn


def _finding(record: TrialRecord) -> str:
    name = record.config.objective.metric
    value = curves.shown_value(record, name)
    metric = words.metric(record.reported(name))
    found = f"{metric} {words.value(value)}" if value is not None else ""
    if record.state == "complete" and found:
        return found
    return words.short_state(record) + (f", last {found}" if found else "")


def _draw_metric(
    ax: Axes, record: TrialRecord, name: str, what: str, color: str, dashes: str
) -> None:
    x, y = curves.metric_curve(record, name)
    if len(x):
        ax.plot(x, y, dashes, color=color, lw=1.9, marker="o", ms=4 if len(x) < 40 else 0,
                mec="white", mew=0.6, gid=what)  # fmt: skip


def _label_ends(ax: Axes, record: TrialRecord, lines: list[tuple[str, str, str]]) -> None:
    entries = []
    for name, what, color in lines:
        y = curves.metric_curve(record, name)[1]
        finite = y[np.isfinite(y)]
        if len(finite):
            entries.append((float(finite[-1]), f"{what} {words.value(finite[-1])}", color))
    if entries:
        end_labels(ax, entries, gap=0.09)


def _mark_troughs(ax: Axes, at: list[float], named: bool = True) -> None:
    for number, x in enumerate(at, start=1):
        many = len(at) > _LABELLED_TROUGHS
        ax.axvline(
            x, color=style.GREEN, lw=0.7 if many else 1.0, alpha=0.55 if many else 1.0,
            ls=(0, (4, 3)), zorder=1, gid="trough",
        )  # fmt: skip
        if named and not many:
            ax.annotate(
                f"cycle {number} ends", (x, 1), xycoords=("data", "axes fraction"),
                xytext=(-4, -3), textcoords="offset points", ha="right", va="top",
                fontsize=style.SMALL - 1, color=style.GREEN,
            )  # fmt: skip


def _diverged_at(record: TrialRecord) -> float | None:
    found = record.divergence
    return found.step / curves.steps_per_epoch(record) if found else None


def _mark_divergence(ax: Axes, record: TrialRecord, unit: float, named: bool = True) -> None:
    if (found := record.divergence) is not None:
        where = f"step {words.count(found.step)},\nrate {words.rate(found.learning_rate)}"
        style.mark_divergence(ax, found.step / unit, f"diverged at {where}" if named else "")


def _epochs_on_top(ax: Axes, record: TrialRecord) -> None:
    per_epoch = curves.steps_per_epoch(record)
    top = ax.secondary_xaxis(
        "top",
        functions=(
            lambda step: np.asarray(step, dtype=np.float64) / per_epoch,
            lambda epoch: np.asarray(epoch, dtype=np.float64) * per_epoch,
        ),
    )
    top.tick_params(labelsize=style.SMALL, colors=style.FAINT, labelcolor=style.MUTED, length=3.5)
    top.spines["top"].set_color(style.FAINT)
    top.set_xlabel("epoch", fontsize=style.SMALL, color=style.MUTED)

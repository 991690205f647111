"""The figure of a range test: losses and the validation metric against the learning rate."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from clr_sweep.common.counts import plural
from clr_sweep.lr_range_test.curve import Curve
from clr_sweep.lr_range_test.report import Shown, edges_in_words
from clr_sweep.lr_range_test.rules import Reading, read
from clr_sweep.lr_range_test.smoothing import Array
from clr_sweep.lr_range_test.suggestion import Suggestion
from clr_sweep.results import curves, style, words

_LINE = 132  # characters that fit into the figure's width
_HALF = 0.08  # of the axes' width: half of what the name of a range takes
_TOP = 0.97  # of their height: as high as a mark can stand
_FLAT = 20.0  # so many times the usual height of a curve leave it too little of the axis
# Not the colours of the ranges.
_SEEDS = (style.BLUE, style.SKY, style.INK, style.FAINT)


def range_figure(record: Shown, refused: Sequence[str] = ()) -> Figure:
    """Batch losses, smoothed losses and the validation metric of each seed, by learning rate.

    The pair is marked, the ranges to search are shaded, and each seed's stability edge stands
    where its smoothed loss ends to mean something. Below the axes stands every warning.

    Args:
        record: a complete test whose curves are there, or one whose bounds are refused.
        refused: why they are; then neither pair nor ranges are drawn.

    Raises:
        StoreError: a curve is gone.
        ValueError: the test is not complete.
    """
    found = record.suggestion
    if found is None and not refused:
        raise ValueError(f"the range test of {record.name} is {record.state}: nothing to draw")
    readings = [read(curve, record.metric, record.sign) for curve in record.curves()]
    test = record.test
    drawn = style.figure(
        f"Range test of {words.shorten(record.name, 32)}: {_pair(found, len(readings))}",
        f"Rule {test.rule}; {plural(len(readings), 'seed')}, {test.ramp} from "
        f"{words.rate(float(test.low))} to {words.rate(float(test.high))} over "
        f"{words.of_epochs(str(test.epochs))}; "
        f"{edges_in_words(record, [reading.edge for reading in readings])}",
        height=6.6,
        legend=True,
        footer=_footer(refused if found is None else found.warnings),
    )
    top, bottom = drawn.subplots(2, 1, sharex=True, height_ratios=[3, 2])
    style.dress(top, "", "training loss")
    style.dress(bottom, "learning rate", words.in_lines(words.metric(record.judged_by), 24))
    _draw_losses(top, readings)
    _draw_metric(bottom, readings, record)
    if found is not None:
        _shade(top, found, named=True)
        _shade(bottom, found, named=False)
    style.log_rates(top, "x", [rate for r in readings for rate in (r.rates[0], r.curve.rates[-1])])
    if test.ramp == "linear":
        _linear(top, readings)
    top.tick_params(labelbottom=False)
    if found is not None:
        _name_ranges(top, found)
    style.legend(drawn, _handles(readings, found is not None))
    drawn.align_ylabels()
    return drawn


def _pair(found: Suggestion | None, seeds: int) -> str:
    if found is None:
        return "no bounds"
    few = f", from {len(found.pairs)} of {seeds} seeds" if len(found.pairs) < seeds else ""
    return f"base {words.rate(found.base)}, max {words.rate(found.max)}{few}"


def _footer(warnings: Sequence[str]) -> list[str]:
    return [
        line
        for warning in warnings
        for line in textwrap.wrap(f"Warning: {warning}", _LINE, subsequent_indent="    ")
    ]


def _draw_losses(ax: Axes, readings: Sequence[Reading]) -> None:
    for number, reading in enumerate(readings):
        color, curve = _SEEDS[number % len(_SEEDS)], reading.curve
        shown = np.isfinite(curve.losses)
        ax.plot(*curves.thin(curve.rates[shown], curve.losses[shown]), color=color, lw=0.4,
                alpha=0.22, zorder=1, gid="batch loss")  # fmt: skip
        ax.plot(*curves.thin(reading.rates, reading.losses), color=color, lw=1.8, zorder=3,
                gid="smoothed loss")  # fmt: skip
    # What the batches do once they diverge must not flatten all that is before.
    low = min(float(reading.losses.min()) for reading in readings)
    starts = [reading.start for reading in readings]
    high = _highest(starts, np.concatenate([_to_edge(reading) for reading in readings]), low)
    _set_limits(ax, low, high, 0.35, 0.45, floor=0.0)
    _say_cut(ax, max(starts) > high, "higher")
    bottom, top = ax.get_ylim()
    for reading in readings:
        if reading.divergence is not None and reading.edge is not None:
            at = min(reading.divergence.edge, len(reading.rates) - 1)
            # An edge is a rate: where its loss is above the axes, it stands at their top.
            loss = min(float(reading.losses[at]), bottom + _TOP * (top - bottom))
            style.draw_marks(ax, [(reading.edge, loss)], style.STATES["diverged"], "edge")


def _draw_metric(ax: Axes, readings: Sequence[Reading], record: Shown) -> None:
    for number, reading in enumerate(readings):
        color, curve = _SEEDS[number % len(_SEEDS)], reading.curve
        values = curve.metrics[record.metric]
        shown = np.isfinite(values)
        rates = curve.rates_at_evaluations()
        ax.plot(rates[shown], values[shown], color=color, lw=1.5, marker="o", ms=3.2, mec="white",
                mew=0.4, zorder=3, gid="validation")  # fmt: skip
    values = np.concatenate([_before_divergence(reading, record.metric) for reading in readings])
    if record.judged_by.is_share or not len(values):
        return
    # What a metric without bounds does after the divergence must not flatten all that is before.
    first = [_early(reading.curve, record.metric) for reading in readings]
    if record.sign < 0:
        low = float(values.min())
        high = _highest(first, values, low)
        _set_limits(ax, low, high, 0.2, 0.4, floor=0.0 if low >= 0 else -np.inf)
        _say_cut(ax, max(first) > high, "higher")
    else:
        high = float(values.max())
        low = -_highest([-one for one in first], -values, -high)
        _set_limits(ax, low, high, 0.4, 0.2, floor=-np.inf)
        _say_cut(ax, min(first) < low, "lower")


def _highest(starts: Sequence[float], values: Array, low: float) -> float:
    """The highest of the seeds' first values, without those that would flatten all others.

    Where nobody scaled the columns, the first losses may be a million times those that follow.

    Args:
        values: of all seeds, shape (n,).
        low: the lowest of them.
    """
    usual = float(np.quantile(values, 0.9))
    return max((one for one in starts if one - low <= _FLAT * (usual - low)), default=usual)


def _say_cut(ax: Axes, is_cut: bool, where: str) -> None:
    if is_cut:
        ax.set_ylabel(f"{ax.get_ylabel()}\n({where} at first)")


def _set_limits(
    ax: Axes, low: float, high: float, below: float, above: float, floor: float
) -> None:
    """Limits around what is to be seen; Matplotlib's own where it has no height, or is not finite.

    Args:
        below, above: the margins, in parts of the height.
        floor: no margin reaches below it.
    """
    height = high - low
    if np.isfinite(height) and height > 0:
        ax.set_ylim(max(floor, low - below * height), high + above * height)


def _to_edge(reading: Reading) -> Array:
    """The smoothed losses up to the stability edge, the first one at least."""
    found = reading.divergence
    return reading.losses if found is None else reading.losses[: max(1, found.edge)]


def _before_divergence(reading: Reading, metric: str) -> Array:
    """The metric as it was measured, not smoothed: that is what is drawn."""
    values = reading.curve.metrics[metric][reading.curve.evaluated <= len(reading.rates)]
    return values[np.isfinite(values)]


def _early(curve: Curve, metric: str) -> float:
    """The metric after some steps at the lowest rates.

    Before the first step batch normalisation knows nothing of the data, and the metric may be far
    off what any training shows.
    """
    early = curve.metrics[metric][curve.evaluated > 0]
    early = early[np.isfinite(early)]
    return float(early[0] if len(early) else curve.metrics[metric][0])


def _shade(ax: Axes, found: Suggestion, named: bool) -> None:
    """Shades the ranges and marks the pair, below the names where they stand in the axes."""
    for (low, high), color, gid in (
        (found.init_lr, style.GREEN, "init_lr"),
        (found.max_lr, style.ORANGE, "max_lr"),
    ):
        ax.axvspan(low, high, color=color, alpha=0.10, lw=0, zorder=0, gid=gid)
    for rate, color in ((found.base, style.GREEN), (found.max, style.VERMILLION)):
        top = 0.87 if named else 1.0
        ax.axvline(rate, ymax=top, color=color, lw=1.4, ls=(0, (5, 3)), zorder=2, gid="pair")


def _name_ranges(ax: Axes, found: Suggestion) -> None:
    """Names the shaded ranges and the pair, within the axes at its top."""
    # On a linear axis both ranges may be narrow, and at its left end.
    first = float(np.clip(_middle(ax, found.init_lr), _HALF, 1 - 3 * _HALF))
    second = float(np.clip(_middle(ax, found.max_lr), first + 2 * _HALF, 1 - _HALF))
    for middle, key, (low, high), color in (
        (first, "init_lr", found.init_lr, style.GREEN),
        (second, "max_lr", found.max_lr, style.VERMILLION),
    ):
        ax.text(
            middle, 0.985, f"{key}\n{words.rate(low)} to {words.rate(high)}",
            transform=ax.transAxes, ha="center", va="top", fontsize=style.SMALL, color=color,
            gid="range", zorder=5,
            bbox={"facecolor": "white", "edgecolor": "none", "pad": 2.0, "alpha": 0.85},
        )  # fmt: skip


def _middle(ax: Axes, rates: tuple[float, float]) -> float:
    """The middle of what the axes show of a range, as a part of their width."""
    to_part = ax.transData - ax.transAxes
    low, high = (float(np.clip(to_part.transform((rate, 0.0))[0], 0, 1)) for rate in rates)
    return (low + high) / 2


def _linear(ax: Axes, readings: Sequence[Reading]) -> None:
    """The axis of a linear ramp: Smith's own."""
    ax.set_xscale("linear")
    ax.set_xlim(0, 1.02 * max(float(reading.curve.rates[-1]) for reading in readings))


def _handles(readings: Sequence[Reading], has_pair: bool) -> list[Line2D]:
    seeds = [
        Line2D([], [], color=_SEEDS[i % len(_SEEDS)], lw=1.8, label=f"seed {i + 1}")
        for i in range(min(len(readings), len(_SEEDS)))
    ]
    faint = Line2D([], [], color=style.MUTED, lw=0.6, alpha=0.6, label="each batch")
    dashes = Line2D([], [], color=style.MUTED, lw=1.4, ls=(0, (5, 3)), label="base and max")
    pair = [dashes] if has_pair else []
    marks = [style.handle(style.STATES["diverged"], "stability edge")]
    return [*seeds, faint, *pair, *(marks if any(r.divergence for r in readings) else [])]

"""How every figure looks: colours, sizes, headers and labels.

Sizes are set on each artist, never in matplotlib's global settings, so that figures can be made
from several threads and inside programs that have settings of their own.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, MaxNLocator, NullFormatter

from clr_sweep.results import words

# Okabe and Ito's palette, made to be told apart with every kind of colour vision.
BLUE, SKY, GREEN = "#0072B2", "#56B4E9", "#009E73"
VERMILLION, ORANGE = "#D55E00", "#E69F00"
INK, MUTED, FAINT, GRID = "#222222", "#666666", "#9A9A9A", "#E8E8E8"

WIDTH = 9.0  # inches: at 100 pixels an inch what MLflow's page shows; drawn finer for sharpness
DPI = 150
SMALL, BODY, HEAD = 9.0, 10.0, 13.0  # points


class Mark(NamedTuple):
    """How the trials of a state are drawn."""

    marker: str
    size: float
    face: str
    edge: str


STATES = {
    "complete": Mark("o", 34, BLUE, "white"),
    "pruned": Mark("o", 26, "none", MUTED),
    "diverged": Mark("x", 34, VERMILLION, VERMILLION),
    "failed": Mark("s", 26, "none", INK),
}
POLICY_MARKERS = {"triangular": "^", "triangular2": "s", "exp_range": "o"}


def figure(title: str, subtitle: str = "", height: float = 5.0, legend: bool = False) -> Figure:
    """An empty figure with its header; the space beneath is for the axes.

    Args:
        title: what the figure shows or finds, one line.
        subtitle: how to read it, one line.
        height: inches, header included.
        legend: leave a line for `legend` in the header.
    """
    drawn = Figure(figsize=(WIDTH, height), dpi=DPI, layout="constrained", facecolor="white")
    header = 0.5 + (0.24 if subtitle else 0.0) + (0.28 if legend else 0.0)
    engine = drawn.get_layout_engine()
    if engine is not None:
        engine.set(rect=(0.005, 0.01, 0.985, 1 - header / height - 0.01))
    drawn.text(
        0.012, 1 - 0.14 / height, words.shorten(title, 84), fontsize=HEAD, fontweight="bold",
        color=INK, va="top", ha="left", gid="title",
    )  # fmt: skip
    if subtitle:
        drawn.text(
            0.012, 1 - 0.42 / height, words.shorten(subtitle, 128), fontsize=SMALL, color=MUTED,
            va="top", ha="left", gid="subtitle",
        )  # fmt: skip
    return drawn


def legend(drawn: Figure, handles: Sequence[Line2D], line: float = 0.68) -> None:
    """Puts handles in a row under the subtitle, `line` inches below the figure's top."""
    if handles:
        height = drawn.get_size_inches()[1]
        drawn.legend(
            handles=list(handles), loc="upper left", bbox_to_anchor=(0.004, 1 - line / height),
            ncols=len(handles), frameon=False, fontsize=SMALL, labelcolor=INK,
            handletextpad=0.3, columnspacing=1.6, borderpad=0.0, borderaxespad=0.0,
        )  # fmt: skip


def handle(mark: Mark, label: str) -> Line2D:
    """A legend's entry for a mark."""
    return Line2D(
        [], [], linestyle="none", marker=mark.marker, markersize=mark.size**0.5,
        markerfacecolor=mark.face, markeredgecolor=mark.edge, label=label,
        markeredgewidth=1.6 if mark.marker == "x" else 1.1,
    )  # fmt: skip


def dress(ax: Axes, x: str = "", y: str = "", grid: str = "y") -> None:
    """Gives an axes its labels, quiet spines, ticks and a grid."""
    for side in ("top", "right"):
        ax.spines[side].set_visible(False)
    for side in ("left", "bottom"):
        ax.spines[side].set_color(FAINT)
    ax.tick_params(which="both", labelsize=SMALL, colors=FAINT, labelcolor=INK, length=3.5)
    ax.grid(visible=True, axis=grid, color=GRID, linewidth=0.8)  # type: ignore[arg-type]
    ax.set_axisbelow(True)
    ax.set_xlabel(x, fontsize=BODY, color=INK)
    ax.set_ylabel(y, fontsize=BODY, color=INK)


def whole_ticks(ax: Axes) -> None:
    """Ticks of the x axis at whole numbers alone, thousands apart."""
    ax.xaxis.set_major_locator(MaxNLocator(nbins=9, integer=True, min_n_ticks=1))
    ax.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:,.0f}"))


def log_rates(ax: Axes, axis: str, values: Iterable[float]) -> None:
    """A logarithmic axis of learning rates with plain numbers; linear near 0 if 0 is among them."""
    known = list(values)
    above = [v for v in known if v > 0]
    target = ax.xaxis if axis == "x" else ax.yaxis
    scale = ax.set_xscale if axis == "x" else ax.set_yscale
    if not above:
        return
    if len(above) < len(known):
        scale("symlog", linthresh=min(above))
    else:
        scale("log")
        low, high = min(above), max(above)
        room = max((high / low) ** 0.06, 1.12)
        (ax.set_xlim if axis == "x" else ax.set_ylim)(low / room, high * room)
    target.set_major_formatter(FuncFormatter(lambda v, _: words.rate(v)))
    if above and max(above) / min(above) > 10:
        target.set_minor_formatter(NullFormatter())
    else:
        target.set_minor_formatter(FuncFormatter(lambda v, _: words.rate(v)))


def message(ax: Axes, text: str) -> None:
    """Says in the middle of an axes why there is nothing, or little, to see."""
    ax.text(
        0.5, 0.5, text, transform=ax.transAxes, ha="center", va="center", fontsize=BODY + 1,
        color=MUTED, gid="message",
        bbox={"boxstyle": "round,pad=0.5", "facecolor": "white", "edgecolor": GRID},
    )  # fmt: skip


def end_labels(
    ax: Axes, entries: Sequence[tuple[float, str, str]], gap: float = 0.075, x: float = 1.012
) -> None:
    """Names lines at the right edge of an axes, moved apart where they would overlap.

    Call it when the limits of the y axis are final.

    Args:
        ax: the axes.
        entries: of each line the y value to label, the text and the colour.
        gap: the least distance of two labels, as a part of the axes' height.
        x: where the labels begin, as a part of the axes' width.
    """
    to_axes = ax.transData + ax.transAxes.inverted()
    left = ax.get_xlim()[0]
    wanted = [float(to_axes.transform((left, y))[1]) for y, _, _ in entries]
    order = sorted(range(len(entries)), key=lambda i: wanted[i])
    for i, y in zip(order, spread([min(max(wanted[i], 0), 1) for i in order], gap), strict=True):
        ax.text(
            x, y, entries[i][1], transform=ax.transAxes, color=entries[i][2], fontsize=SMALL,
            va="center", ha="left", gid="label",
        )  # fmt: skip


def spread(positions: Sequence[float], gap: float) -> list[float]:
    """Ascending positions moved as little as needed to lie at least `gap` apart.

    Neighbours that are too close become a block around their mean; blocks that then meet merge.
    """
    blocks: list[list[float]] = []
    for position in positions:
        blocks.append([position])
        while len(blocks) > 1 and _low(blocks[-1], gap) - _high(blocks[-2], gap) < gap - 1e-9:
            last = blocks.pop()
            blocks[-1] += last
    return [
        float(y) for block in blocks for y in _low(block, gap) + gap * np.arange(len(block))
    ]


def _low(block: Sequence[float], gap: float) -> float:
    return float(np.mean(block)) - gap * (len(block) - 1) / 2


def _high(block: Sequence[float], gap: float) -> float:
    return float(np.mean(block)) + gap * (len(block) - 1) / 2


@dataclass(frozen=True)
class ValueScale:
    """A y axis for the values of trials, with a lane for those that would squeeze all others.

    A pruned or diverged trial's value can lie far from the others', or be missing: it is drawn in
    a lane at the worse end of the axis, and the lane says what it holds.

    Attributes:
        low, high: the limits of the values drawn to scale.
        worse_is_low: whether larger is better.
    """

    low: float
    high: float
    worse_is_low: bool

    @classmethod
    def of(
        cls, good: Sequence[float], others: Sequence[float], direction: str, show: Sequence[float]
    ) -> ValueScale:
        """The scale for the values of complete trials and of others.

        Args:
            good: values of complete trials.
            others: last values of other trials, shown to scale where they are not far off.
            direction: maximize or minimize.
            show: values that must be drawn to scale, such as the baseline's.
        """
        sign = 1 if direction == "maximize" else -1
        base = [sign * v for v in (good or others) if np.isfinite(v)]
        everything = [sign * v for v in (*good, *others) if np.isfinite(v)]
        must = [sign * v for v in show if np.isfinite(v)]
        if not base and not must:
            return cls(0.0, 1.0, sign > 0)
        base = base or must
        best = max(*base, *must) if must else max(base)
        reach = max(5 * (best - float(np.median(base))), 0.02 * abs(best), 1e-6)
        shown = [v for v in everything if v >= best - reach] + must
        worst, top = min(shown), max(*shown, best)
        room = 0.06 * (top - worst) or 0.02 * (abs(top) or 1.0)
        low, high = sorted((sign * (worst - room), sign * (top + room)))
        return cls(low, high, sign > 0)

    @property
    def lane(self) -> float:
        """The y position of what is not drawn to scale."""
        room = 0.07 * (self.high - self.low)
        return self.low - room if self.worse_is_low else self.high + room

    def place(self, value: float | None) -> float:
        """Where a value is drawn."""
        inside = value is not None and np.isfinite(value) and self.low <= value <= self.high
        return float(value) if inside and value is not None else self.lane

    def apply(self, ax: Axes, drawn: Sequence[float], label: bool = True) -> None:
        """Sets the axis's limits; shades and names the lane if something was drawn in it."""
        if self.lane not in drawn:
            ax.set_ylim(self.low, self.high)
            return
        inner = self.low if self.worse_is_low else self.high
        outer = 2 * self.lane - inner
        ax.set_ylim(*sorted((outer, self.high if self.worse_is_low else self.low)))
        ax.axhspan(*sorted((inner, outer)), color="#F4F4F4", zorder=0, linewidth=0)
        ticks = [t for t in ax.get_yticks() if self.low <= t <= self.high]
        ax.set_yticks(ticks)
        if label:
            side = "below" if self.worse_is_low else "above"
            end_labels(ax, [(self.lane, f"no value,\nor {side} {inner:.3g}", MUTED)])

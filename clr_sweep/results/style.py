"""How every figure looks: colours, sizes, headers, marks and axes.

Sizes are set on each artist, never in matplotlib's global settings, so that figures can be made
from several threads and inside programs that have settings of their own.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Sequence
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.colorbar import Colorbar
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, MaxNLocator, NullLocator

from clr_sweep.results import words
from clr_sweep.training.records import StudyRecord

# Okabe and Ito's palette, made to be told apart with every kind of colour vision.
BLUE, SKY, GREEN = "#0072B2", "#56B4E9", "#009E73"
PALE = "#C5DDEE"  # the blue, light enough to lie under it
SKY_TEXT = "#1A86C0"  # the sky blue, dark enough to be read
VERMILLION, ORANGE = "#D55E00", "#E69F00"
INK, MUTED, FAINT, GRID = "#222222", "#666666", "#9A9A9A", "#E8E8E8"
LANE = "#F4F4F4"

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
    "failed": Mark("+", 44, INK, INK),
}
_LINE_MARKERS = "x+"  # markers without a face
# The first digits of the rates that an axis of up to so many decades names: two at least are among
# them, and a narrow panel has room for all. Within less than a quarter of one, round numbers.
_DIGITS = ((0.5, "12357"), (1.1, "125"), (1.8, "13"))
_NARROW = 0.25
SEQUENTIAL = "viridis"  # grows evenly in lightness; readable with every kind of colour vision
# Of the policies with cycles: the others have no lower bound to be mapped by.
POLICY_MARKERS = {"triangular": "^", "triangular2": "s", "exp_range": "o", "exp_range_bounds": "D"}


def figure(
    title: str,
    subtitle: str = "",
    height: float = 5.0,
    legend: bool = False,
    footer: Sequence[str] = (),
) -> Figure:
    """An empty figure with its header; the space beneath is for the axes.

    Args:
        title: what the figure shows or finds, one line.
        subtitle: how to read it, one line.
        height: inches, header included; the footer comes to it.
        legend: leave a line for `legend` in the header.
        footer: lines below the axes: what speaks against what is shown.
    """
    header = 0.5 + (0.24 if subtitle else 0.0) + (0.28 if legend else 0.0)
    foot = 0.2 * len(footer) + (0.1 if footer else 0.0)
    height += foot
    bottom = 0.01 + foot / height
    layout = ConstrainedLayoutEngine(rect=(0.005, bottom, 0.985, 1 - header / height - bottom))
    drawn = Figure(figsize=(WIDTH, height), dpi=DPI, layout=layout, facecolor="white")
    drawn.text(
        0.012, 1 - 0.14 / height, words.shorten(title, 84), fontsize=HEAD, fontweight="bold",
        color=INK, va="top", ha="left", gid="title",
    )  # fmt: skip
    if subtitle:
        drawn.text(
            0.012, 1 - 0.42 / height, words.shorten(subtitle, 130), fontsize=SMALL, color=MUTED,
            va="top", ha="left", gid="subtitle",
        )  # fmt: skip
    if footer:
        drawn.text(
            0.012, 0.08 / height, "\n".join(footer), fontsize=SMALL, color=VERMILLION,
            va="bottom", ha="left", linespacing=1.35, gid="footer",
        )  # fmt: skip
    return drawn


def save(drawn: Figure, file: Path) -> None:
    """Write a figure as PNG.

    As `savefig` does, which draws twice to find the layout; found before, it draws once.
    """
    if (engine := drawn.get_layout_engine()) is not None:
        engine.execute(drawn)
        drawn.set_layout_engine("none")
    drawn.savefig(file, format="png", pil_kwargs={"compress_level": 1})


def name(study: StudyRecord) -> str:
    """The study's name as it fits into a title."""
    return words.shorten(study.name, 32)


def legend(drawn: Figure, handles: Sequence[Line2D]) -> None:
    """Puts handles in a row under the subtitle, .68 inches below the figure's top."""
    if handles:
        height = drawn.get_size_inches()[1]
        # A line fills its place in the legend, a mark stands in the middle of it.
        lines = handles[0].get_linestyle() != "None"
        drawn.legend(
            handles=list(handles), loc="upper left",
            bbox_to_anchor=(0.012 if lines else 0.004, 1 - 0.68 / height),
            ncols=len(handles), frameon=False, fontsize=SMALL, labelcolor=INK,
            handletextpad=0.6 if lines else 0.3, columnspacing=1.6, borderpad=0.0,
            borderaxespad=0.0,
        )  # fmt: skip


def handle(mark: Mark, label: str) -> Line2D:
    """A legend's entry for a mark."""
    return Line2D(
        [], [], linestyle="none", marker=mark.marker, markersize=mark.size**0.5,
        markerfacecolor=mark.face, markeredgecolor=mark.edge, label=label,
        markeredgewidth=1.6 if mark.marker in _LINE_MARKERS else 1.1,
    )  # fmt: skip


def state_handles(states: Sequence[str]) -> list[Line2D]:
    """A legend's entries for the states that occur, each with how often it does."""
    return [
        handle(mark, f"{states.count(state)} {state}")
        for state, mark in STATES.items()
        if state in states
    ]


def policy_handles(policies: Collection[str]) -> list[Line2D]:
    """A legend's entries for the markers of these policies."""
    return [
        handle(Mark(marker, 56, FAINT, "white"), policy)
        for policy, marker in POLICY_MARKERS.items()
        if policy in policies
    ]


def jitter(number: int | None) -> float:
    """A trial's place in a strip, in [-0.5, 0.5): spread evenly, and the same at every drawing."""
    return (number or 0) * 0.618034 % 1 - 0.5  # the golden ratio


def draw_marks(ax: Axes, at: Sequence[tuple[float, float]], mark: Mark, gid: str) -> None:
    """Draws marks at (x, y) positions, as one collection named `gid`."""
    line = mark.marker in _LINE_MARKERS
    ax.scatter(
        [x for x, _ in at], [y for _, y in at], s=mark.size, marker=mark.marker,
        c=mark.edge if line else None,
        facecolors=None if line else mark.face,
        edgecolors=None if line else mark.edge,
        linewidths=1.6 if line else 0.8 if mark.face != "none" else 1.1,
        zorder=4 if mark.face != "none" else 3, gid=gid,
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
    ax.xaxis.set_major_locator(
        MaxNLocator(nbins=9, integer=True, min_n_ticks=1, steps=[1, 2, 5, 10])
    )
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
    decades = math.log10(max(above) / min(above))
    digits = next((digits for most, digits in _DIGITS if decades <= most), "1")
    target.set_major_formatter(FuncFormatter(lambda v, _: words.rate(v)))
    if decades < _NARROW:
        target.set_major_locator(MaxNLocator(4))
        target.set_minor_locator(NullLocator())
    target.set_minor_formatter(
        FuncFormatter(lambda v, _: words.rate(v) if f"{v:e}"[0] in digits else "")
    )


def log_if_wide(ax: Axes, values: npt.NDArray[np.float64]) -> bool:
    """Makes the y axis logarithmic where losses spread over more than a factor of 30."""
    finite = values[np.isfinite(values)]
    if not len(finite) or finite.min() <= 0:
        return False
    low, high = np.percentile(finite, (0.5, 99.5))
    if high <= 30 * low:
        return False
    ax.set_yscale("log")
    return True


def value_ticks(ax: Axes, values: Iterable[float], axis: str = "x") -> None:
    """Ticks of an axis at the values themselves where they are few and not crowded."""
    few, target = sorted(set(values)), ax.xaxis if axis == "x" else ax.yaxis
    if not 1 <= len(few) <= 5:
        return
    reach = (few[-1] - few[0]) or 1.0
    crowded = any(b - a < 0.12 * reach for a, b in pairwise(few))
    if len(few) == 1 or (target.get_scale() == "linear" and not crowded):
        target.set_ticks(few, [words.rate(v) for v in few])
        target.set_ticks([], minor=True)


def mark_divergence(ax: Axes, x: float, name: str = "", height: float = 0.8) -> None:
    """Draws a line where a trial diverged, its name on the side that has more room.

    Args:
        height: of the name's top, as a part of the axes'.
    """
    left, right = ax.get_xlim()
    ax.axvline(x, color=VERMILLION, lw=1.5, zorder=3, gid="divergence")
    ax.set_xlim(left, right)
    if not name:
        return
    place = ax.get_xaxis_transform().transform((x, 0))
    before = ax.transAxes.inverted().transform(place)[0] > 0.5
    ax.annotate(
        name, (x, height), xycoords=("data", "axes fraction"),
        xytext=(-6 if before else 6, 0), textcoords="offset points", va="top",
        ha="right" if before else "left", fontsize=SMALL, color=VERMILLION,
        bbox={"facecolor": "white", "edgecolor": "none", "pad": 1.0, "alpha": 0.8},
    )  # fmt: skip


def dress_colourbar(bar: Colorbar, label: str) -> None:
    """Gives a colour bar its label, quiet ticks and no frame."""
    bar.set_label(label, fontsize=BODY, color=INK)
    bar.ax.tick_params(labelsize=SMALL, colors=FAINT, labelcolor=INK)
    bar.outline.set_visible(False)


def message(ax: Axes, text: str) -> None:
    """Says in the middle of an empty axes why there is nothing to see."""
    ax.set_xticks([])
    ax.set_yticks([])
    ax.text(
        0.5, 0.5, text, transform=ax.transAxes, ha="center", va="center", fontsize=BODY + 1,
        color=MUTED, gid="message",
        bbox={"boxstyle": "round,pad=0.5", "facecolor": "white", "edgecolor": GRID},
    )  # fmt: skip


def empty(title: str, text: str) -> Figure:
    """A figure that says why there is nothing to see yet."""
    drawn = figure(title, height=2.6)
    ax = drawn.add_subplot()
    dress(ax)
    message(ax, text)
    return drawn

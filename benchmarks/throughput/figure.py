"""The wall time of each contestant, as a figure."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path

from benchmarks.throughput.results import Row
from clr_sweep.results import style

_COLOURS = {"ours": style.BLUE, "limit": style.FAINT}


def draw(found: Sequence[Row], names: Mapping[str, str], subtitle: str, file: Path) -> None:
    """Draw the medians as bars and the single rounds as dots, into a PNG file."""
    figure = style.figure(
        "The same trials, by the clock", subtitle, height=1.35 + 0.42 * len(found)
    )
    axes = figure.subplots()
    places = [-place for place in range(len(found))]
    middles = [statistics.median(row.wall_s) for row in found]
    axes.barh(
        places, middles, height=0.6,
        color=[_COLOURS.get(row.contestant, style.ORANGE) for row in found],
    )  # fmt: skip
    for row, place, middle in zip(found, places, middles, strict=True):
        axes.plot(
            row.wall_s, [place] * len(row.wall_s), linestyle="none", marker="o", markersize=4.5,
            color=style.INK, markeredgecolor="white", markeredgewidth=0.7, zorder=4,
        )  # fmt: skip
        text = f"{middle:.0f} s"
        if row.ratios and row.contestant != "ours":
            text += f", {statistics.median(row.ratios):.2f} x ours"
        axes.annotate(
            text, (max(row.wall_s), place), xytext=(8, 0), textcoords="offset points",
            va="center", fontsize=style.SMALL, color=style.INK,
            fontweight="bold" if row.contestant == "ours" else "normal",
        )  # fmt: skip
    style.dress(axes, x="seconds from start to end: median (bar) and each round (dot)", grid="x")
    axes.set_xlim(0, 1.28 * max(max(row.wall_s) for row in found))
    axes.set_yticks(places, [names[row.contestant] for row in found])
    axes.tick_params(axis="y", length=0)
    for label, row in zip(axes.get_yticklabels(), found, strict=True):
        label.set_fontweight("bold" if row.contestant == "ours" else "normal")
    file.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(file)

"""What each variant costs beside what the project does, as a figure."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from clr_sweep.results import style

if TYPE_CHECKING:
    from benchmarks.steps.__main__ import Summary

_TICKS = (0.5, 0.7, 0.85, 1, 1.2, 1.5, 2, 3, 4, 6, 8)


def draw(rows: Sequence[Summary], rounds: int, file: Path) -> None:
    """Draw the ratios, each with its least and greatest, into a PNG file."""
    figure = style.figure(
        "What an epoch costs, beside the project's loop",
        f"Median and range ({rounds} rounds), and the median's seconds. Filled: the same weights "
        "to the bit, or none are compared",
        height=1.5 + 0.26 * len(rows),
    )
    axes = figure.add_subplot()
    groups = list(dict.fromkeys(row.variant.group for row in rows))
    ordered = [row for group in groups for row in rows if row.variant.group == group]
    places = [-(i + 0.7 * groups.index(row.variant.group)) for i, row in enumerate(ordered)]
    axes.axvline(1.0, color=style.FAINT, linewidth=1.0)
    for row, place in zip(ordered, places, strict=True):
        reference = row.variant.name == row.variant.reference
        same = row.same_numbers or row.variant.kind != "loop"
        colour = style.INK if reference else style.GREEN if row.greatest < 0.97 else style.BLUE
        if row.least > 1.03:
            colour = style.VERMILLION
        axes.plot([row.least, row.greatest], [place, place], color=colour, linewidth=2, alpha=0.5)
        axes.scatter(
            [row.ratio], [place], s=38, edgecolors=colour, linewidths=1.4, zorder=3,
            facecolors=colour if same else "white",
        )  # fmt: skip
        unit = "ms" if row.variant.kind == "validation" else "s"
        seconds = f"{1000 * row.cpu:.0f}" if unit == "ms" else f"{row.cpu:.2f}"
        for x, text in ((1.06, f"{row.ratio:.2f}"), (1.16, f"{seconds} {unit}")):
            axes.text(
                x, place, text, transform=axes.get_yaxis_transform(), ha="right", va="center",
                fontsize=style.SMALL, color=style.INK,
            )  # fmt: skip
    axes.set_xscale("log")
    low, high = min(row.least for row in rows), max(row.greatest for row in rows)
    axes.set_xlim(min(0.75, low / 1.05), high * 1.05)
    axes.set_yticks(places, [row.variant.name for row in ordered])
    style.dress(axes, x="CPU seconds, ratio to the project's loop (logarithmic)", grid="x")
    axes.xaxis.set_major_locator(FixedLocator(_TICKS))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.tick_params(axis="y", length=0)
    figure.savefig(file)

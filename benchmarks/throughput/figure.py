"""The wall time of each contestant, as a figure.

`python -m benchmarks.throughput --figure FILE` draws what it has measured;
`python -m benchmarks.throughput.figure` draws `docs/images/throughput.png` again, from the medians
in `benchmarks/recorded/throughput.json`, which are those of docs/performance.md.
"""

from __future__ import annotations

import json
import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path

from benchmarks.throughput.results import Row
from clr_sweep.results import style

MEDIANS = Path(__file__).parents[1] / "recorded" / "throughput.json"
IMAGE = Path(__file__).parents[2] / "docs" / "images" / "throughput.png"
_COLOURS = {"ours": style.BLUE, "limit": style.FAINT}


def draw(found: Sequence[Row], names: Mapping[str, str], subtitle: str, file: Path) -> None:
    """Draw the medians as bars and the single rounds as dots, into a PNG file.

    A ratio beside a bar is that of the bars: of medians, not the median of each round's ratio.
    """
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
    of_ours = [
        middle for row, middle in zip(found, middles, strict=True) if row.contestant == "ours"
    ]
    rounds = any(len(row.wall_s) > 1 for row in found)
    for row, place, middle in zip(found, places, middles, strict=True):
        if rounds:
            axes.plot(
                row.wall_s, [place] * len(row.wall_s), linestyle="none", marker="o", markersize=4.5,
                color=style.INK, markeredgecolor="white", markeredgewidth=0.7, zorder=4,
            )  # fmt: skip
        text = f"{middle:.0f} s"
        if of_ours and row.contestant != "ours":
            text += f", {middle / of_ours[0]:.2f} x ours"
        axes.annotate(
            text, (max(row.wall_s), place), xytext=(8, 0), textcoords="offset points",
            va="center", fontsize=style.SMALL, color=style.INK,
            fontweight="bold" if row.contestant == "ours" else "normal",
        )  # fmt: skip
    what = "median (bar) and each round (dot)" if rounds else "the median"
    style.dress(axes, x=f"seconds from start to end: {what}", grid="x")
    axes.set_xlim(0, 1.28 * max(max(row.wall_s) for row in found))
    axes.set_yticks(places, [names[row.contestant] for row in found])
    axes.tick_params(axis="y", length=0)
    for label, row in zip(axes.get_yticklabels(), found, strict=True):
        label.set_fontweight("bold" if row.contestant == "ours" else "normal")
    file.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(file)


def main() -> None:
    """Draw the image of the documentation from the medians that are kept."""
    kept = json.loads(MEDIANS.read_text(encoding="utf-8"))
    found = [Row(name, [one["wall_s"]], [one["cpu_s"]], [], 0.0) for name, one in kept.items()]
    draw(found, {name: one["name"] for name, one in kept.items()}, _SUBTITLE, IMAGE)


_SUBTITLE = "8 trials of 3 epochs, 54,000 images, 2 cores, no pruning, models logged"

if __name__ == "__main__":
    main()

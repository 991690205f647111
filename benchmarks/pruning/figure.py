"""What each pruner saves and what it misses, as a figure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from matplotlib.ticker import FuncFormatter

from benchmarks.pruning.replay import Score
from clr_sweep.results import style

_COLOURS = {
    "Optuna's": style.VERMILLION,
    "by phase": style.GREEN,
    "by forecast": style.BLUE,
    "tried and left": style.MUTED,
}
_Panel = tuple[str, Callable[[Score], float], str, float]
# With what was asked of the default: at least so much saved, cut and lost at most so much.
_PANELS: tuple[_Panel, ...] = (
    ("epochs saved, %", lambda one: 100 * one.saved, "{:.0f}", 60.0),
    ("best trial cut, % of orders", lambda one: 100 * one.best_cut, "{:.1f}", 3.0),
    ("mean regret, points", lambda one: one.regret, "{:.3f}", 0.03),
)


def draw(scores: Sequence[Score], title: str, default: str, file: Path) -> None:
    """Draw the scores, those that prune anything, into a PNG file.

    Args:
        title: what was replayed.
        default: the name of the pruner that is printed bold.
    """
    rows = [score for score in scores if score.saved]
    figure = style.figure(
        "What pruners save, and what they miss",
        f"{title}. Dotted: what was asked of the default (bold)",
        height=1.4 + 0.25 * len(rows),
    )
    panels = figure.subplots(1, len(_PANELS), sharey=True)
    groups = [row.candidate.group for row in rows]
    # A gap between the groups.
    places = [-(i + 0.7 * len(set(groups[: i + 1]))) for i in range(len(rows))]
    for axes, (label, value, written, asked) in zip(panels, _PANELS, strict=True):
        values = [value(row) for row in rows]
        colours = [_COLOURS[group] for group in groups]
        axes.barh(places, values, height=0.62, color=colours, alpha=0.85)
        axes.axvline(asked, color=style.INK, linewidth=1.0, linestyle=":")
        for row, place, found in zip(rows, places, values, strict=True):
            axes.text(
                max(found, asked),
                place,
                " " + written.format(found),
                va="center",
                fontsize=style.SMALL,
                color=style.INK,
                fontweight="bold" if row.candidate.name == default else "normal",
            )
        style.dress(axes, x=label, grid="x")
        axes.set_xlim(0, max(*values, asked) * 1.22)
        axes.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:g}"))
    panels[0].set_yticks(places, [row.candidate.name for row in rows])
    for text, row in zip(panels[0].get_yticklabels(), rows, strict=True):
        text.set_color(_COLOURS[row.candidate.group])
        text.set_fontweight("bold" if row.candidate.name == default else "normal")
    for group in dict.fromkeys(groups):
        first = places[groups.index(group)]
        panels[0].text(
            -0.62, first + 0.85, group, transform=panels[0].get_yaxis_transform(),
            fontsize=style.SMALL, color=_COLOURS[group], fontweight="bold", va="center",
        )  # fmt: skip
    file.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(file)

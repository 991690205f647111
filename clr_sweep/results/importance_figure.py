"""The figure of a study's importances."""

from __future__ import annotations

from collections.abc import Mapping

from matplotlib.figure import Figure

from clr_sweep.common.counts import plural
from clr_sweep.results import style, words
from clr_sweep.training.records import Importance, StudyRecord


def importance_figure(study: StudyRecord, found: Mapping[str, Importance]) -> Figure:
    """A bar for each hyperparameter, and on it the spread over studies of the same trials.

    Args:
        found: of each hyperparameter, one or more.
    """
    items = sorted(found.items(), key=lambda item: item[1].value)
    name = words.metric(study.objective)
    (_, second), (first, most) = items[-2:]
    clear = f"{words.shorten(first, 32)} matters most for the {name}"
    drawn = style.figure(
        f"{style.name(study)}: "
        + (clear if most.low > second.high else _unclear(items[-2:], name)),
        f"The part that each has in what a forest of decision trees explains of "
        f"{plural(study.count('complete'), 'complete trial')} (mean decrease in impurity)",
        height=1.7 + 0.36 * max(3, len(items)),
    )
    ax = drawn.add_subplot()
    style.dress(
        ax, "importance, together 1; the line: 8 of 10 studies made of the same trials, drawn anew",
        "", grid="x",
    )  # fmt: skip
    values = [one.value for _, one in items]
    bars = ax.barh(range(len(items)), values, color=style.BLUE, height=0.62)
    for place, (bar, (_, one)) in enumerate(zip(bars, items, strict=True)):
        bar.set_gid("importance")
        ax.plot([one.low, one.high], [place, place], color=style.INK, lw=1.4, marker="|", ms=7,
                solid_capstyle="butt", gid="spread")  # fmt: skip
        ax.annotate(f"{one.value:.2f}", (max(one.value, one.high), place), xytext=(6, 0),
                    textcoords="offset points", va="center", fontsize=style.SMALL,
                    color=style.INK, gid="label")  # fmt: skip
    ax.set_yticks(range(len(items)), [words.shorten(name, 32) for name, _ in items])
    ax.tick_params(axis="y", length=0, labelsize=style.BODY)
    ax.set_xlim(0, 1.1 * max(*values, *(one.high for _, one in items)))
    return drawn


def _unclear(two: list[tuple[str, Importance]], metric: str) -> str:
    """Whose spreads touch: which of them decides more was not seen."""
    second, first = (words.shorten(name, 20) for name, _ in two)
    return f"{first} or {second} matters most for the {metric}"

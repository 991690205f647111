"""The verdict as one figure: the arms of a comparison, each seed a dot, with their intervals."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.markers import CARETLEFT, CARETRIGHT

from clr_sweep.definition.reported_metric import ReportedMetric
from clr_sweep.results import style, words
from clr_sweep.results.arms import ArmResult, shown_arms
from clr_sweep.results.contests import Contest, contests
from clr_sweep.results.statistics import Values, far_off, mean_interval
from clr_sweep.training.records import StudyRecord

_ANSWERS = {
    "better": "CLR is better",
    "worse": "CLR is worse",
    "equivalent": "equivalent",
    "not decidable": "not decidable",
    "not known yet": "not known yet",
}
_COLOURS = {"clr": style.BLUE, "rival": style.VERMILLION, "fixed": style.MUTED}


def verdict_figure(study: StudyRecord) -> Figure:
    """The arms of a comparison on the test set: seeds, means, 95 % intervals, answers.

    Args:
        study: that holds the comparison's trainings.
    """
    record = study.comparison
    assert record is not None
    metric = study.objective.on_test_set
    title = f"{words.shorten(record.of, 32)}: CLR and its rivals on the test set"
    arms = shown_arms(study)
    if not any(len(arm.known) for arm in arms):
        yet = "" if study.state == "complete" else " yet"
        return style.empty(title, f"none of the finals has been tested{yet}")
    found = contests(study)
    sign = ", + is CLR ahead" if study.direction == "minimize" else ""
    drawn = style.figure(
        title,
        f"A dot a seed ({record.seeds} an arm), a bar for the mean with its 95 % interval; "
        f"answers by paired seeds, Holm-corrected{sign}",
        height=1.9 + 0.62 * len(arms),
    )
    ax = drawn.add_subplot()
    ax.set_xlim(*_limits(arms))
    for place, arm in enumerate(arms):
        _draw(ax, place, arm)
        if (contest := next((one for one in found if one.theirs.arm is arm.arm), None)) is not None:
            _write_answer(ax, place, contest, metric)
    cut = "; an arrow: the interval goes on" if any(_cut(ax, arm) for arm in arms) else ""
    style.dress(ax, words.metric(metric) + cut, grid="x")
    ax.set_yticks(range(len(arms)), [_label(arm) for arm in arms])
    ax.set_ylim(len(arms) - 0.5, -0.6)
    ax.spines["left"].set_visible(False)
    ax.tick_params(axis="y", length=0)
    return drawn


def _draw(ax: Axes, place: int, arm: ArmResult) -> None:
    colour = _COLOURS[arm.arm.kind]
    values = arm.known
    left, right = ax.get_xlim()
    inside = (values >= left) & (values <= right)
    if len(values):
        heights = place + 0.16 + 0.14 * np.array([style.jitter(i) for i in range(len(values))])
        ax.scatter(
            values[inside], heights[inside], s=20, facecolors=colour, edgecolors="white",
            linewidths=0.6, alpha=0.75, zorder=3, gid=f"seeds-{place}",
        )  # fmt: skip
        _write_beyond(ax, place, values, colour)
        ax.plot(
            [values.mean()] * 2, [place - 0.2, place + 0.04], color=colour, lw=2.4, zorder=5,
            solid_capstyle="butt",
        )  # fmt: skip
    if (interval := mean_interval(values)) is not None:
        _, low, high = interval
        ax.plot([low, high], [place - 0.08] * 2, color=colour, lw=5, alpha=0.35, zorder=4,
                solid_capstyle="butt", gid=f"interval-{place}")  # fmt: skip
    for end, marker in _cut(ax, arm):
        ax.plot([end], [place - 0.08], marker=marker, ms=9, color=colour, mew=0, zorder=5,
                clip_on=False, gid=f"cut-{place}")  # fmt: skip


def _cut(ax: Axes, arm: ArmResult) -> list[tuple[float, int]]:
    """The ends of the axis at which an arm's interval is cut, each with the arrow that says so."""
    if (interval := mean_interval(arm.known)) is None:
        return []
    left, right = ax.get_xlim()
    _, low, high = interval
    ends = ((left, CARETLEFT, low < left), (right, CARETRIGHT, high > right))
    return [(end, marker) for end, marker, is_cut in ends if is_cut]


def _write_beyond(ax: Axes, place: int, values: Values, colour: str) -> None:
    """The seeds that the axis leaves out, in numbers at the end that they lie beyond."""
    left, right = ax.get_xlim()
    ends = ((0.0, "left", values[values < left]), (1.0, "right", values[values > right]))
    for at, side, far in ends:
        listed = ", ".join(map(words.value, np.sort(far)))
        if listed:
            ax.annotate(
                f"\N{LEFTWARDS ARROW} {listed}" if at == 0 else f"{listed} \N{RIGHTWARDS ARROW}",
                (at, place + 0.16), xycoords=("axes fraction", "data"), ha=side, va="center",
                fontsize=style.SMALL, color=colour, fontweight="bold", gid=f"beyond-{place}",
            )  # fmt: skip


def _limits(arms: Sequence[ArmResult]) -> tuple[float, float]:
    """From the least to the greatest value that is not far from the others, all means within.

    The intervals too, as far as that leaves half of the axis to the values.
    """
    near = [float(value) for arm in arms for value in arm.values[~far_off(arm.values)]]
    means = [float(arm.known.mean()) for arm in arms if len(arm.known)]
    shown = [value for value in (*near, *means) if np.isfinite(value)]
    intervals = [found for arm in arms if (found := mean_interval(arm.known)) is not None]
    reach = (max(shown) - min(shown)) / 2
    low = max(min(shown) - reach, min([*shown, *(low for _, low, _ in intervals)]))
    high = min(max(shown) + reach, max([*shown, *(high for _, _, high in intervals)]))
    room = 0.04 * (high - low) or 0.01 * abs(shown[0]) or 1.0
    return low - room, high + room


def _write_answer(ax: Axes, place: int, contest: Contest, metric: ReportedMetric) -> None:
    test, text = contest.test, _ANSWERS[contest.answer]
    if test.mean is not None and test.low is not None and test.high is not None:
        low, high = words.bare(metric, test.low), words.bare(metric, test.high)
        text += f"\n{words.signed(metric, test.mean)} ({low} to {high})"
    ax.annotate(
        text, (1.01, place), xycoords=("axes fraction", "data"), va="center", ha="left",
        fontsize=style.SMALL, color=style.INK, annotation_clip=False,
    )  # fmt: skip


def _label(arm: ArmResult) -> str:
    name = arm.arm.title
    if arm.example is None:
        return f"{name}\nnothing to train" if not arm.arm.entries else f"{name}\nnot trained yet"
    lost = f", {arm.lost} of {len(arm.runs)} lost" if arm.lost else ""
    return f"{name}\n{words.bounds(arm.example)}{lost}"

"""The figure of both rates: where in the space of init_lr and max_lr the good trials lie."""

from __future__ import annotations

import math

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from clr_sweep.common.counts import plural
from clr_sweep.results import style, words
from clr_sweep.results.trial_values import ValueScale, ended, value_scale
from clr_sweep.training.records import StudyRecord


def bounds_figure(study: StudyRecord) -> Figure:
    """The map of the space: every ended cyclical trial at its init_lr and max_lr, by its value.

    The marker tells the policy, hollow where the trial was pruned; diverged and failed trials have
    marks of their own. Lines of equal max_lr / init_lr help to read the map.
    """
    trials = [trial for trial in ended(study) if trial.config.schedule.is_cyclical]
    best = study.best
    if not trials:
        none = "no trial with cycles has ended yet" if ended(study) else "no trial has ended yet"
        return style.empty(f"{style.name(study)}: bounds", none)
    drawn = style.figure(
        f"{style.name(study)}: "
        + (f"{words.metric(study.objective)} over the bounds" if best else "no complete trial yet"),
        f"init_lr and max_lr of {plural(len(trials), 'ended trial')}"
        + (" with cycles" if len(trials) < len(ended(study)) else "")
        + (f"; ring: best, {best.label}" if best in trials else ""),
        height=6.2,
        legend=True,
    )
    ax = drawn.add_subplot()
    style.dress(ax, "init_lr", "max_lr", grid="both")
    style.log_rates(ax, "x", [t.config.schedule.init_lr for t in trials])
    style.log_rates(ax, "y", [t.config.schedule.max_lr for t in trials])
    scale = value_scale(study)
    for policy, marker in style.POLICY_MARKERS.items():
        _map_policy(ax, study, policy, marker, scale)
    if best is not None and best in trials:
        schedule = best.config.schedule
        ax.scatter([schedule.init_lr], [schedule.max_lr], s=190, facecolors="none",
                   edgecolors=style.ORANGE, linewidths=2.2, zorder=5, gid="best")  # fmt: skip
    if any(trial.state == "complete" for trial in trials):
        _colourbar(drawn, ax, study, scale)
    _ratio_lines(ax)
    used = {t.config.schedule.policy for t in trials}
    other = [t.state for t in trials if t.state != "complete"]
    style.legend(drawn, style.policy_handles(used) + style.state_handles(other))
    return drawn


def _map_policy(ax: Axes, study: StudyRecord, policy: str, marker: str, scale: ValueScale) -> None:
    chosen = [t for t in ended(study) if t.config.schedule.policy == policy]
    for state, mark in style.STATES.items():
        trials = [t for t in chosen if t.state == state]
        if not trials:
            continue
        x = [t.config.schedule.init_lr for t in trials]
        y = [t.config.schedule.max_lr for t in trials]
        if state == "complete":
            values = np.array([t.value if t.value is not None else np.nan for t in trials])
            ax.scatter(
                x, y, c=values, s=70, marker=marker, vmin=scale.low, vmax=scale.high,
                cmap=style.SEQUENTIAL + ("" if scale.worse_is_low else "_r"),
                edgecolors="white", linewidths=0.8, zorder=4,
                gid=f"complete {policy}",
            )  # fmt: skip
        else:
            own = marker if state == "pruned" else mark.marker
            style.draw_marks(
                ax, list(zip(x, y, strict=True)), mark._replace(marker=own, size=40),
                gid=f"{state} {policy}",
            )  # fmt: skip


def _colourbar(drawn: Figure, ax: Axes, study: StudyRecord, scale: ValueScale) -> None:
    coloured = [c for c in ax.collections if str(c.get_gid()).startswith("complete")]
    values = [trial.value or 0.0 for trial in study.complete]
    below, above = min(values) < scale.low, max(values) > scale.high
    extend = {(True, False): "min", (False, True): "max", (True, True): "both"}
    bar = drawn.colorbar(
        coloured[0], ax=ax, pad=0.02, aspect=30, extend=extend.get((below, above), "neither")
    )
    style.dress_colourbar(bar, words.metric(study.objective))


def _ratio_lines(ax: Axes) -> None:
    if ax.get_xscale() != "log" or ax.get_yscale() != "log":
        return
    (left, right), (low, high) = ax.get_xlim(), ax.get_ylim()
    for ratio in (1, 10, 100, 1000, 10000):
        start, stop = max(left, low / ratio), min(right, high / ratio)
        if math.log(stop / start if stop > start else 1) < 0.25 * math.log(right / left):
            continue
        ax.plot([start, stop], [start * ratio, stop * ratio], color="#D0D0D0", lw=1, zorder=0.5,
                gid="ratio")  # fmt: skip
        at_top = stop < right * 0.999
        ax.annotate(
            f"{ratio:,} x init_lr" if ratio > 1 else "init_lr", (stop, stop * ratio),
            xytext=(0, 3) if at_top else (3, 0), textcoords="offset points",
            ha="center" if at_top else "left", va="bottom" if at_top else "center",
            fontsize=style.SMALL - 1, color=style.FAINT, annotation_clip=False,
        )  # fmt: skip
    ax.set_xlim(left, right)
    ax.set_ylim(low, high)

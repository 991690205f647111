"""Where a sweep's time goes, as a figure: what ran when, and the sum of each part."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from benchmarks.timeline.parts import (
    MAIN,
    Segment,
    Timeline,
    cpu_by_part,
    driver_lanes,
    outermost,
    seconds_by_part,
    slot_lanes,
)
from benchmarks.timeline.sweep import DRIVER
from benchmarks.timeline.wrapped import (
    ANSWER,
    BETWEEN,
    BUILDING,
    END,
    FIGURES,
    FILES,
    LACK,
    LOGGING,
    LOOP,
    MODEL,
    REST,
    START,
    STUDY,
    TEST,
    TRACING,
    TRAINING,
    VALIDATION,
    WAITING,
)
from clr_sweep.results import style

# Shades of one colour belong together: the stores are green, MLflow is purple.
_COLOURS = {
    TRAINING: style.BLUE,
    VALIDATION: style.SKY,
    TEST: style.SKY,
    TRACING: style.ORANGE,
    BUILDING: "#F0E442",  # the yellow of Okabe and Ito's palette
    STUDY: style.GREEN,
    FILES: "#8FD3BD",
    LOGGING: "#CC79A7",  # their reddish purple
    MODEL: "#7B3F66",
    FIGURES: "#EBC6DA",
    ANSWER: style.VERMILLION,
    START: style.MUTED,
    END: "#BDBDBD",
    REST: "#D9D9D9",
    LOOP: "#D9D9D9",
}
# Drawn as hatched: nothing runs.
_IDLE = (BETWEEN, LACK, WAITING)
_LEAST = 0.001  # of the whole: shorter parts have no bar
_LETTER = 0.0068  # of the figure's lanes: the width of a letter in them


def draw(timeline: Timeline, file: Path) -> None:
    """Draw the timeline into a PNG file."""
    slots, driver = slot_lanes(timeline), driver_lanes(timeline)
    of_slots, of_driver = seconds_by_part(slots), seconds_by_part([driver[MAIN]])
    whole = timeline.slots * timeline.seconds
    lanes = {
        **{"driver" if thread == MAIN else thread: lane for thread, lane in driver.items()},
        **{f"slot {number}": lane for number, lane in enumerate(slots, 1)},
    }
    rows = max(len(_shown(of_slots, whole)), len(_shown(of_driver, timeline.seconds)))
    heights = (0.55 * len(lanes) + 0.45, 0.24 * rows + 0.6)
    steps = of_slots.get(TRAINING, 0.0) / whole
    figure = style.figure(
        f"Where a sweep's time goes: {steps:.0%} into training steps",
        f"{timeline.title}. Black marks: seconds of CPU; hatched: nothing runs",
        height=0.85 + sum(heights),
    )
    grid = figure.add_gridspec(2, 2, height_ratios=heights)
    _draw_lanes(figure.add_subplot(grid[0, :]), timeline, lanes)
    _draw_parts(
        figure.add_subplot(grid[1, 0]),
        of_slots,
        cpu_by_part(timeline, of_driver=False),
        whole,
        rows,
        f"The slots, {timeline.slots} x {timeline.seconds:.0f} s",
    )
    _draw_parts(
        figure.add_subplot(grid[1, 1]),
        of_driver,
        cpu_by_part(timeline, of_driver=True),
        timeline.seconds,
        rows,
        f"The driver, {timeline.seconds:.0f} s",
    )
    file.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(file)


def _draw_lanes(ax: Axes, timeline: Timeline, lanes: Mapping[str, Sequence[Segment]]) -> None:
    places = {name: -float(i) for i, name in enumerate(lanes)}
    for name, lane in lanes.items():
        at = places[name] - 0.31
        for part in {segment.part for segment in lane}:
            bars = [(s.start - timeline.begun, s.seconds) for s in lane if s.part == part]
            ax.broken_barh(bars, (at, 0.62), gid=part, **_look(part))
    for job in timeline.trainings:
        # Its lane is the one in which it is at its start.
        place = next(
            places[name]
            for name, lane in lanes.items()
            if any(s.start == job.start and s.what != "" for s in lane)
        )
        label = job.process if not job.process.isdigit() else f"trial {job.process}"
        ax.text(
            (job.start + job.end) / 2 - timeline.begun, place + 0.34, label, ha="center",
            va="bottom", fontsize=style.SMALL - 1.5, color=style.MUTED, clip_on=True,
        )  # fmt: skip
    _name_calls(ax, timeline)
    style.dress(ax, x="seconds", grid="x")
    ax.set_yticks(list(places.values()), list(places))
    ax.tick_params(axis="y", length=0)
    ax.spines["left"].set_visible(False)
    ax.set_xlim(0, timeline.seconds)
    ax.set_ylim(-len(lanes) + 0.6, 0.42)


def _name_calls(ax: Axes, timeline: Timeline) -> None:
    """Writes what the driver did at the start into its lane, where there is room for it."""
    calls = outermost(i for i in timeline.intervals if i.process == DRIVER and i.thread == MAIN)
    for call in (call for call in calls if call.part == START):
        text = call.what.rpartition(".")[2].replace("_", " ").replace(" ", "\n", 1)
        middle = (call.start + call.end) / 2 - timeline.begun
        if call.seconds > _LETTER * timeline.seconds * max(map(len, text.split("\n"))):
            ax.text(
                middle, 0.0, text, ha="center", va="center", color="white", linespacing=1.05,
                fontsize=style.SMALL - 2.5,
            )  # fmt: skip
        edge = call.end - timeline.begun
        ax.plot([edge, edge], [-0.31, 0.31], color="white", linewidth=0.7)


def _draw_parts(
    ax: Axes,
    wall: Mapping[str, float],
    cpu: Mapping[str, float],
    whole: float,
    rows: int,
    title: str,
) -> None:
    shown = _shown(wall, whole)
    for place, (part, seconds) in enumerate(shown.items()):
        ax.barh(-place, seconds, height=0.68, gid=part, **_look(part))
        used = min(cpu.get(part, 0.0), seconds)
        if used > 0.004 * max(shown.values()):
            ax.plot([used, used], [-place - 0.34, -place + 0.34], color=style.INK, linewidth=1.4)
        ax.text(
            seconds, -place, f" {seconds:.1f} s  {seconds / whole:.1%}", va="center",
            fontsize=style.SMALL, color=style.INK,
        )  # fmt: skip
    style.dress(ax, x="seconds", grid="x")
    ax.set_title(title, fontsize=style.BODY, color=style.INK, loc="left", fontweight="bold")
    ax.set_yticks([-float(i) for i in range(len(shown))], list(shown))
    ax.tick_params(axis="y", length=0)
    ax.set_xlim(0, max(shown.values()) * 1.42)
    ax.set_ylim(-rows + 0.4, 0.6)
    ax.xaxis.set_major_locator(MaxNLocator(nbins=4))


def _shown(wall: Mapping[str, float], whole: float) -> dict[str, float]:
    return {part: seconds for part, seconds in wall.items() if seconds >= _LEAST * whole}


def _look(part: str) -> dict[str, Any]:
    if part in _IDLE:
        return {
            "facecolor": "white", "edgecolor": style.FAINT, "hatch": "/////", "linewidth": 0.0,
            "hatch_linewidth": 0.7,
        }  # fmt: skip
    return {"facecolor": _COLOURS[part], "linewidth": 0.0}

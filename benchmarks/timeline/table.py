"""A timed sweep as tables in Markdown."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence

from benchmarks.timeline.parts import (
    MAIN,
    Timeline,
    cpu_by_part,
    driver_lanes,
    flatten,
    meanwhile,
    outermost,
    own_cpu,
    seconds_by_part,
    slot_lanes,
)
from benchmarks.timeline.recorder import Interval
from benchmarks.timeline.sweep import DRIVER
from benchmarks.timeline.wrapped import BETWEEN, END, LACK, START

LONGEST = 20


def markdown(timeline: Timeline) -> str:
    """The slots, the driver, the cores, the slots' idle time, and the longest calls."""
    return "\n".join(_lines(timeline)) + "\n"


def _lines(timeline: Timeline) -> Iterator[str]:
    lanes = slot_lanes(timeline)
    yield f"{timeline.title}: {timeline.seconds:.1f} s"
    yield ""
    whole = timeline.slots * timeline.seconds
    yield f"The slots, {timeline.slots} x {timeline.seconds:.1f} s = {whole:.1f} s:"
    yield ""
    yield from _parts(seconds_by_part(lanes), cpu_by_part(timeline, of_driver=False), whole)
    yield ""
    yield f"The driver, {timeline.seconds:.1f} s:"
    yield ""
    driver = driver_lanes(timeline)
    yield from _parts(
        seconds_by_part([driver[MAIN]]), cpu_by_part(timeline, of_driver=True), timeline.seconds
    )
    for thread, lane in driver.items():
        if thread != MAIN:
            yield ""
            yield f"The driver's thread {thread}:"
            yield ""
            yield from _parts(seconds_by_part([lane]), {}, timeline.seconds)
    yield ""
    yield from _cores(timeline)
    yield ""
    yield "Slots without a training, by what the driver did meanwhile, seconds:"
    yield ""
    yield from _meanwhile(timeline)
    yield ""
    yield f"The {LONGEST} calls that took longest in all, without the timed calls inside of them:"
    yield ""
    yield from _longest(timeline)
    for title, names in (
        ("Missing (mend benchmarks/timeline/wrapped.py)", timeline.missing),
        ("Never called", timeline.never_called),
    ):
        if names:
            yield ""
            yield f"{title}: {', '.join(names)}"


def _parts(wall: Mapping[str, float], cpu: Mapping[str, float], whole: float) -> Iterator[str]:
    rows = [
        (part, f"{wall.get(part, 0):.1f}", f"{wall.get(part, 0) / whole:.1%}",
         f"{cpu.get(part, 0):.1f}")
        for part in dict.fromkeys((*wall, *cpu))
    ]  # fmt: skip
    rows.append(("sum", f"{sum(wall.values()):.1f}", "", f"{sum(cpu.values()):.1f}"))
    return _table(("part", "seconds", "share", "CPU s"), rows)


def _cores(timeline: Timeline) -> Iterator[str]:
    driver, server = timeline.cpu.get(DRIVER, 0.0), timeline.cpu.get("server", 0.0)
    jobs = sum(timeline.cpu.values()) - driver - server
    whole = timeline.cores * timeline.seconds
    yield f"The cores, {timeline.cores} x {timeline.seconds:.1f} s = {whole:.1f} s of CPU:"
    yield ""
    rows = (
        ("jobs", jobs),
        ("driver", driver),
        ("server (imports Keras once)", server),
        ("idle, or others on this machine", whole - jobs - driver - server),
    )
    yield from _table(
        ("of", "CPU s", "share"), [(what, f"{cpu:.1f}", f"{cpu / whole:.1%}") for what, cpu in rows]
    )


def _meanwhile(timeline: Timeline) -> Iterator[str]:
    calls = outermost(i for i in timeline.intervals if i.process == DRIVER and i.thread == MAIN)
    segments = [segment for lane in slot_lanes(timeline) for segment in lane]
    columns = (START, BETWEEN, LACK, END)
    found = [meanwhile((s for s in segments if s.part == part), calls) for part in columns]
    whats = sorted(
        {w for one in found for w in one}, key=lambda w: -sum(o.get(w, 0) for o in found)
    )
    rows = [
        (what or "(no timed call)", *(f"{one.get(what, 0):.2f}" for one in found))
        for what in whats
        if any(one.get(what, 0) >= 0.05 for one in found)
    ]
    return _table(("the driver's call", *columns), rows)


def _longest(timeline: Timeline) -> Iterator[str]:
    threads: dict[tuple[str, str], list[Interval]] = defaultdict(list)
    for interval in timeline.intervals:
        threads[interval.process, interval.thread].append(interval)
    wall: dict[tuple[str, str, str], float] = defaultdict(float)
    cpu: dict[tuple[str, str, str], float] = defaultdict(float)
    calls: dict[tuple[str, str, str], int] = defaultdict(int)
    for (process, _), intervals in threads.items():
        where = DRIVER if process == DRIVER else "jobs"
        for segment in flatten(intervals):
            wall[where, segment.part, segment.what] += segment.seconds
        for interval, own in own_cpu(intervals):
            cpu[where, interval.part, interval.what] += own
            calls[where, interval.part, interval.what] += 1
    longest = sorted(wall, key=lambda key: -wall[key])[:LONGEST]
    rows = [(*key, str(calls[key]), f"{wall[key]:.2f}", f"{cpu[key]:.2f}") for key in longest]
    return _table(("where", "part", "call", "calls", "seconds", "CPU s"), rows, words=3)


def _table(head: Sequence[str], rows: Iterable[Sequence[str]], words: int = 1) -> Iterator[str]:
    """A table whose first columns hold words and whose others hold numbers, to the right."""
    rows = list(rows)
    widths = [max(len(row[i]) for row in (head, *rows)) for i in range(len(head))]
    rule = ["-" * w if i < words else "-" * (w - 1) + ":" for i, w in enumerate(widths)]
    for row in (head, rule, *rows):
        cells = (
            cell.ljust(width) if i < words else cell.rjust(width)
            for i, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        yield f"| {' | '.join(cells)} |"

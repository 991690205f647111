"""From intervals to parts: what each slot and the driver did at every moment of a sweep."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from benchmarks.timeline.recorder import Interval
from benchmarks.timeline.sweep import DRIVER
from benchmarks.timeline.wrapped import BETWEEN, END, JOBS, LACK, LOOP, START, TRAIN, WRAPPED

MAIN = "MainThread"


@dataclass(frozen=True)
class Segment:
    """A piece of a lane in which one thing was done; the segments of a lane do not overlap."""

    part: str
    what: str
    start: float
    end: float

    @property
    def seconds(self) -> float:
        return self.end - self.start


@dataclass(frozen=True)
class Timeline:
    """A sweep that was timed.

    Attributes:
        begun, ended: of the sweep's process, seconds of the monotonic clock.
        slots: trials at once.
        cores: that the sweep may use.
        title: what was run.
        intervals: of all processes; those of a thread are nested or apart, as calls are.
        cpu: seconds by process, the driver and the server among them.
        missing: names that should have been timed and are not there.
    """

    begun: float
    ended: float
    slots: int
    cores: int
    title: str
    intervals: tuple[Interval, ...]
    cpu: dict[str, float] = field(default_factory=dict)
    missing: tuple[str, ...] = ()

    @property
    def seconds(self) -> float:
        return self.ended - self.begun

    @property
    def jobs(self) -> list[Interval]:
        """The whole of each job, in the order of their starts."""
        found = [i for i in self.intervals if i.process != DRIVER and i.what in JOBS]
        return sorted(found, key=lambda job: job.start)

    @property
    def trainings(self) -> list[Interval]:
        return [job for job in self.jobs if job.what == TRAIN]

    @property
    def never_called(self) -> list[str]:
        """Names of the table that nobody called; those that are missing are not repeated."""
        called = {interval.what for interval in self.intervals}
        owners = {what.rpartition(".")[0] for what in called}
        never = []
        for entry in WRAPPED:
            module, _, path = entry.name.partition(":")
            owner, _, name = path.rpartition(".")
            owner = owner or module.rpartition(".")[2]
            if not (owner in owners if name == "*" else f"{owner}.{name}" in called):
                never.append(entry.name)
        return [name for name in never if name not in self.missing]


def flatten(intervals: Iterable[Interval]) -> list[Segment]:
    """One thread's intervals as segments: where calls are nested, the innermost is counted."""
    segments: list[Segment] = []
    stack: list[Interval] = []
    at = 0.0

    def advance(until: float) -> None:
        nonlocal at
        if stack and until > at:
            segments.append(Segment(stack[-1].part, stack[-1].what, at, until))
        at = max(at, until)

    for interval in sorted(intervals, key=lambda i: (i.start, -i.end)):
        while stack and stack[-1].end <= interval.start:
            advance(stack[-1].end)
            stack.pop()
        advance(interval.start)
        at = interval.start
        stack.append(interval)
    while stack:
        advance(stack[-1].end)
        stack.pop()
    return segments


def outermost(intervals: Iterable[Interval]) -> list[Interval]:
    """Those of one thread's intervals that lie in no other."""
    found: list[Interval] = []
    for interval in sorted(intervals, key=lambda i: (i.start, -i.end)):
        if not found or interval.start >= found[-1].end:
            found.append(interval)
    return found


def own_cpu(intervals: Iterable[Interval]) -> list[tuple[Interval, float]]:
    """One thread's intervals, each with its CPU seconds less those of calls inside of it."""
    own: dict[int, float] = {}
    ordered = sorted(intervals, key=lambda i: (i.start, -i.end))
    stack: list[int] = []
    for index, interval in enumerate(ordered):
        while stack and ordered[stack[-1]].end <= interval.start:
            stack.pop()
        if stack:
            own[stack[-1]] -= interval.cpu
        own[index] = interval.cpu
        stack.append(index)
    return [(interval, own[index]) for index, interval in enumerate(ordered)]


def slot_lanes(timeline: Timeline) -> list[list[Segment]]:
    """What each slot did from the sweep's start to its end, without a gap."""
    jobs: list[list[Interval]] = [[] for _ in range(timeline.slots)]
    for job in timeline.jobs:
        free = [lane for lane in jobs if not lane or lane[-1].end <= job.start]
        # The one that has waited the shortest: its end is why this job could start.
        max(free, key=lambda lane: lane[-1].end if lane else timeline.begun).append(job)
    return [_slot_lane(timeline, lane) for lane in jobs]


def driver_lanes(timeline: Timeline) -> dict[str, list[Segment]]:
    """What the driver's threads did, the main thread first and without a gap."""
    by_thread: dict[str, list[Interval]] = {MAIN: []}
    for interval in timeline.intervals:
        if interval.process == DRIVER:
            by_thread.setdefault(interval.thread, []).append(interval)
    lanes = {thread: flatten(intervals) for thread, intervals in by_thread.items()}
    lanes[MAIN] = _filled(timeline, lanes[MAIN], LOOP, END)
    return lanes


def seconds_by_part(lanes: Iterable[Iterable[Segment]]) -> dict[str, float]:
    """The longest part first."""
    total: dict[str, float] = defaultdict(float)
    for lane in lanes:
        for segment in lane:
            total[segment.part] += segment.seconds
    return dict(sorted(total.items(), key=lambda item: -item[1]))


def cpu_by_part(timeline: Timeline, of_driver: bool) -> dict[str, float]:
    """CPU seconds of the driver's parts, or of the parts of the trials' processes."""
    total: dict[str, float] = defaultdict(float)
    threads: dict[tuple[str, str], list[Interval]] = defaultdict(list)
    for interval in timeline.intervals:
        if (interval.process == DRIVER) == of_driver:
            threads[interval.process, interval.thread].append(interval)
    for intervals in threads.values():
        for interval, cpu in own_cpu(intervals):
            total[interval.part] += cpu
    if of_driver:
        # What no call was timed for: between them, and in threads of libraries.
        total[LOOP] += timeline.cpu.get(DRIVER, 0.0) - sum(total.values())
    return dict(total)


def meanwhile(segments: Iterable[Segment], calls: Sequence[Interval]) -> dict[str, float]:
    """Seconds of these segments by what another thread did meanwhile.

    Args:
        segments: of any lanes.
        calls: of the other thread, in order and apart from each other; see `outermost`.

    Returns:
        The longest first; what was done outside of all calls is under the empty text.
    """
    total: dict[str, float] = defaultdict(float)
    for segment in segments:
        left = segment.seconds
        for call in calls:
            shared = min(call.end, segment.end) - max(call.start, segment.start)
            if shared > 0:
                total[call.what] += shared
                left -= shared
        total[""] += left
    return dict(sorted(total.items(), key=lambda item: -item[1]))


def _slot_lane(timeline: Timeline, jobs: Sequence[Interval]) -> list[Segment]:
    inside: list[Segment] = []
    for job in jobs:
        inside += flatten(i for i in timeline.intervals if i.process == job.process and _in(i, job))
    last = max((job.end for job in jobs if job.what == TRAIN), default=timeline.begun)
    lane = _filled(timeline, inside, BETWEEN, END)
    return [
        replace(segment, part=LACK)
        if segment.part == BETWEEN and segment.start >= last
        else segment
        for segment in lane
    ]


def _in(interval: Interval, job: Interval) -> bool:
    return job.start <= interval.start and interval.end <= job.end


def _filled(
    timeline: Timeline, segments: Sequence[Segment], between: str, after: str
) -> list[Segment]:
    """The segments and what lies between them: start, up to the first training, and so on."""
    trainings = timeline.trainings
    first = min((job.start for job in trainings), default=timeline.ended)
    last = max((job.end for job in trainings), default=timeline.ended)
    phases = (
        (START, timeline.begun, first),
        (between, first, last),
        (after, last, timeline.ended),
    )
    edges = [timeline.begun, *(t for s in segments for t in (s.start, s.end)), timeline.ended]
    gaps = [
        Segment(part, "", max(start, begun), min(end, until))
        for start, end in zip(edges[::2], edges[1::2], strict=True)
        for part, begun, until in phases
        if min(end, until) > max(start, begun)
    ]
    return sorted([*segments, *gaps], key=lambda segment: segment.start)


def write(timeline: Timeline, file: Path) -> None:
    """As JSON lines: the sweep, then each interval."""
    values = vars(timeline)
    head = {key: value for key, value in values.items() if key != "intervals"}
    with file.open("w", encoding="utf-8") as lines:
        for line in (head, *(vars(interval) for interval in timeline.intervals)):
            lines.write(json.dumps(line) + "\n")


def read(file: Path) -> Timeline:
    """What `write` wrote."""
    head, *intervals = map(json.loads, file.read_text(encoding="utf-8").splitlines())
    return Timeline(
        **{**head, "missing": tuple(head["missing"])},
        intervals=tuple(Interval(**interval) for interval in intervals),
    )


def gathered(folder: Path, driver_cpu: float, **sweep: Any) -> Timeline:
    """The timeline of a sweep from the files of its processes.

    Args:
        driver_cpu: seconds of the driver's process, its exit included.
        sweep: what the files do not know.
    """
    intervals: list[Interval] = []
    cpu: dict[str, float] = defaultdict(float)
    missing: dict[str, None] = {}
    for file in sorted(folder.glob("*.jsonl")):
        head, *lines = map(json.loads, file.read_text(encoding="utf-8").splitlines())
        intervals += [Interval(**line) for line in lines]
        missing |= dict.fromkeys(head["missing"])
        cpu[head["process"]] += head["cpu"]
        if head["process"] == DRIVER:
            used = driver_cpu - head["cpu"]
            intervals.append(Interval("exit", END, DRIVER, MAIN, head["at"], sweep["ended"], used))
            cpu[DRIVER] = driver_cpu
    intervals.sort(key=lambda interval: interval.start)
    return Timeline(intervals=tuple(intervals), cpu=dict(cpu), missing=tuple(missing), **sweep)

"""What an epoch of the tutorial's CNN costs, and what makes it cheaper.

    python -m benchmarks.steps

Each variant runs in a process of its own that is pinned to one core (two where it says so), one on
each core at a time, as the trials of a sweep do; rounds are interleaved, so that what else the
machine does meets all variants alike. `--steps` steps are timed after a warm-up, and counted up to
the 844 of an epoch of 54,000 images. Results are appended to a file as they come; the same command
goes on from there. The ratio is of CPU seconds, to the project's loop of the same round.
"""

from __future__ import annotations

import argparse
import json
import os
import queue
import statistics
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.steps.figure import draw
from benchmarks.steps.variants import REFERENCE, VARIANTS, Variant

STEPS_PER_EPOCH = 844
FILE = Path("benchmark_steps.jsonl")


@dataclass(frozen=True)
class Measured:
    """A process's result: seconds of an epoch, or of the validation of 6,000 images."""

    variant: str
    round: int
    steps: int
    cpu: float
    wall: float
    weights: str


@dataclass(frozen=True)
class Summary:
    """A variant over all rounds: medians, and the least and the greatest ratio of CPU seconds."""

    variant: Variant
    cpu: float
    wall: float
    ratio: float
    least: float
    greatest: float
    same_numbers: bool


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    names = [one.name for one in VARIANTS]
    parser.add_argument("--steps", type=int, default=300, help="at most 420")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--variants", nargs="+", choices=names, default=names)
    parser.add_argument("--file", type=Path, default=FILE)
    parser.add_argument("--figure", type=Path)
    arguments = parser.parse_args()
    if not 1 <= arguments.steps <= STEPS_PER_EPOCH // 2 - 2:
        parser.error("--steps: must be from 1 to 420: fit takes as many again, to warm up")
    chosen = [one for one in VARIANTS if one.name in arguments.variants]
    missing = {one.reference for one in chosen} - {*arguments.variants}
    chosen += [one for one in VARIANTS if one.name in missing]
    measure(chosen, arguments.rounds, arguments.steps, arguments.file)
    found = [one for one in read(arguments.file) if one.steps == arguments.steps]
    rows = summaries(found)
    print(table(rows))
    if arguments.figure:
        draw(rows, arguments.rounds, arguments.figure)


def measure(variants: Sequence[Variant], rounds: int, steps: int, file: Path) -> None:
    """Run what the file does not hold yet, one process on each core."""
    done = {(one.variant, one.round) for one in read(file) if one.steps == steps}
    cores = sorted(os.sched_getaffinity(0))
    writing = threading.Lock()

    def run(variant: Variant, number: int, on: Sequence[int]) -> None:
        measured = measured_once(variant, number, steps, on)
        with writing, file.open("a", encoding="utf-8") as opened:
            opened.write(json.dumps(vars(measured)) + "\n")
            print(f"round {number}: {variant.name}: {measured.cpu:.2f} CPU s", flush=True)

    for number in range(1, rounds + 1):
        # Each round begins elsewhere, so that no variant has always the same neighbour.
        order = [*variants[number * 5 % len(variants) :], *variants[: number * 5 % len(variants)]]
        open_ones = [one for one in order if (one.name, number) not in done]
        waiting: queue.SimpleQueue[Variant] = queue.SimpleQueue()
        for variant in open_ones:
            if variant.cores == 1:
                waiting.put(variant)

        def worker(core: int, number: int = number, waiting: queue.SimpleQueue = waiting) -> None:
            while not waiting.empty():
                try:
                    variant = waiting.get_nowait()
                except queue.Empty:
                    return
                run(variant, number, [core])

        threads = [threading.Thread(target=worker, args=(core,)) for core in cores]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        for variant in open_ones:
            if 1 < variant.cores <= len(cores):
                run(variant, number, cores[: variant.cores])


def measured_once(variant: Variant, number: int, steps: int, on: Sequence[int]) -> Measured:
    """The result of one process on these cores.

    Raises:
        RuntimeError: it failed, with what it printed.
    """
    settings = json.dumps(dict(variant.settings))
    command = [sys.executable, "-m", "benchmarks.steps.worker", variant.kind, settings, str(steps)]
    done = subprocess.run(
        command, capture_output=True, text=True, check=False,
        env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", **variant.environment},
        preexec_fn=lambda: os.sched_setaffinity(0, on),
    )  # fmt: skip
    if done.returncode:
        raise RuntimeError(f"{variant.name}: {done.stderr[-2000:]}")
    result = json.loads(done.stdout.splitlines()[-1])
    times = 1 if variant.kind == "validation" else STEPS_PER_EPOCH / steps
    return Measured(
        variant.name, number, steps, result["cpu"] * times, result["wall"] * times,
        result["weights"],
    )  # fmt: skip


def read(file: Path) -> list[Measured]:
    """What earlier starts have measured."""
    if not file.exists():
        return []
    lines = file.read_text(encoding="utf-8").splitlines()
    return [Measured(**json.loads(line)) for line in lines]


def summaries(found: Sequence[Measured]) -> list[Summary]:
    """A row for every variant that was measured beside its reference, in their order."""
    cpu: Mapping[tuple[str, int], float] = {(one.variant, one.round): one.cpu for one in found}
    numbers = {one.weights for one in found if one.variant == REFERENCE}
    rows = []
    for variant in VARIANTS:
        own = [one for one in found if one.variant == variant.name]
        ratios = [
            one.cpu / cpu[variant.reference, one.round]
            for one in own
            if (variant.reference, one.round) in cpu
        ]
        if not ratios:
            continue
        rows.append(
            Summary(
                variant,
                statistics.median(one.cpu for one in own),
                statistics.median(one.wall for one in own),
                statistics.median(ratios),
                min(ratios),
                max(ratios),
                {one.weights for one in own} == numbers,
            )
        )
    return rows


def table(rows: Sequence[Summary]) -> str:
    """The rows in Markdown."""
    lines = [
        "| variant | CPU s | wall s | CPU ratio: median (least to greatest) | same weights |",
        "|---|---:|---:|---:|---|",
    ]
    for row in rows:
        trains = row.variant.kind == "loop"
        same = ("yes, to the bit" if row.same_numbers else "no") if trains else ""
        lines.append(
            f"| {row.variant.name} | {row.cpu:.2f} | {row.wall:.2f} | {row.ratio:.2f} "
            f"({row.least:.2f} to {row.greatest:.2f}) | {same} |"
        )
    return "\n".join(lines)


if __name__ == "__main__":
    main()

"""The measured rounds: kept one a line, and summed up as a table."""

from __future__ import annotations

import json
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path


@dataclass(frozen=True)
class Result:
    """One contestant in one round.

    Attributes:
        round: from 1.
        cpu_s: of all its processes.
        epochs: of each trial.
        val_accuracy: of each trial, in the last epoch.
        models: logged.
    """

    contestant: str
    round: int
    wall_s: float
    cpu_s: float
    epochs: list[int]
    val_accuracy: list[float]
    models: int


@dataclass(frozen=True)
class Row:
    """A contestant over all rounds; a ratio is its wall time over ours in the same round."""

    contestant: str
    wall_s: list[float]
    cpu_s: list[float]
    ratios: list[float]
    val_accuracy: float


def read(file: Path) -> list[Result]:
    """All results that have come so far."""
    lines = file.read_text().splitlines() if file.exists() else []
    return [Result(**json.loads(line)) for line in lines]


def append(file: Path, result: Result) -> None:
    with file.open("a") as lines:
        lines.write(json.dumps(asdict(result)) + "\n")


def missing(
    results: Iterable[Result], contestants: Sequence[str], rounds: int
) -> list[tuple[int, str]]:
    """(round, contestant) in the order to run them, which rotates from round to round."""
    done = {(result.round, result.contestant) for result in results}
    order = []
    for number in range(1, rounds + 1):
        shift = (number - 1) % len(contestants)
        for contestant in [*contestants[shift:], *contestants[:shift]]:
            if (number, contestant) not in done:
                order.append((number, contestant))
    return order


def rows(results: Sequence[Result], contestants: Sequence[str]) -> list[Row]:
    """Of the contestants that have run, in this order."""
    ours = {result.round: result.wall_s for result in results if result.contestant == "ours"}
    found = []
    for contestant in contestants:
        own = [result for result in results if result.contestant == contestant]
        if own:
            found.append(
                Row(
                    contestant,
                    [result.wall_s for result in own],
                    [result.cpu_s for result in own],
                    [r.wall_s / ours[r.round] for r in own if r.round in ours],
                    statistics.median(statistics.mean(r.val_accuracy) for r in own),
                )
            )
    return found


def table(found: Sequence[Row], names: dict[str, str]) -> str:
    """The rows as Markdown."""
    lines = [
        "| | wall, s | CPU, s | wall against ours (min to max) | mean val_accuracy |",
        "|---|---:|---:|---:|---:|",
    ]
    for row in found:
        ratio = "-"
        if row.ratios:
            low, high = min(row.ratios), max(row.ratios)
            ratio = f"{statistics.median(row.ratios):.2f} ({low:.2f} to {high:.2f})"
        lines.append(
            f"| {names[row.contestant]} | {statistics.median(row.wall_s):.1f} "
            f"| {statistics.median(row.cpu_s):.1f} | {ratio} | {row.val_accuracy:.3f} |"
        )
    return "\n".join(lines)

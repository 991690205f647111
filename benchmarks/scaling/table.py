"""What docs/scaling.md says of the kept runs, as tables."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence

from benchmarks.documented.blocks import table
from benchmarks.scaling.kept import KEPT, Line, by_slots, read

_HEAD = [
    "slots", "trainings", "by the clock, s", "of the ideal, %", "epochs a second",
    "answer, ms: median", "95 %",
]  # fmt: skip
_SHARES = ("driver", "PostgreSQL", "MLflow", "Ray", "workers")


def measured(kind: str) -> str:
    """How fast, and how soon an epoch is answered, by slots: stores of this kind."""
    of_line: list[Callable[[Line], str]] = [
        lambda line: f"{line['trainings']}",
        lambda line: f"{line['wall_s']:.0f}",
        lambda line: f"{100 * line['share']:.0f}",
        lambda line: f"{line['epochs_per_s']:.2f}",
        lambda line: f"{line['answer_ms']['median']:.0f}",
        lambda line: f"{line['answer_ms']['p95']:.0f}",
    ]
    rows = [
        [f"{slots}", *(write(line) for write in of_line)]
        for slots, lines in by_slots(read(KEPT), kind).items()
        for line in lines
    ]
    return table(_HEAD, rows)


def cost(kind: str) -> str:
    """CPU milliseconds a training, by whose they are, by slots: medians over the runs."""
    rows = [
        [f"{slots}", *(f"{_cpu_ms(lines, name):.0f}" for name in _SHARES), f"{_busy(lines):.2f}"]
        for slots, lines in by_slots(read(KEPT), kind).items()
    ]
    names = ["driver", "PostgreSQL", "MLflow's server", "Ray's own", "workers and their jobs"]
    return table(["slots", *names, "cores busy with all of it"], rows)


def _cpu_ms(lines: Sequence[Line], name: str) -> float:
    return statistics.median(
        1000 * line["cpu_s"].get(name, 0.0) / line["trainings"] for line in lines
    )


def _busy(lines: Sequence[Line]) -> float:
    whole = (sum(line["cpu_s"].values()) / _seconds(line) for line in lines)
    return statistics.median(whole)


def _seconds(line: Line) -> float:
    return float(line["wall_s"] + line["mlflow_behind_s"])

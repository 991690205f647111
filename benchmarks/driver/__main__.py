"""What a trial costs the driver, and how that grows: `python -m benchmarks.driver`.

Runs a study of instantaneous trials, ten epochs each, through the real driver, Optuna and MLflow,
both on SQLite in a new temporary folder, or with --storage both in a PostgreSQL server. Every so
many trials it prints what one has cost: by the clock, until the driver was done with it, and CPU
seconds by part; with --json, a line of it each. MLflow is told in a thread of its own and may be
behind; the last line waits until it has all.

With --floor the same rows are then only written, in as few transactions as there can be.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
from pathlib import Path
from typing import Any

os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")

from benchmarks.driver import figure
from benchmarks.driver.floor import Floor, floor
from benchmarks.driver.parts import Parts, rounded
from benchmarks.driver.stores import stores
from benchmarks.driver.study import run_study
from clr_sweep.commands.run import keep_imports


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", type=int, default=10_000)
    parser.add_argument("--sampler", default="random", choices=["random", "tpe", "qmc"])
    parser.add_argument("--pruner", default="none")
    parser.add_argument("--steps-per-epoch", type=int, default=1)
    parser.add_argument("--storage", default="sqlite", choices=["sqlite", "postgresql"])
    parser.add_argument("--floor", action="store_true", help="what writing the rows costs at least")
    parser.add_argument("--every", type=int, default=500, help="trials a line")
    parser.add_argument("--json", type=Path, help="append the lines to this file")
    parser.add_argument("--figure", type=Path, help="draw what --json has into this PNG")
    options = parser.parse_args()
    if options.json:
        options.json = options.json.absolute()
    report = _Report(options.every, options.json, options.sampler, options.storage)
    back = Path.cwd()
    keep_imports()
    with (
        tempfile.TemporaryDirectory() as folder,
        stores(options.storage, Path(folder)) as databases,
    ):
        os.chdir(folder)
        try:
            parts = run_study(
                Path(folder),
                options.trials,
                options.sampler,
                options.pruner,
                options.steps_per_epoch,
                report.told,
                databases,
            )
            report.last(options.trials, parts)
            if options.floor:
                report.floor(floor(databases))
        finally:
            os.chdir(back)
    if options.json and options.figure:
        figure.draw([json.loads(line) for line in options.json.open()], options.figure)


class _Report:
    """Prints what the trials since the last line have cost, in milliseconds each."""

    def __init__(self, every: int, file: Path | None, sampler: str, storage: str) -> None:
        self._every, self._file = every, file
        self._of = {"sampler": sampler, "storage": storage}
        self._began = self._at = time.perf_counter()
        self._process_began = self._process = time.process_time()
        self._cost = 0.0
        self._cpu: dict[str, float] = {}

    def told(self, ended: int, parts: Parts) -> None:
        if ended % self._every:
            return
        now, process = time.perf_counter(), time.process_time()
        each = 1000 / self._every
        cpu = {part: each * (s - self._cpu.get(part, 0.0)) for part, s in parts.cpu.items()}
        cpu["rest"] = each * (process - self._process) - sum(cpu.values())
        line = {"ended": ended, "wall_ms": each * (now - self._at), "cpu_ms": cpu}
        self._say(line)
        self._at, self._process, self._cpu = now, process, dict(parts.cpu)

    def last(self, trials: int, parts: Parts) -> None:
        seconds = time.perf_counter() - self._began
        cpu = {part: 1000 * spent / trials for part, spent in parts.cpu.items()}
        self._cost = 1000 * (time.process_time() - self._process_began) / trials
        self._say(
            {
                "all": trials,
                "trials_per_second": trials / seconds,
                "all_cpu_ms": self._cost,
                "cpu_ms": cpu,
            }
        )

    def floor(self, floor: Floor) -> None:
        cpu = 1000 * floor.cpu
        line = {"floor_cpu_ms": cpu, "floor_wall_ms": 1000 * floor.wall, "rows": floor.rows}
        self._say({**line, "cost_by_floor": self._cost / cpu})

    def _say(self, line: dict[str, Any]) -> None:
        line = {**self._of, **rounded(line)}
        print(json.dumps(line), flush=True)
        if self._file:
            with self._file.open("a", encoding="utf-8") as opened:
                opened.write(json.dumps(line) + "\n")


if __name__ == "__main__":
    main()

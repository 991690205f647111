"""How long until something happens: `python -m benchmarks.start`.

The command line's start (`--help` and `check`), and the first training step of a sweep against a
bare script that imports Keras, loads the same data and takes one step (bare.py): from the start of
the process until the step is taken, in a folder without stores and in one where they exist. All
are started in turn, round after round; the figures are medians, CPU seconds of all processes
beside those by the clock. Then the moments on the way, of the round in the middle: seconds since
the start, and the CPU that the process which came there had used by then.
"""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from benchmarks.processes import (
    ROOT,
    Cost,
    adopt_orphans,
    cpu_below,
    environment,
    measured,
    pin,
    take_away_orphans,
)
from benchmarks.start.marks import FILE, FIRST_STEP, Mark, marks
from clr_sweep.training.data.datasets import load_dataset

SWEEP = ROOT / "sweeps" / "fashion_mnist.yaml"
BARE, SWEEPS = "bare, train_on_batch", ("sweep, new stores", "sweep, stores exist")
PATIENCE_SECONDS = 300.0
LOOK_AGAIN_SECONDS = 0.01


@dataclass(frozen=True)
class Start(Cost):
    """A start, to the moment that counts.

    Attributes:
        began: seconds since 1970.
        moments: on the way there.
    """

    began: float = 0.0
    moments: dict[str, Mark] = field(default_factory=dict)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--cores", type=int, nargs="+", help="run on these alone")
    arguments = parser.parse_args()
    pin(arguments.cores)
    adopt_orphans()
    data = load_dataset("fashion_mnist").folder
    assert data is not None
    with tempfile.TemporaryDirectory() as work:
        old = Path(work, "old")
        old.mkdir()
        sweep_start(old, "earlier", signal.SIGTERM)
        starts: dict[str, Callable[[], Cost]] = {
            "--help": lambda: command(Path(work), "--help"),
            "check": lambda: command(Path(work), "check", str(SWEEP)),
            BARE: lambda: bare_start(data),
            "bare, fit": lambda: bare_start(data, "fit"),
            SWEEPS[0]: lambda: sweep_in_new_folder(Path(work)),
            SWEEPS[1]: lambda: sweep_in_new_folder(Path(work), old),
        }
        taken: dict[str, list[Cost]] = {name: [] for name in starts}
        for _ in range(arguments.rounds):
            for name, start in starts.items():
                taken[name].append(start())
                print(f"{name}: {taken[name][-1].wall:.2f} s", file=sys.stderr, flush=True)
    print("\n".join(lines(taken)))


def command(folder: Path, *arguments: str) -> Cost:
    """A command of clr-sweep, to its end."""
    return measured(["-m", "clr_sweep", *arguments], folder, environment())


def bare_start(data: Path, *arguments: str) -> Cost:
    """The bare script, to its step; see bare.py."""
    began = time.time()
    done = subprocess.run(
        [sys.executable, str(Path(__file__).with_name("bare.py")), str(data), *arguments],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    at, cpu = map(float, done.stdout.split())
    return Cost(at - began, cpu)


def sweep_in_new_folder(work: Path, like: Path | None = None) -> Start:
    """A sweep's start in an empty folder, or in a copy of another."""
    folder = work / "sweep"
    shutil.copytree(like, folder) if like else folder.mkdir()
    start = sweep_start(folder, "measured", signal.SIGKILL)
    shutil.rmtree(folder)
    return start


def sweep_start(folder: Path, study: str, end: signal.Signals) -> Start:
    """A sweep's start, to the first step of its first training; then it is ended.

    Raises:
        RuntimeError: it ended by itself, or takes too long; with what it said.
    """
    seen, output = folder / f"{study}.marks", folder / f"{study}.txt"
    began = time.time()
    with output.open("wb") as file:
        process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.start.sweep", "run", str(SWEEP), "--study", study],
            cwd=folder, env=environment(**{FILE: str(seen)}), stdout=file, stderr=file,
            start_new_session=True,
        )  # fmt: skip
    while FIRST_STEP not in (moments := marks(seen)):
        if process.poll() is not None or time.time() > began + PATIENCE_SECONDS:
            raise RuntimeError(f"no training began:\n{output.read_text(encoding='utf-8')}")
        time.sleep(LOOK_AGAIN_SECONDS)
    cpu = cpu_below(psutil.Process(process.pid))
    os.killpg(process.pid, end)
    process.wait()
    take_away_orphans()
    return Start(moments[FIRST_STEP].time - began, cpu, began, moments)


def lines(taken: dict[str, list[Cost]]) -> Iterator[str]:
    """The tables: what each start took, and the moments of the sweeps'."""
    yield f"{'start':<22}{'CPU s':>8}{'wall s':>8}{'wall / bare':>13}{'(lowest to highest)':>21}"
    for name, starts in taken.items():
        line = f"{name:<22}{_median(s.cpu for s in starts):>8.2f}"
        line += f"{_median(s.wall for s in starts):>8.2f}"
        if name.startswith(("bare", "sweep")):
            # Of one round: the machine may have other work in some.
            ratios = [s.wall / b.wall for s, b in zip(starts, taken[BARE], strict=True)]
            line += f"{_median(ratios):>13.2f}{f'{min(ratios):.2f} to {max(ratios):.2f}':>21}"
        yield line
    for name in SWEEPS:
        starts = sorted(taken[name], key=lambda start: start.wall)
        middle = starts[len(starts) // 2]
        assert isinstance(middle, Start)
        yield ""
        yield f"{name:<28}{'wall s':>8}{'CPU s':>8}"
        for moment, at in sorted(middle.moments.items(), key=lambda item: item[1].time):
            yield f"  {moment:<26}{at.time - middle.began:>8.2f}{at.cpu:>8.2f}"


def _median(values: Iterable[float]) -> float:
    return statistics.median(values)


if __name__ == "__main__":
    main()

"""What a sweep takes in memory: `python -m benchmarks.memory`.

Two sweeps, run as anybody runs them and looked at from outside (Linux: /proc/PID/smaps_rollup).

- Growth: many short trials (a slice of Fashion-MNIST, one epoch of a few steps). The memory of the
  driver and of the server that trials are forked from, each time that a trial has ended, and the
  slope of a straight line through the later half.
- A trial: the tutorial's network on all of Fashion-MNIST, two at once. What the process of a trial
  has to itself (its private pages) while it trains, beside what it shares with the server.

`--csv FILE` has the rows of the first as they come.
"""

from __future__ import annotations

import argparse
import contextlib
import csv
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import psutil
import yaml

from benchmarks.processes import ROOT, adopt_orphans, environment, pin, take_away_orphans

SHORT = {
    "name": "short",
    "dataset": {"name": str(ROOT / "tests/data/fashion_mnist_slice.npz"), "validation": 400},
    "model": {"name": "tutorial_cnn"},
    "training": {"optimizer": "sgd", "batch_size": 400, "epochs": 1},
    "search_space": {
        "init_lr": {"low": 1.0e-4, "high": 1.0e-2, "log": True},
        "max_lr": {"low": 2.0e-2, "high": 0.3, "log": True},
        "step_size_factor": 0.5,
        "policy": ["triangular", "triangular2"],
    },
}
MIB = 2**20
TARGET_MIB = 350
LOOK_AGAIN_SECONDS = 0.5


@dataclass(frozen=True)
class Memory:
    """What a process has in memory, bytes.

    Attributes:
        rss: all of it.
        pss: its pages, those that n processes share counted 1 / n.
        uss: the pages that no other process has.
    """

    rss: int
    pss: int
    uss: int


def memory(pid: int) -> Memory | None:
    """The memory of a process; None where it has ended."""
    try:
        text = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii")
    except (FileNotFoundError, ProcessLookupError):
        return None
    # After a line about the whole: "Rss:   1024 kB".
    rows = (line.split() for line in text.splitlines()[1:])
    kib = {row[0].rstrip(":"): int(row[1]) for row in rows}
    if not kib:
        return None  # a zombie
    uss = kib["Private_Clean"] + kib["Private_Dirty"]
    return Memory(1024 * kib["Rss"], 1024 * kib["Pss"], 1024 * uss)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", type=int, default=200, help="of the first sweep (0: none)")
    parser.add_argument("--epochs", type=int, default=2, help="of the second sweep (0: none)")
    parser.add_argument("--cores", type=int, nargs="+", help="run on these alone")
    parser.add_argument("--csv", type=Path)
    arguments = parser.parse_args()
    pin(arguments.cores)
    adopt_orphans()
    with tempfile.TemporaryDirectory() as folder:
        if arguments.trials:
            rows = list(_growth(Path(folder), arguments.trials, arguments.csv))
            print("\n".join(growth_lines(rows)), flush=True)
        if arguments.epochs:
            seen = list(_trials(Path(folder), arguments.epochs))
            print("\n".join(trial_lines(seen)))


Row = dict[str, float]


def _growth(folder: Path, trials: int, file: Path | None) -> Iterator[Row]:
    """The memory of driver and server each time that further trials have ended."""
    sweep, study = folder / "short.yaml", {"trials": trials, "sampler": "tpe", "pruner": "none"}
    sweep.write_text(yaml.safe_dump({**SHORT, "study": study}), encoding="utf-8")
    with contextlib.ExitStack() as stack:
        output = stack.enter_context(file.open("w", newline="")) if file else None
        writer: csv.DictWriter[str] | None = None
        ended = 0
        for driver, server, _ in _looks(folder, [str(sweep)]):
            now = len(list(folder.glob("trials/*/*/result.json")))
            if now == ended:
                continue
            row = {"trials": float(now)}
            found = {"driver": memory(driver), "server": memory(server)}
            for name, process in found.items():
                if process is not None:
                    row |= {f"{name}_{key}": value / MIB for key, value in vars(process).items()}
            if None in found.values():
                continue  # it has just gone
            ended = now
            if output is not None:
                writer = writer or _begun(output, row)
                writer.writerow({key: f"{value:.2f}" for key, value in row.items()})
                output.flush()
            yield row


def _begun(output: object, row: Row) -> csv.DictWriter[str]:
    writer = csv.DictWriter(output, fieldnames=list(row))  # type: ignore[type-var]
    writer.writeheader()
    return writer


def _trials(folder: Path, epochs: int) -> Iterator[tuple[Memory, list[Memory]]]:
    """The server's memory and that of the trials' processes, again and again."""
    definition = {
        **SHORT,
        "name": "full",
        "dataset": {"name": "fashion_mnist", "validation": 6000},
        "training": {"optimizer": "sgd", "batch_size": 64, "epochs": epochs},
        "study": {"trials": 2, "jobs": 2, "pruner": "none"},
    }
    sweep = folder / "full.yaml"
    sweep.write_text(yaml.safe_dump(definition), encoding="utf-8")
    for _, server, jobs in _looks(folder, [str(sweep)]):
        seen = [found for pid in (server, *jobs) if (found := memory(pid)) is not None]
        if len(jobs) == 2 and len(seen) == 3:
            yield seen[0], seen[1:]


def _looks(folder: Path, arguments: list[str]) -> Iterator[tuple[int, int, list[int]]]:
    """Run a sweep; the ids of driver, server and jobs, again and again while there is a server.

    Raises:
        RuntimeError: the sweep failed; with what it said.
    """
    log = folder / "output.txt"
    with log.open("wb") as output:
        process = psutil.Popen(
            [sys.executable, "-m", "clr_sweep", "run", *arguments],
            cwd=folder,
            env=environment(),
            stdout=output,
            stderr=output,
        )
    while process.poll() is None:
        time.sleep(LOOK_AGAIN_SECONDS)
        with contextlib.suppress(psutil.NoSuchProcess):
            for child in process.children():
                if any("forkserver" in word for word in child.cmdline()):
                    yield process.pid, child.pid, [job.pid for job in child.children()]
    take_away_orphans()
    if process.returncode != 0:
        raise RuntimeError(f"the sweep failed:\n{log.read_text(encoding='utf-8')}")


def growth_lines(rows: list[Row]) -> Iterator[str]:
    """The growth of driver and server: where they began, where they ended, KiB a trial."""
    last = rows[-1]["trials"]
    later = [row for row in rows if row["trials"] >= last / 4]
    yield f"memory, MiB, over {last:.0f} short trials; slope from trial {last / 4:.0f} on"
    yield f"{'':<14}{'first':>9}{'last':>9}{'KiB a trial':>13}"
    for key in (key for key in rows[0] if key != "trials"):
        slope = np.polyfit([row["trials"] for row in later], [row[key] for row in later], 1)[0]
        name = key.replace("_", " ")
        yield f"{name:<14}{rows[0][key]:>9.1f}{rows[-1][key]:>9.1f}{1024 * slope:>13.1f}"


def trial_lines(seen: list[tuple[Memory, list[Memory]]]) -> Iterator[str]:
    """What the process of a trial has to itself, and what it shares."""
    private = [job.uss / MIB for _, jobs in seen for job in jobs]
    shared = [(job.rss - job.uss) / MIB for _, jobs in seen for job in jobs]
    server = statistics.median(found.rss / MIB for found, _ in seen)
    yield (
        f"a trial on all of Fashion-MNIST: private pages {statistics.median(private):.0f} MiB "
        f"(median), {max(private):.0f} at most (target: below {TARGET_MIB}); it shares "
        f"{statistics.median(shared):.0f} MiB; the server has {server:.0f}"
    )


if __name__ == "__main__":
    main()

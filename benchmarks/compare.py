"""The quick benchmarks of this tree against those of a git revision: `benchmarks/run`.

Both trees are measured in one go, in turn, on the same cores, round after round: the start of
`--help` and of `check`, a small sweep (4 trials of two epochs on a slice of Fashion-MNIST, none
pruned), and what a trial costs the driver (benchmarks/driver). The benchmarks are those of this
tree, the package is each tree's own; what a revision cannot do is said and left out.

The exit status is 1 if the median over the rounds of new / old is above the threshold in any row,
2 if there is no such revision.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import signal
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import yaml

from benchmarks.processes import ROOT, environment, measured, pin

DRIVER_TRIALS = 300
SMALL = {
    "name": "small",
    "dataset": {"name": str(ROOT / "tests/data/fashion_mnist_slice.npz"), "validation": 400},
    "model": {"name": "tutorial_cnn"},
    "training": {"optimizer": "sgd", "batch_size": 64, "epochs": 2},
    "search_space": {
        "init_lr": {"low": 1.0e-4, "high": 1.0e-2, "log": True},
        "max_lr": {"low": 2.0e-2, "high": 0.3, "log": True},
        "step_size_factor": 1,
        "policy": ["triangular", "triangular2"],
    },
    "study": {"trials": 4, "sampler": "random", "pruner": "none", "seed": 5},
}

Values = Mapping[str, float]
# The figures of one measurement, by the name that each has in the table.
Benchmark = Callable[[Path], Values]


@dataclass(frozen=True)
class Pair:
    """A figure of both trees, measured one after the other."""

    old: float
    new: float

    @property
    def ratio(self) -> float:
        """Above 1 where the new one takes more."""
        return self.new / self.old


def main() -> None:
    parser = argparse.ArgumentParser(prog="benchmarks/run", description=__doc__)
    parser.add_argument("--against", metavar="REV", default="HEAD", help="(default: HEAD)")
    parser.add_argument("--rounds", type=int, default=5, metavar="N")
    parser.add_argument("--threshold", type=float, default=1.10, metavar="RATIO")
    parser.add_argument("--cores", type=int, nargs="+", help="(default: the first two)")
    parser.add_argument("--only", nargs="+", choices=sorted(BENCHMARKS), metavar="NAME",
                        default=list(BENCHMARKS), help=f"of {', '.join(BENCHMARKS)}")  # fmt: skip
    arguments = parser.parse_args()
    pin(arguments.cores or sorted(os.sched_getaffinity(0))[:2])
    with tempfile.TemporaryDirectory() as work, _checked_out(arguments.against, Path(work)) as tree:
        trees = _package_of(tree, Path(work, "old")), _package_of(ROOT, Path(work, "new"))
        pairs, missing = compared(
            {name: BENCHMARKS[name] for name in arguments.only}, *trees, arguments.rounds
        )
    print(f"new: this tree; old: {arguments.against}; {arguments.rounds} rounds")
    sys.exit(report(pairs, missing, arguments.threshold))


def compared(
    benchmarks: Mapping[str, Benchmark], old: Path, new: Path, rounds: int
) -> tuple[dict[str, list[Pair]], dict[str, str]]:
    """Measure both trees in turn.

    Args:
        old, new: the folders that the trees' packages are imported from.

    Returns:
        The figures by name, a pair a round; and why a benchmark was left out, by its name.
    """
    pairs: dict[str, list[Pair]] = {}
    missing: dict[str, str] = {}
    for number in range(rounds):
        for name, benchmark in benchmarks.items():
            if name in missing:
                continue
            # In turn too who is first: the second may find more in the machine's caches.
            order = [("old", old), ("new", new)][:: -1 if number % 2 else 1]
            found: dict[str, Values] = {}
            for which, tree in order:
                try:
                    found[which] = benchmark(tree)
                except RuntimeError as error:
                    reason = str(error).strip().splitlines()[-1]
                    missing[name] = f"the {which} tree fails: {reason}"
                    break
            else:
                for figure in found["old"].keys() & found["new"].keys():
                    pair = Pair(found["old"][figure], found["new"][figure])
                    pairs.setdefault(figure, []).append(pair)
                print(f"round {number + 1}: {name}", file=sys.stderr, flush=True)
    return pairs, missing


def report(
    pairs: Mapping[str, Sequence[Pair]], missing: Mapping[str, str], threshold: float
) -> int:
    """Print the table, what could not be compared, and what is slower; the exit status."""
    print("\n".join(_table(pairs)))
    for name, reason in missing.items():
        print(f"{name}: not compared: {reason}")
    slow = [name for name, found in sorted(pairs.items()) if _middle(found) > threshold]
    for name in slow:
        print(f"slower: {name}: the median of new / old is above {threshold:g}")
    return 1 if slow else 0


def _table(pairs: Mapping[str, Sequence[Pair]]) -> Iterator[str]:
    """A row a figure: the medians, and median, lowest and highest ratio."""
    yield f"{'':<24}{'old':>9}{'new':>9}{'new / old':>11}{'lowest':>9}{'highest':>9}"
    for name, found in sorted(pairs.items()):
        old, new = (statistics.median(getattr(p, which) for p in found) for which in ("old", "new"))
        ratios = [pair.ratio for pair in found]
        yield (
            f"{name:<24}{old:>9.3f}{new:>9.3f}{_middle(found):>11.2f}"
            f"{min(ratios):>9.2f}{max(ratios):>9.2f}"
        )


def _middle(pairs: Sequence[Pair]) -> float:
    return statistics.median(pair.ratio for pair in pairs)


def _help(tree: Path) -> Values:
    return {"--help, CPU s": measured(["-m", "clr_sweep", "--help"], tree, environment(tree)).cpu}


def _check(tree: Path) -> Values:
    arguments = ["-m", "clr_sweep", "check", str(ROOT / "sweeps" / "fashion_mnist.yaml")]
    return {"check, CPU s": measured(arguments, tree, environment(tree)).cpu}


def _sweep(tree: Path) -> Values:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "small.yaml")
        file.write_text(yaml.safe_dump(SMALL), encoding="utf-8")
        cost = measured(["-m", "clr_sweep", "run", str(file)], Path(folder), environment(tree))
    return {"small sweep, CPU s": cost.cpu, "small sweep, wall s": cost.wall}


def _driver(tree: Path) -> Values:
    with tempfile.TemporaryDirectory() as folder:
        arguments = ["--trials", str(DRIVER_TRIALS), "--json", str(Path(folder, "driver.json"))]
        cost = measured(["-m", "benchmarks.driver", *arguments], Path(folder), environment(tree))
    return {f"driver, {DRIVER_TRIALS} trials, CPU s": cost.cpu}


BENCHMARKS: dict[str, Benchmark] = {
    "help": _help,
    "check": _check,
    "sweep": _sweep,
    "driver": _driver,
}


@contextlib.contextmanager
def _checked_out(revision: str, work: Path) -> Iterator[Path]:
    """A git worktree of the revision, for as long as the block runs."""
    signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))  # or it would stay
    tree = work / "tree"
    added = _git("worktree", "add", "--detach", "--quiet", str(tree), revision)
    if added.returncode != 0:
        print(f"benchmarks/run: --against {revision}: {added.stderr.strip()}", file=sys.stderr)
        sys.exit(2)
    try:
        yield tree
    finally:
        _git("worktree", "remove", "--force", str(tree))


def _git(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["git", "-C", str(ROOT), *arguments], capture_output=True, text=True, check=False
    )


def _package_of(tree: Path, folder: Path) -> Path:
    """A folder to import from: the package of `tree`, and this tree's benchmarks."""
    folder.mkdir()
    (folder / "clr_sweep").symlink_to(tree / "clr_sweep")
    for name in ("benchmarks", "sweeps", "tests"):
        (folder / name).symlink_to(ROOT / name)
    # Compiled before anything is measured, and it says which package is imported.
    code = "import compileall, clr_sweep as c; compileall.compile_dir(c.__path__[0], quiet=2)"
    code += "; import os; print(os.path.realpath(c.__path__[0]))"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=folder, env=environment(folder),
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stdout.strip() == str((tree / "clr_sweep").resolve()), done.stdout
    return folder


if __name__ == "__main__":
    main()

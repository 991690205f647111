"""The same trials by this project, by others and bare: `python -m benchmarks.throughput`.

Eight trials (seven sampled ones and the baseline), three epochs each, no pruning, every model
logged, by five contestants, each as a process of its own in a fresh folder and in an order that
rotates from round to round. Prints a Markdown table; `--figure FILE` draws it. What has been
measured stays in the folder (`--folder`): the same command goes on where it was stopped. Needs
the extra `bench` and Linux; a round of the full data takes about ten minutes on two quiet cores.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import optuna

from benchmarks.throughput.evidence import evidence
from benchmarks.throughput.figure import draw
from benchmarks.throughput.fixed_trials import prepare
from benchmarks.throughput.results import Result, append, missing, read, rows, table
from benchmarks.throughput.workload import Workload

NAMES = {
    "limit": "limit: bare loops",
    "ours": "clr-sweep",
    "ray_tune": "Ray Tune",
    "plain": "plain script: Optuna, fit, autolog",
    "keras_tuner": "KerasTuner",
}
_NEEDS = {"ray_tune": "ray", "keras_tuner": "keras_tuner"}
_ROOT = Path(__file__).parents[2]


def main() -> None:
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    arguments = _arguments()
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: arguments.cores])
    folder: Path = arguments.folder.absolute()
    workload = workload_in(folder, arguments)
    lines = folder / "results.jsonl"
    for number, contestant in missing(read(lines), arguments.contestants, arguments.rounds):
        result = measured(contestant, number, workload, folder)
        append(lines, result)
        print(
            f"round {number}, {contestant}: {result.wall_s:.1f} s, CPU {result.cpu_s:.1f} s, "
            f"val_accuracy {', '.join(f'{value:.3f}' for value in result.val_accuracy)}",
            flush=True,
        )
    found = rows(read(lines), list(NAMES))
    print(table(found, NAMES))
    if arguments.figure:
        images = "60,000" if arguments.images is None else f"{arguments.images:,}"
        subtitle = (
            f"{arguments.trials} trials, epochs each: {arguments.epochs}, {images} images, "
            f"{workload.cores} cores, no pruning, models logged"
        )
        draw(found, NAMES, subtitle, arguments.figure)


def workload_in(folder: Path, arguments: argparse.Namespace) -> Workload:
    """The folder's workload: made at the first start, the same at every further one.

    Raises:
        SystemExit: the folder holds results of other options.
    """
    cores = len(os.sched_getaffinity(0))
    options = {key: getattr(arguments, key) for key in ("trials", "epochs", "images")}
    options["cores"] = cores
    kept = folder / "options.json"
    if kept.exists():
        if (held := json.loads(kept.read_text())) != options:
            raise SystemExit(
                f"{folder}: holds results of {held}, asked for {options}: name another --folder"
            )
        return Workload.read(folder / "workload.json")
    workload = prepare(folder, **options)
    kept.write_text(json.dumps(options))
    return workload


def measured(contestant: str, number: int, workload: Workload, folder: Path) -> Result:
    """Run a contestant in a fresh folder, and see what it did.

    Raises:
        SystemExit: it failed, or did not do the work.
    """
    if (package := _NEEDS.get(contestant)) and importlib.util.find_spec(package) is None:
        raise SystemExit(f"{contestant} needs {package}: pip install -e '.[bench]'")
    own = folder / "rounds" / f"{number}-{contestant}"
    attempt = 1
    while own.exists():  # of a start that was stopped
        attempt += 1
        own = own.with_name(f"{number}-{contestant}-{attempt}")
    own.mkdir(parents=True)
    measure, module = (f"benchmarks.throughput.{name}" for name in ("measure", contestant))
    python = [sys.executable, "-m"]
    process = subprocess.Popen(
        [*python, measure, "cost.json", "log.txt", *python, module, folder / "workload.json"],
        cwd=own,
        env={**os.environ, "PYTHONPATH": str(_ROOT)},
    )
    try:
        process.wait()
    finally:
        process.wait()  # after Ctrl-C too: it ends what the contestant has started
    if process.returncode:
        raise SystemExit(f"{contestant}: could not be measured, see above")
    cost = json.loads((own / "cost.json").read_text())
    if cost["status"]:
        raise SystemExit(f"{contestant}: ended with status {cost['status']}, see {own}/log.txt")
    done = evidence(contestant, own, workload)
    return Result(contestant, number, cost["wall_s"], cost["cpu_s"], **done.as_json())


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.throughput", description=__doc__.split("\n")[0]
    )
    parser.add_argument("--trials", type=int, default=8, help="the baseline among them")
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--contestants", nargs="+", choices=NAMES, default=list(NAMES))
    parser.add_argument("--images", type=int, help="the first so many; default: all")
    parser.add_argument("--cores", type=int, help="to pin all to; default: all that there are")
    parser.add_argument("--folder", type=Path, default=Path("build/throughput"))
    parser.add_argument("--figure", type=Path)
    return parser.parse_args()


if __name__ == "__main__":
    main()

"""Where a sweep's time goes: `python -m benchmarks.timeline`.

Runs a real sweep in a fresh folder, timing what `wrapped.py` names in all its processes, and prints
tables: what each slot and the driver did, and what the cores were used for. The sweep's intervals
are left in `timeline.jsonl`, from which `--read` makes tables and figure again. Full Fashion-MNIST,
8 trainings of 3 epochs, takes a minute or two on 2 cores that nobody else uses.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import numpy as np
import yaml

from benchmarks.timeline.figure import draw
from benchmarks.timeline.parts import Timeline, gathered, read, write
from benchmarks.timeline.sweep import INTERVALS, SWEEP, definition, run_timed
from benchmarks.timeline.table import markdown
from clr_sweep.common.cores import usable_cores

FASHION_MNIST, IMAGES = "fashion_mnist", 60_000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", type=int, default=7, help="beside the baseline")
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--jobs", type=int, help="trials at once, as many as cores by default")
    parser.add_argument("--images", type=int, default=IMAGES, help="of Fashion-MNIST's training")
    parser.add_argument(
        "--into", type=Path, help="folder for the sweep, a temporary one by default"
    )
    parser.add_argument("--read", type=Path, help="a timeline.jsonl, instead of running a sweep")
    parser.add_argument("--figure", type=Path, help="PNG file to draw")
    arguments = parser.parse_args()
    if arguments.read:
        timeline = read(arguments.read)
    else:
        into = arguments.into or Path(tempfile.mkdtemp(prefix="timeline-"))
        into.mkdir(parents=True, exist_ok=True)
        dataset = FASHION_MNIST
        if arguments.images < IMAGES:
            dataset = str(_slice(arguments.images, into / "slice.npz"))
        timeline = measured(
            into, dataset, arguments.images, arguments.trials, arguments.epochs, arguments.jobs
        )
        print(f"{into / 'timeline.jsonl'}\n")
    print(markdown(timeline))
    if arguments.figure:
        draw(timeline, arguments.figure)


def measured(
    folder: Path, dataset: str, images: int, trials: int, epochs: int, jobs: int | None
) -> Timeline:
    """Run a sweep in a fresh folder; its timeline is left there too."""
    content = definition(dataset, images // 10, trials, epochs)
    cores = usable_cores()
    content["study"]["jobs"] = jobs or cores
    (folder / SWEEP).write_text(yaml.safe_dump(content, sort_keys=False), encoding="utf-8")
    begun, ended, driver_cpu = run_timed(folder)
    timeline = gathered(
        folder / INTERVALS,
        driver_cpu,
        begun=begun,
        ended=ended,
        slots=content["study"]["jobs"],
        cores=cores,
        title=f"{trials + 1} trainings of {epochs} epochs on {images:,} images, "
        f"{content['study']['jobs']} at once on {cores} cores",
    )
    write(timeline, folder / "timeline.jsonl")
    return timeline


def _slice(images: int, file: Path) -> Path:
    from clr_sweep.training.data.fashion_mnist import load

    data, part = load(), images // 6
    np.savez(
        file, x_train=data.x_train[:images], y_train=data.y_train[:images],
        x_test=data.x_test[:part], y_test=data.y_test[:part],
    )  # fmt: skip
    return file


if __name__ == "__main__":
    main()

"""How far seeds alone move a result: `python -m benchmarks.seeds`, some 5 CPU seconds a seed.

The tutorial's network is trained with two schedules on the small slice of Fashion-MNIST that the
tests use, from the same seeds in both, by the project's own jobs, one at a time. What each run
ended with is kept in `recorded/runs/seeds.json`; the same command goes on where it was interrupted,
and prints the spread of each arm and what the two share. Comparisons that must be honest are drawn
from these runs: an arm with itself has no true difference.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import optuna

from clr_sweep.common.stopping import stop_request
from clr_sweep.definition.sweep import DatasetConfig, Sweep
from clr_sweep.definition.trial_config import TrialConfig
from clr_sweep.engines.local.engine import local_engine
from clr_sweep.engines.to_the_end import Job, run_one
from clr_sweep.results.statistics import mean_interval, paired, spread
from clr_sweep.search.configurations import baseline_config, suggest, trial_seed
from clr_sweep.study.preparation import prepare_data
from clr_sweep.training import durable
from clr_sweep.training.folder import TrialFolder
from clr_sweep.training.requests import TrialJob

FILE = Path(__file__).parent / "recorded" / "runs" / "seeds.json"
SLICE = Path(__file__).parents[1] / "tests" / "data" / "fashion_mnist_slice.npz"
EXAMPLES, SEEDS, DIGITS = 2000, 200, 6
CONSTANT, CLR = "constant", "triangular2"
METRICS = ("val_accuracy", "val_loss", "test_accuracy", "test_loss")
Arms = dict[str, dict[str, list[float | None]]]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seeds", type=int, default=SEEDS)
    parser.add_argument("--file", type=Path, default=FILE)
    arguments = parser.parse_args()
    record(arguments.seeds, arguments.file)
    print("\n".join(summary(read(arguments.file))))


def definition() -> Sweep:
    """Both schedules: the baseline, and a search space in which nothing is left open."""
    return Sweep.model_validate(
        {
            "name": "seeds",
            "dataset": {"name": SLICE.name, "validation": 500},
            "model": {"name": "tutorial_cnn"},
            "training": {"optimizer": "sgd", "batch_size": 8, "epochs": 4},
            "search_space": {
                "init_lr": 0.02,
                "max_lr": 0.2,
                "step_size_factor": 1,
                "policy": "triangular2",
            },
            "objective": {"metric": "val_accuracy", "at": "final"},
            "baseline": {"policy": "constant", "learning_rate": 0.1},
        }
    )


def configurations(number: int) -> Mapping[str, TrialConfig]:
    """The arms from one seed: the same weights to begin with, and the same order of the data."""
    sweep = definition()
    clr = suggest(optuna.trial.FixedTrial({}), sweep, number, EXAMPLES)
    seed = trial_seed(sweep.study.seed, number)
    constant = baseline_config(sweep, EXAMPLES).model_copy(update={"seed": seed})
    return {CONSTANT: constant, CLR: clr}


def record(seeds: int, file: Path) -> None:
    """Train what the file does not hold yet; it is written after each seed."""
    arms = read(file) if file.exists() else empty()
    missing = range(count(arms), seeds)
    if not missing:
        return
    with (
        tempfile.TemporaryDirectory() as folder,
        local_engine(1) as engine,
        stop_request() as stop,
    ):
        work = Path(folder)
        facts = prepare_data(engine, DatasetConfig(name=str(SLICE)), (), work, stop)
        for number in missing:
            for arm, config in configurations(number).items():
                place = work / f"{number}-{arm}"
                place.mkdir()
                job = TrialJob(config, facts.stored, place, (), with_test=True)
                found = run_one(
                    engine, Job("benchmarks.seeds:trained", job, place / "log.txt"), stop
                )
                assert isinstance(found, dict)
                for metric in METRICS:
                    arms[arm][metric].append(found.get(metric))
            write(arms, file)


def trained(job: TrialJob, _report: Callable[[Any], Any]) -> dict[str, float]:
    """What a trial ends with, in a process of its own; nothing if it diverged."""
    from clr_sweep.training import jobs  # imports Keras

    result = jobs.run_trial(job, lambda _: True)
    tests = TrialFolder(job.folder).test_metrics()
    if result.state != "complete":
        return {}
    return {name: round(value, DIGITS) for name, value in {**result.metrics, **tests}.items()}


def empty() -> Arms:
    """No seed yet."""
    return {arm: {metric: [] for metric in METRICS} for arm in (CONSTANT, CLR)}


def count(arms: Arms) -> int:
    """Seeds that both arms hold."""
    return len(arms[CONSTANT][METRICS[0]])


def write(arms: Arms, file: Path) -> None:
    """Keep the runs with the definition that they were made by."""
    kept = {"definition": definition().model_dump(mode="json"), "arms": arms}
    durable.write_text(file, json.dumps(kept) + "\n")


def read(file: Path = FILE) -> Arms:
    """The recorded values by arm and metric, seed by seed; None where a run diverged."""
    kept = json.loads(file.read_text(encoding="utf-8"))
    # With the keys that have come with later versions, at their defaults.
    if Sweep.from_json(kept["definition"]) != definition():
        raise ValueError(f"{file} holds runs of another definition: move it away to begin anew")
    arms: Arms = kept["arms"]
    return arms


def summary(arms: Arms) -> Iterator[str]:
    """What was found, in Markdown: of each arm mean and sd, of each metric what both share."""
    yield "| | " + " | ".join(METRICS) + " |"
    yield "|---|" + "---|" * len(METRICS)
    for arm, metrics in arms.items():
        cells = []
        for name in METRICS:
            values = np.array(metrics[name], dtype=float)
            mean = (mean_interval(values) or (float("nan"),))[0]
            cells.append(f"{mean:.4f}, sd {spread(values) or 0:.4f}")
        yield f"| {arm}, {count(arms)} seeds | {' | '.join(cells)} |"
    tests = [paired(arms[CLR][name], arms[CONSTANT][name]) for name in METRICS]
    shown = [f"{t.mean or 0:+.4f}, sd {t.sd or 0:.4f}" for t in tests]
    yield f"| difference | {' | '.join(shown)} |"
    yield f"| correlation | {' | '.join(f'{t.correlation or 0:.2f}' for t in tests)} |"


if __name__ == "__main__":
    main()

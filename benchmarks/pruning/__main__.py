"""Pruners over recorded trials: `python -m benchmarks.pruning`.

Replays each pruner over the recorded trials of the default sweep in many random orders and prints
what it saved and what it missed. `--part` takes half of the trials: `tune`, on which choices were
made, or `test`, the other half, on which none was. Takes about a minute of both cores.
"""

from __future__ import annotations

import argparse
import os
from concurrent.futures import ProcessPoolExecutor
from functools import partial

import numpy as np
import optuna

from benchmarks.pruning.replay import MakePruner, Outcome, orders, replay
from benchmarks.recorded.curves import RecordedTrial, read
from clr_sweep.search.pruners.forecast import ForecastPruner
from clr_sweep.search.pruners.halving import PhaseHalvingPruner
from clr_sweep.search.pruners.percentile import PhasePercentilePruner

_BUDGET = 16
PRUNERS: dict[str, MakePruner] = {
    "none": optuna.pruners.NopPruner,
    "Optuna median": optuna.pruners.MedianPruner,
    "Optuna median, after 2 epochs": partial(optuna.pruners.MedianPruner, n_warmup_steps=2),
    "Optuna median, after 4 epochs": partial(optuna.pruners.MedianPruner, n_warmup_steps=4),
    "Optuna percentile 33": partial(optuna.pruners.PercentilePruner, 33.0),
    "Optuna percentile 25": partial(optuna.pruners.PercentilePruner, 25.0),
    "Optuna percentile 75": partial(optuna.pruners.PercentilePruner, 75.0),
    "Optuna successive halving (3)": partial(
        optuna.pruners.SuccessiveHalvingPruner, reduction_factor=3
    ),
    "Optuna successive halving (4)": optuna.pruners.SuccessiveHalvingPruner,
    "Optuna Hyperband": partial(optuna.pruners.HyperbandPruner, max_resource=_BUDGET),
    "phase median": PhasePercentilePruner,
    "phase percentile 33": partial(PhasePercentilePruner, 33.0),
    "phase percentile 25": partial(PhasePercentilePruner, 25.0),
    "phase halving (2)": partial(PhaseHalvingPruner, 2),
    "phase halving (3)": PhaseHalvingPruner,
    "forecast, tolerance 1": partial(ForecastPruner, tolerance=1.0),
    "forecast, tolerance 2": ForecastPruner,
    "forecast, tolerance 3": partial(ForecastPruner, tolerance=3.0),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--part", choices=("all", "tune", "test"), default="all")
    parser.add_argument("--orders", type=int, default=200)
    arguments = parser.parse_args()
    trials = part_of(read(), arguments.part)
    print(f"{len(trials)} trials ({arguments.part}), {arguments.orders} orders")
    print(f"{'pruner':32} {'saved':>6} {'regret':>7} {'best cut':>9}")
    shuffled = orders(trials, arguments.orders, seed=0)
    with ProcessPoolExecutor(len(os.sched_getaffinity(0))) as pool:
        for name, make_pruner in PRUNERS.items():
            outcomes = list(pool.map(partial(replay, make_pruner=make_pruner), shuffled))
            print(row(name, outcomes), flush=True)


def part_of(trials: list[RecordedTrial], part: str) -> list[RecordedTrial]:
    """All trials, or every second one: by the order of sampling, which is random."""
    return {"all": trials, "tune": trials[::2], "test": trials[1::2]}[part]


def row(name: str, outcomes: list[Outcome]) -> str:
    saved = 1 - np.mean([o.trained / o.whole for o in outcomes])
    regret = np.mean([o.regret for o in outcomes])
    cut = np.mean([o.best_cut for o in outcomes])
    return f"{name:32} {saved:6.1%} {regret:7.3f} {cut:9.1%}"


if __name__ == "__main__":
    main()

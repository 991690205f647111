"""Pruners over recorded trials: `python -m benchmarks.pruning`.

Replays each pruner over the recorded trials of the default sweep in many random orders and prints
what it saved and what it missed. `--part` takes half of the trials: `tune`, on which the
pruner's numbers were chosen, or `test`, the other half. `--figure FILE` draws it. Takes a minute or
two.
"""

from __future__ import annotations

import argparse
import os
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

import optuna

from benchmarks.pruning.figure import draw
from benchmarks.pruning.ideas import BudgetMedianPruner, PatientMedianPruner
from benchmarks.pruning.replay import Candidate, Score, orders, replay, score
from benchmarks.recorded.curves import RecordedTrial, read
from clr_sweep.search.pruners.forecast import ForecastPruner
from clr_sweep.search.pruners.halving import PhaseHalvingPruner
from clr_sweep.search.pruners.percentile import PhasePercentilePruner

_BUDGET = 16
DEFAULT = "cycle_aware, tolerance 2"
OPTUNA, PHASE, FORECAST, IDEA = "Optuna's", "by phase", "by forecast", "tried and left"
CANDIDATES = (
    Candidate("no pruner", OPTUNA, optuna.pruners.NopPruner),
    Candidate("median", OPTUNA, optuna.pruners.MedianPruner),
    Candidate("median after 2", OPTUNA, partial(optuna.pruners.MedianPruner, n_warmup_steps=2)),
    Candidate("median after 4", OPTUNA, partial(optuna.pruners.MedianPruner, n_warmup_steps=4)),
    Candidate("percentile 67", OPTUNA, partial(optuna.pruners.PercentilePruner, 67.0)),
    Candidate("percentile 75", OPTUNA, partial(optuna.pruners.PercentilePruner, 75.0)),
    Candidate("percentile 25", OPTUNA, partial(optuna.pruners.PercentilePruner, 25.0)),
    Candidate("halving by 4", OPTUNA, optuna.pruners.SuccessiveHalvingPruner),
    Candidate(
        "halving by 2", OPTUNA, partial(optuna.pruners.SuccessiveHalvingPruner, reduction_factor=2)
    ),
    Candidate(
        "halving by 2 after 2",
        OPTUNA,
        partial(optuna.pruners.SuccessiveHalvingPruner, reduction_factor=2, min_resource=2),
    ),
    Candidate("Hyperband", OPTUNA, partial(optuna.pruners.HyperbandPruner, max_resource=_BUDGET)),
    Candidate("phase_median", PHASE, PhasePercentilePruner),
    Candidate("phase_percentile", PHASE, partial(PhasePercentilePruner, 25.0)),
    Candidate("phase_median at troughs", PHASE, partial(PhasePercentilePruner, lower_part=0.0)),
    Candidate("phase_halving", PHASE, PhaseHalvingPruner),
    Candidate("phase_halving by 2", PHASE, partial(PhaseHalvingPruner, 2)),
    Candidate("cycle_aware, tolerance 1", FORECAST, partial(ForecastPruner, tolerance=1.0)),
    Candidate("cycle_aware, tolerance 1.5", FORECAST, partial(ForecastPruner, tolerance=1.5)),
    Candidate(DEFAULT, FORECAST, ForecastPruner),
    Candidate("cycle_aware, tolerance 3", FORECAST, partial(ForecastPruner, tolerance=3.0)),
    Candidate("cycle_aware from epoch 1", FORECAST, partial(ForecastPruner, first_epoch=1)),
    Candidate("median of losses", IDEA, optuna.pruners.MedianPruner, "val_loss"),
    Candidate("forecast of losses", IDEA, ForecastPruner, "val_loss"),
    Candidate("median at equal budget", IDEA, BudgetMedianPruner),
    Candidate("median, 2 in a row", IDEA, partial(PatientMedianPruner, 2)),
    Candidate("median, 3 in a row", IDEA, partial(PatientMedianPruner, 3)),
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--part", choices=("all", "tune", "test"), default="all")
    parser.add_argument("--orders", type=int, default=200)
    names = [one.name for one in CANDIDATES]
    parser.add_argument("--pruners", nargs="+", choices=names, default=names)
    parser.add_argument("--figure", type=Path)
    arguments = parser.parse_args()
    trials = part_of(read(), arguments.part)
    title = f"{len(trials)} trials ({arguments.part}), {arguments.orders} orders"
    print(title)
    print(f"{'pruner':14} {'':26} {'saved':>6} {'regret':>7} {'best cut':>9}")
    scores: list[Score] = []
    shuffled = orders(trials, arguments.orders, seed=0)
    with ProcessPoolExecutor(len(os.sched_getaffinity(0))) as pool:
        for one in (one for one in CANDIDATES if one.name in arguments.pruners):
            run = partial(replay, make_pruner=one.make_pruner, metric=one.metric)
            scores.append(score(one, list(pool.map(run, shuffled, chunksize=10))))
            found = scores[-1]
            print(
                f"{one.group:14} {one.name:26} {found.saved:6.1%} {found.regret:7.3f} "
                f"{found.best_cut:9.1%}",
                flush=True,
            )
    if arguments.figure:
        draw(scores, title, DEFAULT, arguments.figure)


def part_of(trials: list[RecordedTrial], part: str) -> list[RecordedTrial]:
    """All trials, or every second one in the order of sampling, which is random."""
    return {"all": trials, "tune": trials[::2], "test": trials[1::2]}[part]


if __name__ == "__main__":
    main()

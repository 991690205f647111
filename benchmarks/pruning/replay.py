"""Recorded trials run again under a pruner, in a study of Optuna's own, without training."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import optuna

from benchmarks.recorded.curves import RecordedTrial
from clr_sweep.search.attributes import PHASES

METRIC = "val_accuracy"
MakePruner = Callable[[], optuna.pruners.BasePruner]


@dataclass(frozen=True)
class Outcome:
    """What a pruner did to one study.

    Attributes:
        trained: epochs trained, diverged trials included.
        whole: epochs without a pruner.
        regret: the best value of all trials less the best one that was found, in points of
            accuracy (hundredths).
        best_cut: whether the trial with the best value was pruned.
    """

    trained: int
    whole: int
    regret: float
    best_cut: bool


def replay(trials: Sequence[RecordedTrial], make_pruner: MakePruner) -> Outcome:
    """Run the trials one after the other, in the order given.

    Each epoch's value is reported and the pruner asked, as the driver does; the last epoch of a
    trial is reported, and nothing is asked after it. A diverged trial ends where it diverged.
    """
    study = _study(make_pruner())
    trained = 0
    found: dict[int, float] = {}
    for recorded in trials:
        trial = study.ask()
        trial.set_user_attr(PHASES, recorded.phases)
        pruned = False
        for epoch, value in enumerate(recorded.curves[METRIC], start=1):
            trained += 1
            if not np.isfinite(value):
                continue
            trial.report(value, epoch)
            if epoch < recorded.epochs and trial.should_prune():
                pruned = True
                break
        if pruned or recorded.value is None:
            study.tell(trial, state=optuna.trial.TrialState.PRUNED)
        else:
            study.tell(trial, recorded.value)
            found[recorded.number] = recorded.value
    values = {t.number: t.value for t in trials if t.value is not None}
    best = max(values, key=lambda number: values[number])
    return Outcome(
        trained=trained,
        whole=sum(trial.epochs for trial in trials),
        regret=100 * (values[best] - max(found.values())),
        best_cut=best not in found,
    )


def orders(trials: Sequence[RecordedTrial], count: int, seed: int) -> list[list[RecordedTrial]]:
    """Random orders of the trials; the same for every pruner."""
    generator = np.random.default_rng(seed)
    return [[trials[i] for i in generator.permutation(len(trials))] for _ in range(count)]


def _study(pruner: optuna.pruners.BasePruner) -> optuna.Study:
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        return optuna.create_study(
            direction="maximize",
            sampler=optuna.samplers.RandomSampler(seed=0),
            pruner=pruner,
        )

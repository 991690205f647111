"""Recorded trials run again under a pruner, in a study of Optuna's own, without training."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import optuna

from benchmarks.recorded.curves import RecordedTrial
from clr_sweep.search.attributes import PHASES

MakePruner = Callable[[], optuna.pruners.BasePruner]


@dataclass(frozen=True)
class Candidate:
    """A pruner to be replayed.

    Attributes:
        group: where it comes from.
        metric: what it is shown at the end of each epoch.
    """

    name: str
    group: str
    make_pruner: MakePruner
    metric: str = "val_accuracy"


@dataclass(frozen=True)
class Score:
    """What a pruner did, over all orders.

    Attributes:
        saved: part of the epochs that was not trained.
        regret: mean of the outcomes' regrets, in points of accuracy.
        best_cut: part of the orders in which the best trial was pruned.
    """

    candidate: Candidate
    saved: float
    regret: float
    best_cut: float


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


def replay(
    trials: Sequence[RecordedTrial], make_pruner: MakePruner, metric: str = "val_accuracy"
) -> Outcome:
    """Run the trials one after the other, in the order given.

    Each epoch's value is reported and the pruner asked, as the driver does; the last epoch of a
    trial is reported, and nothing is asked after it. A diverged trial ends where it diverged.

    Args:
        metric: what is reported; with a loss the study minimizes it. What is found is judged by
            the validation accuracy in any case.
    """
    study = _study(make_pruner(), "minimize" if metric.endswith("loss") else "maximize")
    trained = 0
    found: dict[int, float] = {}
    for recorded in trials:
        trial = study.ask()
        trial.set_user_attr(PHASES, recorded.phases)
        pruned = False
        for epoch, value in enumerate(recorded.curves[metric], start=1):
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
            study.tell(trial, recorded.curves[metric][-1])
            found[recorded.number] = recorded.value
    values = {t.number: t.value for t in trials if t.value is not None}
    best = max(values, key=lambda number: values[number])
    return Outcome(
        trained=trained,
        whole=sum(trial.epochs for trial in trials),
        regret=100 * (values[best] - max(found.values())),
        best_cut=best not in found,
    )


def score(candidate: Candidate, outcomes: Sequence[Outcome]) -> Score:
    """The means over all orders."""
    return Score(
        candidate,
        saved=float(1 - np.mean([one.trained / one.whole for one in outcomes])),
        regret=float(np.mean([one.regret for one in outcomes])),
        best_cut=float(np.mean([one.best_cut for one in outcomes])),
    )


def orders(trials: Sequence[RecordedTrial], count: int, seed: int) -> list[list[RecordedTrial]]:
    """Random orders of the trials; the same for every pruner."""
    generator = np.random.default_rng(seed)
    return [[trials[i] for i in generator.permutation(len(trials))] for _ in range(count)]


def _study(pruner: optuna.pruners.BasePruner, direction: str) -> optuna.Study:
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        return optuna.create_study(
            # Hyperband draws a trial's bracket from the study's name, which Optuna makes up anew.
            study_name="replay",
            direction=direction,
            sampler=optuna.samplers.RandomSampler(seed=0),
            pruner=pruner,
        )

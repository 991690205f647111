"""How much each hyperparameter decided of a study's values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import optuna
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution
from optuna.importance import MeanDecreaseImpurityImportanceEvaluator, get_param_importances
from optuna.trial import TrialState

from clr_sweep.training.records import Importance, StudyRecord, TrialRecord

# With fewer the right hyperparameter is not reliably the first one: docs/importances.md.
LEAST_TRIALS = 25
# Studies made of the same trials, drawn anew, and the per cent of them within the spread.
_RESAMPLED, _WITHIN = 20, 80.0
# What a forest is grown from at most: ten thousand trials would take minutes.
_MOST_TRIALS = 1000
_TREES = 64


def importances(study: StudyRecord) -> dict[str, Importance]:
    """The importance of each hyperparameter that all complete trials have sampled.

    By mean decrease in impurity: the part that each one has in what a forest of decision trees,
    grown on the trials, explains of their values. Empty with fewer than `LEAST_TRIALS`, where
    fewer than two hyperparameters vary, and where the values do not.
    """
    trials = study.complete
    varied = _varied(trials)
    if len(trials) < LEAST_TRIALS or len(varied) < 2 or len({t.value for t in trials}) < 2:
        return {}
    random = np.random.default_rng(0)
    if len(trials) > _MOST_TRIALS:
        trials = [trials[i] for i in sorted(random.permutation(len(trials))[:_MOST_TRIALS])]
    found = _mean_decrease_in_impurity(trials, varied, _TREES, 0)
    resampled = [
        _mean_decrease_in_impurity(
            [trials[i] for i in random.integers(0, len(trials), len(trials))],
            varied, _TREES // 2, seed,
        )
        for seed in range(_RESAMPLED)
    ]  # fmt: skip
    edge = (100 - _WITHIN) / 2
    return {
        name: Importance(
            value, *np.percentile([one[name] for one in resampled], (edge, 100 - edge)).tolist()
        )
        for name, value in found.items()
    }


def _varied(trials: Sequence[TrialRecord]) -> dict[str, BaseDistribution]:
    """What each hyperparameter that every trial has, and that varies, was sampled from."""
    names = set.intersection(*(set(trial.params) for trial in trials)) if trials else set()
    varied: dict[str, BaseDistribution] = {}
    for name in sorted(names):
        values = list(dict.fromkeys(trial.params[name] for trial in trials))
        if len(values) < 2:
            continue
        if all(isinstance(v, int | float) and not isinstance(v, bool) for v in values):
            # Neither the scale nor the step means anything to a tree: it only asks what is larger.
            numbers = [float(value) for value in values]  # type: ignore[arg-type]
            varied[name] = FloatDistribution(min(numbers), max(numbers))
        else:
            varied[name] = CategoricalDistribution(values)  # type: ignore[arg-type]
    return varied


def _mean_decrease_in_impurity(
    trials: Sequence[TrialRecord], varied: Mapping[str, BaseDistribution], trees: int, seed: int
) -> dict[str, float]:
    study = optuna.create_study()
    study.add_trials(
        [
            optuna.trial.create_trial(
                state=TrialState.COMPLETE,
                value=trial.value,
                params={name: trial.params[name] for name in varied},
                distributions=dict(varied),
            )
            for trial in trials
        ]
    )
    evaluator = MeanDecreaseImpurityImportanceEvaluator(n_trees=trees, seed=seed)
    found = get_param_importances(study, evaluator=evaluator, params=list(varied))
    return {name: float(value) for name, value in found.items()}

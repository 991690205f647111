"""How often an importance names the right hyperparameter: `python -m benchmarks.importances`.

Landscapes in which one of three hyperparameters decides by construction, searched by TPE as a
sweep does it. Prints the table of docs/importances.md: of the studies with so many trials the part
in which each of Optuna's methods puts that hyperparameter first.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

import numpy as np
import optuna
from optuna.importance import (
    BaseImportanceEvaluator,
    FanovaImportanceEvaluator,
    MeanDecreaseImpurityImportanceEvaluator,
    PedAnovaImportanceEvaluator,
    get_param_importances,
)

TRIALS = (12, 25, 50, 100)
STUDIES = 20
METHODS: dict[str, Callable[[int], BaseImportanceEvaluator]] = {
    "PED-ANOVA": lambda _: PedAnovaImportanceEvaluator(),
    # A quarter of its trees: it takes most of the time, and names the same ones first.
    "fANOVA": lambda seed: FanovaImportanceEvaluator(n_trees=16, seed=seed),
    "MDI": lambda seed: MeanDecreaseImpurityImportanceEvaluator(seed=seed),
}
_NAMES = ("init_lr", "max_lr", "step_size_factor")
_RANGES = ((1e-5, 1e-2), (1e-2, 1.0), (2.0, 8.0))

Landscape = Callable[[np.ndarray, np.random.Generator], float]


def one_decides(at: np.ndarray, random: np.random.Generator) -> float:
    """A peak along the first, a slight slope along the second, some noise."""
    return 0.9 - 0.6 * (at[0] - 0.6) ** 2 + 0.04 * at[1] + float(random.normal(0, 0.01))


def cliff(at: np.ndarray, random: np.random.Generator) -> float:
    """Beyond a bound of the first nothing is learnt; below it the second does a little."""
    if at[0] > 0.7:
        return 0.1 + float(random.normal(0, 0.01))
    return 0.8 + 0.06 * at[0] + 0.03 * at[1] + float(random.normal(0, 0.01))


def noisy(at: np.ndarray, random: np.random.Generator) -> float:
    """As the first one, and half of what is seen is noise."""
    return 0.9 - 0.6 * (at[0] - 0.6) ** 2 + 0.04 * at[1] + float(random.normal(0, 0.06))


LANDSCAPES: dict[str, Landscape] = {
    "one decides": one_decides,
    "a cliff": cliff,
    "half is noise": noisy,
}


def study(landscape: Landscape, trials: int, seed: int) -> tuple[optuna.Study, str]:
    """A study of the landscape, and the hyperparameter that decides it, which the seed draws."""
    order = np.random.default_rng(seed).permutation(len(_NAMES))
    random = np.random.default_rng([seed, 1])
    made = optuna.create_study(
        direction="maximize", sampler=optuna.samplers.TPESampler(seed=seed, multivariate=True)
    )

    def value(trial: optuna.Trial) -> float:
        at = np.empty(len(_NAMES))
        for place, name, (low, high) in zip(order, _NAMES, _RANGES, strict=True):
            log = name != "step_size_factor"
            sampled = trial.suggest_float(name, low, high, log=log)
            scale = np.log if log else float
            at[place] = (scale(sampled) - scale(low)) / (scale(high) - scale(low))
        return landscape(at, random)

    made.optimize(value, n_trials=trials)
    return made, _NAMES[int(np.flatnonzero(order == 0)[0])]


def right(landscape: Landscape, trials: int, studies: int = STUDIES) -> Mapping[str, float]:
    """Of the studies, the part in which each method puts first what decides."""
    hits = dict.fromkeys(METHODS, 0)
    for seed in range(studies):
        made, decides = study(landscape, trials, seed)
        for name, method in METHODS.items():
            found = get_param_importances(made, evaluator=method(seed))
            hits[name] += max(found, key=lambda key: found[key]) == decides
    return {name: count / studies for name, count in hits.items()}


def table(trials: tuple[int, ...] = TRIALS, studies: int = STUDIES) -> Iterator[str]:
    """The lines of the table."""
    yield "| landscape | trials | " + " | ".join(METHODS) + " |"
    yield "|---|---|" + "---|" * len(METHODS)
    for name, landscape in LANDSCAPES.items():
        for count in trials:
            found = right(landscape, count, studies)
            yield f"| {name} | {count} | {' | '.join(f'{part:.0%}' for part in found.values())} |"


if __name__ == "__main__":
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    for line in table():
        print(line, flush=True)

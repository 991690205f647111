"""Samplers over the recorded landscape: `python -m benchmarks.samplers`.

Each sampler searches the landscape of the recorded trials (see landscape.py) for 50 trials, with
50 seeds, and is judged by the best point it has found after 10, 25 and 50: the landscape's own
accuracy there, without the noise that the sampler saw. The samplers of clr-sweep run as a sweep
runs them, seeded anew for each trial; the others as Optuna has them. CMA-ES needs cmaes and the
Gaussian process torch; what is not installed is left out. Pick some by name, for they are slow:
`--samplers tpe random`.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import warnings
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from functools import cache, partial
from pathlib import Path

import numpy as np
import numpy.typing as npt
import optuna

from benchmarks.recorded.curves import read
from benchmarks.samplers.figure import draw
from benchmarks.samplers.landscape import Landscape, landscape, left_out_error
from clr_sweep.definition.loading import load_sweep
from clr_sweep.definition.sweep import Sweep
from clr_sweep.search.configurations import suggest
from clr_sweep.search.sampling import seen_by

SWEEP = Path(__file__).parents[2] / "sweeps" / "fashion_mnist.yaml"
EXAMPLES = 60_000
OWN = ("tpe", "random", "qmc")
OPTUNAS: dict[str, tuple[str, Callable[[int], optuna.samplers.BaseSampler]]] = {
    "Optuna TPE, its defaults": ("optuna", lambda seed: optuna.samplers.TPESampler(seed=seed)),
    "CMA-ES": ("cmaes", lambda seed: optuna.samplers.CmaEsSampler(seed=seed)),
    "Gaussian process": ("torch", lambda seed: optuna.samplers.GPSampler(seed=seed)),
}
TRIALS = 50
SHOWN = (10, 25, 50)


def main() -> None:
    names = [*OWN, *OPTUNAS]
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--samplers", nargs="+", choices=names, default=names)
    parser.add_argument("--seeds", type=int, default=50)
    parser.add_argument("--figure", type=Path)
    arguments = parser.parse_args()
    trials = read()
    ground = _landscape()
    off = left_out_error(trials)
    print(
        f"{len(trials)} recorded trials; the landscape is off by {off:.4f} on "
        f"a trial it has not seen (median), noise {ground.noise:.3f} of the error"
    )
    print(f"{'best validation accuracy after':32}" + "".join(f"{n:>9} trials" for n in SHOWN))
    curves: dict[str, npt.NDArray[np.float64]] = {}
    with ProcessPoolExecutor(len(os.sched_getaffinity(0))) as pool:
        for name in arguments.samplers:
            if name in OPTUNAS and importlib.util.find_spec(OPTUNAS[name][0]) is None:
                print(f"{name:32} left out: {OPTUNAS[name][0]} is not installed")
                continue
            found = np.array(list(pool.map(partial(search, name), range(arguments.seeds))))
            curves[name] = found
            middle = np.median(found, axis=0)
            low, high = np.percentile(found, [25, 75], axis=0)
            cells = [f"{middle[n - 1]:.4f} ({high[n - 1] - low[n - 1]:.4f})" for n in SHOWN]
            print(f"{name:32}" + "".join(f"{cell:>16}" for cell in cells), flush=True)
    print("median over the seeds, in brackets the range between the quartiles")
    if arguments.figure:
        draw(curves, f"{len(trials)} recorded trials, {arguments.seeds} seeds", arguments.figure)


@cache
def _landscape() -> Landscape:
    return landscape(read())


def search(name: str, seed: int) -> list[float]:
    """The landscape's accuracy at the best point found by each trial, shape (50,)."""
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    warnings.simplefilter("ignore")
    ground, noise = _landscape(), np.random.default_rng([seed, 1])
    sweep = _sweep(name, seed)
    sampler = OPTUNAS[name][1](seed) if name in OPTUNAS else optuna.samplers.RandomSampler()
    study = optuna.create_study(direction="maximize", sampler=sampler)
    best, true, history = -np.inf, 0.0, []
    for number in range(TRIALS):
        asked = (study if name in OPTUNAS else seen_by(study, sweep, number)).ask()
        suggest(asked, sweep, number, EXAMPLES)
        seen = ground.accuracy(asked.params, noise.standard_normal())
        failed = ground.fails(asked.params)
        if name in OPTUNAS:
            study.tell(asked, None if failed else seen, state=_PRUNED if failed else None)
        else:
            study.add_trial(
                optuna.trial.create_trial(
                    state=_PRUNED if failed else optuna.trial.TrialState.COMPLETE,
                    value=None if failed else seen,
                    params=asked.params,
                    distributions=asked.distributions,
                )
            )
        if not failed and seen > best:
            best, true = seen, ground.accuracy(asked.params)
        history.append(true)
    return history


_PRUNED = optuna.trial.TrialState.PRUNED


def _sweep(name: str, seed: int) -> Sweep:
    sweep = load_sweep(SWEEP)
    own = {"sampler": name if name in OWN else "random", "seed": seed}
    return sweep.model_copy(update={"study": sweep.study.model_copy(update=own)})


if __name__ == "__main__":
    main()

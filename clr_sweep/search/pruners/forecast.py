"""A pruner that forecasts how a trial will end, from what its schedule has yet to give.

At a peak a trial looks worse than it is, and one with long cycles looks worse in its first epochs
than one with short ones: its rate has hardly risen yet. Values at one epoch are not comparable;
forecasts of the end are. With d the distance from perfection (1 - accuracy, or the loss; of a
metric without such a bound exp of its distance from the usual values) of the best value so far,
and r the sum of the rates of all steps so far:

    log d(end) ~ w0 + w1 log d(epoch) + w2 log(r(end) / r(epoch))

fitted by ridge regression to all epochs of the study's complete trials. How far such forecasts go
wrong is measured on each complete trial by a fit to the others alone (leave one out). A trial is
pruned where even a forecast that is too bad by `tolerance` such errors leaves it behind the best
complete trial. docs/pruning.md has how this was found, and what it saves.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import numpy.typing as npt
import optuna
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial

from clr_sweep.search.pruners.phases import Array, Curve, complete_curves, curve_of

STARTUP_TRIALS = 3
TOLERANCE = 2.0
# At the end of its first epoch a trial has said too little.
FIRST_EPOCH = 2
# The fit is made anew for each decision; of very many trials the newest say enough.
LEARNS_FROM = 100
_RIDGE = 0.01
_ONE_SIGMA = 0.68
# Perfection has no logarithm: a distance smaller than this is taken for it.
_SMALLEST = 1e-4

IntArray = npt.NDArray[np.int64]
Scale = Callable[[Array], Array]


@dataclass(frozen=True)
class ForecastPruner(optuna.pruners.BasePruner):
    """Prunes a trial whose end, as forecast, lies clearly behind the best complete trial.

    Args:
        startup_trials: complete trials before the first decision, at least 2.
        tolerance: by how many of its typical errors a forecast may be too bad; the higher, the
            less is pruned.
        first_epoch: at whose end the first decision is made.
    """

    startup_trials: int = STARTUP_TRIALS
    tolerance: float = TOLERANCE
    first_epoch: int = FIRST_EPOCH

    def __post_init__(self) -> None:
        if self.startup_trials < 2:
            raise ValueError(f"startup_trials must be at least 2, got {self.startup_trials}")
        if self.tolerance < 0:
            raise ValueError(f"tolerance must be 0 or more, got {self.tolerance}")
        if self.first_epoch < 1:
            raise ValueError(f"first_epoch must be at least 1, got {self.first_epoch}")

    def prune(self, study: optuna.Study, trial: FrozenTrial) -> bool:
        curve = curve_of(study, trial)
        if curve is None or not curve.has_value or curve.epoch < self.first_epoch:
            return False
        # Of a trial of one epoch nothing can be learnt.
        longer = [one for one in complete_curves(study) if np.isfinite(one.best[:-1]).any()]
        complete = longer[-LEARNS_FROM:]
        if len(complete) < self.startup_trials:
            return False
        scale = scale_of(study.direction, complete)
        forecast = fit(complete, scale)
        best = scale(np.array([one.value for one in complete])).min()
        return bool(forecast.of(curve) - self.tolerance * forecast.error > best)


@dataclass(frozen=True)
class Forecast:
    """A fitted forecast of the logarithm of a trial's final distance from perfection.

    Attributes:
        scale: from a value, larger is better, to the logarithm of its distance.
        weights: of 1 and the two logarithms, shape (3,).
        error: of forecasts for trials that were not learnt from, the size that 68 % of them stay
            below: a standard deviation, if they are normal. A few trials that collapsed in
            mid-training, and were off by far, do not move it.
    """

    scale: Scale
    weights: Array
    error: float

    def of(self, curve: Curve) -> float:
        """The forecast for a trial, from all that its curve has so far."""
        last = np.array([curve.epoch])
        return float((_features(curve, last, curve.phases.epochs, self.scale) @ self.weights)[0])


def fit(complete: Sequence[Curve], scale: Scale) -> Forecast:
    """Learn from all epochs of complete trials, at least two, and from where they came to."""
    xs, ys = zip(*(_rows(curve, scale) for curve in complete), strict=True)
    count = sum(map(len, ys))
    # A little ridge: few trials may leave a weight open. The intercept needs none.
    gram = sum(x.T @ x for x in xs) + _RIDGE * count * np.diag([1e-9, 1.0, 1.0])
    moment = sum(x.T @ y for x, y in zip(xs, ys, strict=True))
    errors = [
        y - x @ np.linalg.solve(gram - x.T @ x, moment - x.T @ y)
        for x, y in zip(xs, ys, strict=True)
    ]
    error = float(np.quantile(np.abs(np.concatenate(errors)), _ONE_SIGMA))
    return Forecast(scale, np.linalg.solve(gram, moment), error)


def _rows(curve: Curve, scale: Scale) -> tuple[Array, Array]:
    """What is learnt from a complete trial: features (rows, 3) and ends (rows,).

    The end is the best value by then, not the last one: a trial that collapsed says little of
    where others come to.
    """
    epochs = 1 + np.flatnonzero(np.isfinite(curve.best[:-1]))
    ends = np.repeat(scale(curve.best[-1:]), len(epochs))
    return _features(curve, epochs, curve.epoch, scale), ends


def _features(curve: Curve, epochs: IntArray, end: int, scale: Scale) -> Array:
    """What a forecast is made from, at the end of these epochs of a trial of `end` epochs."""
    sums = np.maximum(curve.phases.rate_sums, _SMALLEST)
    to_come = np.log(sums[end - 1] / sums[epochs - 1])
    return np.stack([np.ones(len(epochs)), scale(curve.best[epochs - 1]), to_come], axis=1)


def scale_of(direction: StudyDirection, complete: Sequence[Curve]) -> Scale:
    """How far values are from perfection: 1 or 0, where no trial has gone beyond it.

    Of a metric without such a bound it is how far they are from the usual ones, in their spread.
    """
    values = np.concatenate([curve.best[np.isfinite(curve.best)] for curve in complete])
    best = values.max()
    if direction == StudyDirection.MAXIMIZE and best <= 1:
        return _accuracy
    if direction == StudyDirection.MINIMIZE and best <= 0:
        # Losses may all be tiny: what is perfection is told by their own size.
        usual = float(np.median(-values))
        return partial(_loss, smallest=_SMALLEST * min(1.0, usual or 1.0))
    middle, spread = float(np.median(values)), float(np.std(values)) or 1.0
    return lambda found: (middle - found) / spread


def _accuracy(values: Array) -> Array:
    return np.log(np.maximum(1.0 - values, _SMALLEST))


def _loss(values: Array, smallest: float = _SMALLEST) -> Array:
    return np.log(np.maximum(-values, smallest))

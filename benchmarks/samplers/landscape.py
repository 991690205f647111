"""The recorded trials as a landscape: what a trial at any point of the default space would find.

A Gaussian process (Matern 5/2, one length for each dimension, noise fitted) over the logarithms of
both rates, the step-size factor and the policy gives the logarithm of a trial's error; a second
one, a classifier, says where training fails: it diverges, or ends at chance.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.exceptions import ConvergenceWarning
from sklearn.gaussian_process import GaussianProcessClassifier, GaussianProcessRegressor
from sklearn.gaussian_process.kernels import ConstantKernel, Matern, WhiteKernel
from sklearn.model_selection import LeaveOneOut, cross_val_predict

from benchmarks.recorded.curves import RecordedTrial

# Of the default space, whose trials were recorded.
POLICIES = ("triangular", "triangular2", "exp_range")
# Validation accuracy below which training has failed; ten classes, chance is .1.
FAILED_BELOW = 0.3
_DIMENSIONS = 3 + len(POLICIES)


@dataclass(frozen=True)
class Landscape:
    """What the recorded trials say of the whole space.

    Attributes:
        noise: standard deviation of the logarithm of a trial's error, from seed to seed.
    """

    regressor: GaussianProcessRegressor
    classifier: GaussianProcessClassifier | None
    noise: float

    def fails(self, params: Mapping[str, Any]) -> bool:
        """Whether a trial at these hyperparameters fails."""
        if self.classifier is None:
            return False
        return bool(self.classifier.predict(_points([params]))[0])

    def accuracy(self, params: Mapping[str, Any], noise: float = 0.0) -> float:
        """The validation accuracy there; `noise` in standard deviations."""
        log_error = self.regressor.predict(_points([params]))[0] + noise * self.noise
        return float(1 - np.exp(log_error))


def landscape(trials: Sequence[RecordedTrial]) -> Landscape:
    """Fit the landscape to recorded trials."""
    failed = np.array([t.value is None or t.value < FAILED_BELOW for t in trials])
    fit = [t for t, bad in zip(trials, failed, strict=True) if not bad]
    # A dimension that says nothing gets the longest length that is allowed.
    warnings.simplefilter("ignore", ConvergenceWarning)
    regressor = _regressor().fit(_points([t.params for t in fit]), _log_errors(fit))
    classifier = None
    if failed.any():
        kernel = ConstantKernel(10.0) * Matern(np.ones(_DIMENSIONS), (0.2, 20), nu=2.5)
        classifier = GaussianProcessClassifier(kernel, random_state=0)
        classifier.fit(_points([t.params for t in trials]), failed)
    noise = float(np.sqrt(regressor.kernel_.k2.noise_level)) * regressor._y_train_std
    return Landscape(regressor, classifier, float(noise))


def left_out_error(trials: Sequence[RecordedTrial]) -> float:
    """How far the landscape is from a trial it has not seen: median error in accuracy."""
    fit = [t for t in trials if t.value is not None and t.value >= FAILED_BELOW]
    points, ends = _points([t.params for t in fit]), _log_errors(fit)
    found = cross_val_predict(_regressor(), points, ends, cv=LeaveOneOut())
    return float(np.median(np.abs(np.exp(found) - np.exp(ends))))


def _regressor() -> GaussianProcessRegressor:
    kernel = ConstantKernel(1.0) * Matern(np.ones(_DIMENSIONS), (0.2, 20), nu=2.5)
    return GaussianProcessRegressor(
        kernel + WhiteKernel(1e-2, (1e-3, 1.0)), normalize_y=True, random_state=0
    )


def _log_errors(trials: Sequence[RecordedTrial]) -> npt.NDArray[np.float64]:
    return np.log([1 - t.value for t in trials if t.value is not None])


def _points(params: Sequence[Mapping[str, Any]]) -> npt.NDArray[np.float64]:
    """Points of the unit cube, shape (trials, 3 + policies)."""
    return np.array(
        [
            [
                (np.log10(one["init_lr"]) + 4) / 2,
                (np.log10(one["max_lr"]) + 2) / 2,
                (one["step_size_factor"] - 2) / 6,
                *(0.5 * (one["policy"] == policy) for policy in POLICIES),
            ]
            for one in params
        ]
    )

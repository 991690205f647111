"""The Keras callback of a trial that a function of the user's own trains by `fit`."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np

from clr_sweep.common.errors import TrialFailedError
from clr_sweep.training.own_trial import OwnTrial, TrialOverError
from clr_sweep.training.own_weights import digests


class Reporting(keras.callbacks.Callback):
    """Reports each epoch, and ends `fit` where the trial ends; see `OwnTrial.callback`."""

    def __init__(self, trial: OwnTrial) -> None:
        super().__init__()
        self._trial = trial

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:  # noqa: ARG002 - Keras'
        if self._steps() >= self._trial.steps:
            self.model.stop_training = True

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        trial = self._trial
        self._check(min((epoch + 1) * trial.steps_per_epoch, trial.steps))
        try:
            trial.report(epoch + 1, logs or {})
        except TrialOverError:
            self.model.stop_training = True
        # With `use_ema` the averages take the weights' place when `fit` ends, as in any trial.
        if len(trial.reports) == trial.epochs and not self.model.optimizer.use_ema:
            trial.reported_weights = digests(self.model)

    def on_train_end(self, logs: Any = None) -> None:  # noqa: ARG002 - Keras'
        is_at_its_end = self._trial.is_over or self._steps() >= self._trial.steps
        self._trial.is_cut_short = self.model.stop_training and not is_at_its_end

    def _steps(self) -> int:
        return int(self.model.optimizer.iterations)

    def _check(self, planned: int) -> None:
        config, steps = self._trial.config, self._steps()
        place = f"training.function: in {config.training.function} the optimizer"
        if steps != planned:
            raise TrialFailedError(
                f"{place} has taken {steps} steps at the end of this epoch, planned are {planned}, "
                f"{self._trial.steps_per_epoch} an epoch of batches of {self._trial.batch_size}: "
                "train with trial.batch_size, by one fit, and let dataset.examples be what an "
                "epoch has"
            )
        found = np.float32(self.model.optimizer.learning_rate)
        if found != np.float32(config.schedule.learning_rate(steps)):
            raise TrialFailedError(
                f"{place} has the rate {found:g} after {steps} steps, the trial's is "
                f"{self._trial.learning_rate(steps):g}: compile the model with trial.optimizer(), "
                "or with an optimizer that has trial.schedule(), and leave callbacks that set the "
                "rate out"
            )

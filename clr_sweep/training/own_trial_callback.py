"""The Keras callback of a trial that a function of the user's own trains by `fit`."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np

from clr_sweep.common.errors import TrialFailedError
from clr_sweep.training.loss_scaling import inner, is_scaled
from clr_sweep.training.own_trial import OwnTrial, TrialOverError
from clr_sweep.training.own_weights import digests

LEAVE_RATE_SETTERS_OUT = (
    "leave ReduceLROnPlateau, LearningRateScheduler and whatever else sets it out; "
    "search_space.policy is what gives the rate another course"
)


class Reporting(keras.callbacks.Callback):
    """Reports each epoch, and ends `fit` where the trial ends; see `OwnTrial.callback`."""

    def __init__(self, trial: OwnTrial) -> None:
        super().__init__()
        self._trial = trial
        self._begun = self._batches = 0

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:  # noqa: ARG002 - Keras'
        # Of the epochs before it each has been held against the plan.
        self._begun = self._batches = epoch * self._trial.steps_per_epoch

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:  # noqa: ARG002 - Keras'
        # With steps_per_execution it is the number of a last batch that there may not be.
        in_epoch = self.params.get("steps") or batch + 1
        self._batches = self._begun + min(batch + 1, in_epoch)
        if self._steps() >= self._trial.steps:
            self.model.stop_training = True

    def on_test_end(self, logs: Any = None) -> None:  # noqa: ARG002 - Keras'
        # Before the end of the epoch, where callbacks listed before this one may put other weights
        # in the model than were measured.
        if self._steps() >= self._trial.steps:
            self._trial.reported_weights = self._digests()

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        trial = self._trial
        self._check(min((epoch + 1) * trial.steps_per_epoch, trial.steps))
        if "learning_rate" in (logs or {}):
            # Those of Keras' callbacks that set the rate do so, where they are listed before.
            raise TrialFailedError(
                f"training.function: in {trial.config.training.function} something listed before "
                "trial.callback() reports the optimizer's learning_rate as ReduceLROnPlateau and "
                "LearningRateScheduler do, which set it; the trial's schedule gives it: "
                f"{LEAVE_RATE_SETTERS_OUT}; what only reports it needs another name"
            )
        try:
            trial.report(epoch + 1, logs or {})
        except TrialOverError:
            self.model.stop_training = True
        if len(trial.reports) == trial.epochs and trial.reported_weights is None:
            trial.reported_weights = self._digests()

    def on_train_end(self, logs: Any = None) -> None:  # noqa: ARG002 - Keras'
        is_at_its_end = self._trial.is_over or self._steps() >= self._trial.steps
        self._trial.is_cut_short = self.model.stop_training and not is_at_its_end

    def _digests(self) -> frozenset[bytes] | None:
        # With `use_ema` the averages take the weights' place when `fit` ends, as in any trial.
        return None if inner(self.model.optimizer).use_ema else digests(self.model)

    def _steps(self) -> int:
        """The steps so far; one that loss scaling skips is a step too, as of our loop."""
        optimizer = self.model.optimizer
        updates = int(optimizer.iterations)
        return max(updates, self._batches) if is_scaled(optimizer) else updates

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
        # The schedule follows the updates: it stands still at a step that is skipped.
        updates = int(self.model.optimizer.iterations)
        self._trial.skipped_steps = steps - updates
        found = np.float32(self.model.optimizer.learning_rate)
        if found != np.float32(config.schedule.learning_rate(updates)):
            raise TrialFailedError(
                f"{place} has the rate {found:g} after {updates} steps, the trial's is "
                f"{self._trial.learning_rate(updates):g}: compile the model with "
                "trial.optimizer(), or with an optimizer that has trial.schedule(), and leave "
                "callbacks that set the rate out"
            )

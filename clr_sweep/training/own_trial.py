"""A trial whose training is a function of the user's own (`training.function`).

The function gets an `OwnTrial`: the schedule, the optimizer, the seed, the data if the sweep names
a data set, and `report`, which tells the study the end of an epoch and raises `TrialOverError` when
the trial is not to go on. What our loop does within an epoch (checkpoints, the curve of single
steps) such a trial does without: one that was interrupted starts over.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from clr_sweep.common.errors import InputError
from clr_sweep.definition.metrics import reported_problem
from clr_sweep.definition.problems import shown
from clr_sweep.definition.trial_config import TrialConfig
from clr_sweep.training.data.materialized import Dataset
from clr_sweep.training.data.named import Part, rows
from clr_sweep.training.data.splits import hold_out
from clr_sweep.training.folder import TrialFolder
from clr_sweep.training.own_values import numbers_by_name, whole_number
from clr_sweep.training.reports import Divergence, EpochReport
from clr_sweep.training.unloadable import plain_load_errors

# Keras is imported where it is used: the class is named by programs that do without.
if TYPE_CHECKING:
    import keras

Pair = tuple[Part, Part]
"""Examples and their labels."""


class TrialOverError(Exception):
    """The trial is not to go on: it was pruned, or has diverged. Let it pass through."""


class OwnTrial:
    """A trial, as the function that trains it sees it.

    Args:
        data: the sweep's data set; None where the data are the function's own.
        files: the trial's folder.
        search_path: folders in which an optimizer of the user's own is looked for.
        on_report: told the end of each epoch; False prunes the trial.

    Attributes:
        config: all of the trial's configuration.
        epochs: how many it has; the last one may be cut short, where a cycle ends in it.
        steps_per_epoch: optimizer steps of a whole epoch.
        steps: optimizer steps in all.
        batch_size: examples a step.
        seed: of everything that is random in it. Python's, NumPy's and Keras' generators have it
            when the function is called.
        folder: for files of the function's own; empty when it is called.
        reported_weights: digests of those that the callback saw measured in the last epoch.
        skipped_steps: those that loss scaling has skipped, as the callback saw them.
        is_cut_short: whether something else than the trial has ended the last `fit`.
        has_own_optimizer: whether the function has not asked for the sweep's optimizer.
    """

    def __init__(
        self,
        config: TrialConfig,
        data: Dataset | None,
        files: TrialFolder,
        search_path: Sequence[Path],
        on_report: Callable[[EpochReport], bool] = lambda _: True,
    ) -> None:
        self.config, self.folder, self._model_file = config, files.own_files, files.model_file
        self.steps, self.seed = config.steps, config.seed
        self.batch_size = config.training.batch_size
        self._data, self._on_report, self._search_path = data, on_report, search_path
        self.steps_per_epoch = math.ceil(self._examples() / self.batch_size)
        self.epochs = math.ceil(self.steps / self.steps_per_epoch)
        self.reports: list[EpochReport] = []
        self.divergence: Divergence | None = None
        self.is_pruned = False
        self.reported_weights: frozenset[bytes] | None = None
        self.skipped_steps = 0
        self.is_cut_short = False
        self.has_own_optimizer = True
        self._began = time.process_time(), time.perf_counter()

    def schedule(self) -> Any:
        """The learning rate, as a Keras optimizer takes it: a schedule, or a constant's number."""
        from clr_sweep.training.compiling import schedule

        return schedule(self.config.schedule)

    def learning_rate(self, step: int) -> float:
        """The rate of a step, counted from 0: for what is no Keras optimizer."""
        return float(self.config.schedule.learning_rate(step))

    def optimizer(self) -> keras.optimizers.Optimizer:
        """The sweep's optimizer, with the trial's arguments and its schedule."""
        from clr_sweep.training.compiled_optimizer import compiled_optimizer

        self.has_own_optimizer = False
        return compiled_optimizer(self.config.training, self.schedule(), self._search_path)

    def data(self) -> tuple[Pair, Pair]:
        """Examples and labels to train on, and those held out, the same for all trials.

        Raises:
            InputError: the sweep names no data set.
        """
        data = self._named_data()
        if self.config.dataset.on_test_set:
            return (data.x_train, data.y_train), (data.x_test, data.y_test)
        part = self.config.dataset.validation
        assert not isinstance(part, str)
        train, held_out = hold_out(data.training_examples, part, self.config.split_seed)
        return (
            (rows(data.x_train, train), rows(data.y_train, train)),
            (rows(data.x_train, held_out), rows(data.y_train, held_out)),
        )

    def test_data(self) -> Pair:
        """Examples and labels of the test set; for `training.evaluate` alone.

        Raises:
            InputError: the sweep names no data set.
        """
        data = self._named_data()
        return data.x_test, data.y_test

    def model(self) -> keras.Model:
        """The model that `training.function` returned, with its optimizer; for `training.evaluate`.

        Raises:
            InputError: it returned none.
            StoreError: Keras cannot load it, and the cure.
        """
        if not self._model_file.exists():
            raise InputError(
                f"training.evaluate: {self.config.training.function} returned no model: return it, "
                "or load what it saved in trial.folder"
            )
        import keras

        with plain_load_errors(self._model_file, is_functions=True):
            return keras.saving.load_model(self._model_file)

    def callback(self) -> keras.callbacks.Callback:
        """Reports each epoch of a Keras `fit` and ends it where the trial ends.

        It holds steps and rate against the trial's: a `fit` whose epochs have another number of
        steps, or whose optimizer has another rate, is no training with this schedule.
        """
        from clr_sweep.training.own_trial_callback import Reporting

        return Reporting(self)

    def report(self, epoch: int, metrics: Mapping[str, Any]) -> None:
        """Tell the end of an epoch.

        Args:
            epoch: a whole number, counted from 1.
            metrics: numbers by name, the objective's among them; `val_` says of the validation
                part.

        Raises:
            TrialOverError: the trial is not to go on.
            InputError: the epoch is not the next one, a value is no number, a name has another
                meaning here or is none for MLflow, or the objective is not there.
        """
        if self.is_over:
            raise TrialOverError(self._why())
        epoch, values = self._next(epoch), self._checked(metrics)
        cpu, wall = time.process_time(), time.perf_counter()
        step = min(epoch * self.steps_per_epoch, self.steps)
        report = EpochReport(
            epoch=epoch,
            step=step,
            metrics={name: value for name, value in values.items() if math.isfinite(value)},
            cpu_seconds=cpu - self._began[0],
            wall_seconds=wall - self._began[1],
        )
        self._began = cpu, wall
        watched = {"loss", "val_loss", self.config.objective.metric}
        if not all(math.isfinite(values[name]) for name in watched & values.keys()):
            self.divergence = self._divergence(epoch, step - 1)
        self.reports.append(report)
        go_on = self._on_report(report)
        self.is_pruned = not go_on and self.divergence is None and epoch < self.epochs
        if self.is_over:
            raise TrialOverError(self._why())

    @property
    def is_over(self) -> bool:
        """Whether it ended before its last epoch."""
        return self.is_pruned or self.divergence is not None

    def _why(self) -> str:
        return f"the trial {'was pruned' if self.is_pruned else 'has diverged'}; let this pass"

    def _next(self, given: Any) -> int:
        epoch, due = whole_number(given), len(self.reports) + 1
        if epoch is None:
            raise InputError(
                "trial.report: the epoch must be a whole number, as of range(1, trial.epochs + 1), "
                f"got {shown(given)}: write int(epoch) where it is a float"
            )
        if epoch != due or epoch > self.epochs:
            left = f"epoch {due}" if due <= self.epochs else "none: all have been reported"
            raise InputError(
                f"trial.report: epochs are counted from 1 to {self.epochs}, each reported once; "
                f"the next is {left}, got {epoch}"
            )
        return epoch

    def _checked(self, metrics: Mapping[str, Any]) -> dict[str, float]:
        values = numbers_by_name(
            metrics,
            "trial.report",
            "{'val_loss': 0.5}",
            lambda name: reported_problem(name.removeprefix("val_")),
        )
        objective = self.config.objective.metric
        if objective not in values:
            found = ", ".join(sorted(values)) or "nothing"
            raise InputError(
                f"objective.metric: {self.config.training.function} must report {objective} at the "
                f"end of every epoch, got {found}"
            )
        return values

    def _divergence(self, epoch: int, step: int) -> Divergence:
        return Divergence(
            step=step,
            epoch=epoch,
            learning_rate=self.learning_rate(step),
            phase=self.config.schedule.phase(step),
        )

    def _examples(self) -> int:
        dataset = self.config.dataset
        if dataset.examples is not None:
            return dataset.examples
        count = self._named_data().training_examples
        return count - dataset.held_out(count)

    def _named_data(self) -> Dataset:
        if self._data is None:
            raise InputError(
                "dataset: the sweep names no data set, so there is none to be had here: the "
                "function loads its own, or dataset.name stands in place of dataset.examples"
            )
        return self._data

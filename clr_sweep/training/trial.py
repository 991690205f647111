"""One trial: build the model, train it with its schedule, report each epoch, leave a folder."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from clr_sweep.config import ScheduleConfig, TrialConfig
from clr_sweep.errors import InputError
from clr_sweep.optimizers import KERAS_CLASSES
from clr_sweep.records import Divergence, EpochReport, StepPoint, TrialResult
from clr_sweep.schedules.keras import (
    ExponentialCyclicalLearningRate,
    Triangular2CyclicalLearningRate,
    TriangularCyclicalLearningRate,
)
from clr_sweep.training.datasets import Dataset, hold_out
from clr_sweep.training.folder import TrialFolder
from clr_sweep.training.loop import TrainingLoop, epoch_order
from clr_sweep.training.models import build_model

# Steps between two looks at the losses: a diverged trial is stopped within so many.
CHUNK = 200
# Points of the per-step curve that go to the tracker: a chart freezes at about 10,000 a run.
CURVE_POINTS = 300


def train(
    config: TrialConfig,
    data: Dataset,
    folder: TrialFolder,
    search_path: Sequence[Path] = (),
    on_epoch: Callable[[EpochReport], bool] = lambda _: True,
) -> tuple[TrialResult, TrainingLoop]:
    """Train exactly what `config` says.

    The same configuration and data give the same metrics to the bit on the same machine.

    Args:
        config: the trial.
        data: its data set, whole.
        folder: where the per-step curve, the epochs, the model and the result are written.
        search_path: folders in which a module of the user's is looked for.
        on_epoch: called at the end of every epoch; False prunes the trial.

    Returns:
        The result, and the loop with the trained model in it.
    """
    keras.utils.set_random_seed(config.seed)
    tf.config.experimental.enable_op_determinism()
    trial = _Trial(config, data, folder, search_path)
    result = trial.run(on_epoch)
    trial.save(result)
    return result, trial.loop


def compiled_model(config: TrialConfig, data: Dataset, search_path: Sequence[Path]) -> keras.Model:
    """The model of a trial, compiled with its optimizer and schedule."""
    model = build_model(config.model, data_facts(data), search_path)
    settings = config.training.optimizer
    optimizer = getattr(keras.optimizers, KERAS_CLASSES[settings.name])(
        learning_rate=schedule(config.schedule), **settings.arguments
    )
    try:
        keras.losses.get(config.training.loss)  # compile looks it up only at the first step
    except ValueError:
        raise InputError(
            f"training.loss: must be the name of a Keras loss, such as "
            f"sparse_categorical_crossentropy or categorical_crossentropy, "
            f"got {config.training.loss!r}"
        ) from None
    # XLA on CPU was measured two to four times slower; "auto" may choose it.
    model.compile(
        optimizer=optimizer,
        loss=config.training.loss,
        metrics=["accuracy"],
        jit_compile=False,
    )
    return model


def check_objective(config: TrialConfig, measured: Iterable[str]) -> None:
    """Refuse an objective that the model, which may have metrics of its own, does not measure.

    Args:
        measured: the names of the metrics, without `val_`.

    Raises:
        InputError: the objective's metric is not among them.
    """
    names = list(measured)
    metric = config.objective.metric
    if metric.removeprefix("val_") not in names:
        raise InputError(
            f"objective.metric: must be one that the model {config.model.name} measures "
            f"({', '.join(names)}, each with val_ too), got {metric!r}"
        )


def data_facts(data: Dataset) -> dict[str, Any]:
    """What a model's function may want to know of the data."""
    labels = data.y_train
    whole = labels.ndim == 1 or labels.shape[-1] == 1
    classes = int(labels.max()) + 1 if whole else int(labels.shape[-1])
    return {"input_shape": tuple(data.x_train.shape[1:]), "classes": classes}


def schedule(config: ScheduleConfig) -> Any:
    """What goes to the optimizer as its learning rate."""
    bounds = (float(config.init_lr), float(config.max_lr), config.step_size)
    if config.policy == "triangular":
        return TriangularCyclicalLearningRate(*bounds)
    if config.policy == "triangular2":
        return Triangular2CyclicalLearningRate(*bounds)
    if config.policy == "exp_range":
        return ExponentialCyclicalLearningRate(*bounds, gamma=float(config.gamma))
    return float(config.init_lr)


@dataclass
class _Trial:
    config: TrialConfig
    data: Dataset
    folder: TrialFolder
    search_path: Sequence[Path]
    reports: list[EpochReport] = field(default_factory=list)
    rates: list[Any] = field(default_factory=list)
    losses: list[Any] = field(default_factory=list)
    divergence: Divergence | None = None

    def __post_init__(self) -> None:
        config, data = self.config, self.data
        examples = len(data.x_train)
        self.train_rows, self.validation_rows = hold_out(
            examples, config.dataset.held_out(examples), config.split_seed
        )
        self.model = compiled_model(config, data, self.search_path)
        self.loop = TrainingLoop(self.model, data.x_train, data.y_train, config.training.batch_size)
        self.steps_per_epoch = math.ceil(len(self.train_rows) / config.training.batch_size)
        self.shown = shown_steps(config)
        self.best_weights: list[Any] | None = None
        self.best: EpochReport | None = None

    def run(self, on_epoch: Callable[[EpochReport], bool]) -> TrialResult:
        self.folder.start(self.config)
        epochs = math.ceil(self.config.steps / self.steps_per_epoch)
        pruned = False
        for epoch in range(1, epochs + 1):
            report = self._epoch(epoch)
            self.reports.append(report)
            self.folder.append(report)
            self._keep_best(report)
            if self.divergence:
                break
            if not on_epoch(report) and epoch < epochs:
                pruned = True
                break
        return self._result(pruned)

    def _epoch(self, epoch: int) -> EpochReport:
        cpu, wall = time.process_time(), time.perf_counter()
        start = (epoch - 1) * self.steps_per_epoch
        steps = min(self.steps_per_epoch, self.config.steps - start)
        order = epoch_order(self.train_rows, self.config.seed, epoch)
        first_new = len(self.rates)
        for first in range(0, steps, CHUNK):
            rates, losses = self.loop.train(order, first, min(first + CHUNK, steps))
            bad = np.flatnonzero(~np.isfinite(losses))
            if bad.size:
                rates, losses = rates[: bad[0] + 1], losses[: bad[0] + 1]
                self._diverged(start + first + int(bad[0]), epoch, float(rates[-1]))
            self.rates.append(rates)
            self.losses.append(losses)
            if bad.size:
                break
        metrics = self.loop.take_metrics()
        checked = self.loop.evaluate(self.validation_rows)
        check_objective(self.config, checked)
        metrics |= {f"val_{name}": value for name, value in checked.items()}
        done = start + sum(len(part) for part in self.rates[first_new:])
        if self.divergence is None and not math.isfinite(metrics.get("val_loss", 0.0)):
            self._diverged(done - 1, epoch, float(self.rates[-1][-1]))
        return EpochReport(
            epoch=epoch,
            step=done,
            metrics={name: value for name, value in metrics.items() if math.isfinite(value)},
            cpu_seconds=time.process_time() - cpu,
            wall_seconds=time.perf_counter() - wall,
            points=self._points(start, first_new),
        )

    def _points(self, start: int, first_new: int) -> tuple[StepPoint, ...]:
        rates = np.concatenate(self.rates[first_new:])
        losses = np.concatenate(self.losses[first_new:])
        return tuple(
            StepPoint(
                step=start + index,
                learning_rate=float(rates[index]),
                batch_loss=float(losses[index]) if math.isfinite(losses[index]) else None,
            )
            for index in range(len(rates))
            if start + index in self.shown or index == len(rates) - 1
        )

    def _diverged(self, step: int, epoch: int, rate: float) -> None:
        size = self.config.schedule.step_size
        phase = (step / (2 * size)) % 1.0 if size else 0.0
        self.divergence = Divergence(step=step, epoch=epoch, learning_rate=rate, phase=phase)

    def _keep_best(self, report: EpochReport) -> None:
        objective = self.config.objective
        value = report.metrics.get(objective.metric)
        if objective.at != "best" or value is None:
            return
        before = None if self.best is None else self.best.metrics[objective.metric]
        if before is None or objective.sign * value > objective.sign * before:
            self.best, self.best_weights = report, self.model.get_weights()

    def _result(self, pruned: bool) -> TrialResult:
        last = self.reports[-1]
        scored = self.best or last
        state, reason = "complete", None
        value = scored.metrics.get(self.config.objective.metric)
        if self.divergence:
            at = self.divergence
            state, value = "diverged", None
            reason = (
                f"the loss is no longer finite at step {at.step} (epoch {at.epoch}), "
                f"learning rate {at.learning_rate:.4g}, {at.phase:.0%} of the cycle"
            )
        elif pruned:
            state, value = "pruned", None
            reason = f"pruned after epoch {last.epoch}: behind the median at a comparable phase"
        return TrialResult(
            state=state,  # type: ignore[arg-type]
            reason=reason,
            value=value,
            metrics=dict((scored if state == "complete" else last).metrics),
            epochs=last.epoch,
            steps=last.step,
            cpu_seconds=sum(report.cpu_seconds for report in self.reports),
            wall_seconds=sum(report.wall_seconds for report in self.reports),
            divergence=self.divergence,
        )

    def save(self, result: TrialResult) -> None:
        """Write the curve, the model and, last, the result: with it the folder is complete."""
        if self.best_weights is not None and result.state == "complete":
            self.model.set_weights(self.best_weights)
        self.folder.save_curve(np.concatenate(self.rates), np.concatenate(self.losses))
        self.folder.save_model(self.model)
        self.folder.save_result(result)


def shown_steps(config: TrialConfig) -> frozenset[int]:
    """The steps of the thinned curve: evenly spread, with every peak and trough among them."""
    stride = max(1, math.ceil(config.steps / CURVE_POINTS))
    steps = set(range(0, config.steps, stride))
    size = config.schedule.step_size
    if size and config.steps / size <= CURVE_POINTS:
        steps |= set(range(size, config.steps, size))
    return frozenset(steps)

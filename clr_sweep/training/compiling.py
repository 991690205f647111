"""The model of a trial, compiled as its configuration says."""

from __future__ import annotations

import contextlib
import inspect
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np

from clr_sweep.common.counts import plural
from clr_sweep.common.errors import InputError
from clr_sweep.definition.losses import LossConfig
from clr_sweep.definition.metrics import name_of
from clr_sweep.definition.outputs import Output, OutputLosses
from clr_sweep.definition.own_functions import called, import_function
from clr_sweep.definition.pair_functions import check_pair
from clr_sweep.definition.trial_config import ScheduleConfig, TrialConfig
from clr_sweep.schedules import keras as schedules
from clr_sweep.schedules import policies
from clr_sweep.training.checks.model_inputs import check_inputs
from clr_sweep.training.compiled_loss import compiled_losses
from clr_sweep.training.compiled_optimizer import compiled_optimizer
from clr_sweep.training.data.arrays import NUMBER_CLASSES
from clr_sweep.training.data.materialized import Dataset
from clr_sweep.training.data.named import Array, by_name, each
from clr_sweep.training.models import Untold, build_model

_SCHEDULES: dict[str, Callable[..., Any]] = {
    "triangular": schedules.TriangularCyclicalLearningRate,
    "triangular2": schedules.Triangular2CyclicalLearningRate,
    "exp_range": schedules.ExponentialCyclicalLearningRate,
    "exp_range_bounds": schedules.ExponentialBoundsCyclicalLearningRate,
    "linear": schedules.LinearLearningRate,
    "cosine": schedules.CosineLearningRate,
    "one_cycle": schedules.OneCycleLearningRate,
}
# Labels are no class numbers but ids where they are higher than this, and so many times higher than
# classes occur: some do not in one part of the data.
_SURELY_CLASSES, _GAPS = 1000, 100


def compiled_model(
    config: TrialConfig, data: Dataset, search_path: Sequence[Path], rate: Any = None
) -> keras.Model:
    """The model of a trial, compiled with its optimizer and schedule.

    Args:
        rate: a Keras schedule in place of the configuration's own.

    Raises:
        InputError: there is no such loss, metric or optimizer, or the model takes other examples;
            or see `build_model`.
        TrialFailedError: see `build_model`.
    """
    with built_under(config.training.precision):
        model = build_model(config.model, data_facts(data), search_path)
    check_inputs(model, data, config.training.outputs)
    compile_as_configured(model, config, search_path, rate)
    return model


def compile_as_configured(
    model: keras.Model, config: TrialConfig, search_path: Sequence[Path], rate: Any = None
) -> None:
    """Compile a trial's model with its optimizer and schedule, its losses and metrics.

    Args:
        rate: as of `compiled_model`.

    Raises:
        InputError: there is no such loss, metric or optimizer.
        TrialFailedError: making one of them raised an exception.
    """
    training = config.training
    # XLA on CPU was measured two to four times slower; "auto" may choose it.
    model.compile(
        optimizer=compiled_optimizer(
            training, schedule(config.schedule) if rate is None else rate, search_path
        ),
        loss=compiled_losses(training.outputs, search_path),
        loss_weights=loss_weights(training.loss),
        metrics=_metrics_of(training.outputs, search_path),
        jit_compile=False,
    )


def loss_weights(loss: LossConfig | OutputLosses) -> dict[str, float] | None:
    """What the loss of each output counts, as `compile` takes it: 1 where it is not said."""
    if isinstance(loss, LossConfig) or not loss.weights:
        return None
    return {name: float(loss.weights.get(name, 1)) for name in loss.outputs}


def _metrics_of(outputs: Sequence[Output], search_path: Sequence[Path]) -> Any:
    """The metrics as `compile` takes them, of several outputs those of each by its name."""
    found = {one.name: compiled_metrics(one.metrics, search_path) for one in outputs}
    return found[None] if None in found else {name: made for name, made in found.items() if made}


def compiled_metrics(metrics: Sequence[str], search_path: Sequence[Path]) -> list[Any]:
    """Keras' own by name, which `compile` chooses the kind of; those of the user's, made anew.

    Raises:
        InputError: there is no such name in the module, or it is no metric.
        TrialFailedError: the module, or making the metric, raised an exception.
    """
    return [_own(written, search_path) if ":" in written else written for written in metrics]


def _own(written: str, search_path: Sequence[Path]) -> keras.metrics.Metric:
    try:
        found, _ = import_function(written, search_path)
    except InputError as error:
        raise InputError(f"training.metrics: {error}") from error
    if inspect.isclass(found) and issubclass(found, keras.metrics.Metric):
        metric = called(f"making the metric {written}", found)
    elif isinstance(found, keras.metrics.Metric):
        # Its counters are this training's own.
        metric = found.from_config(found.get_config())
    elif inspect.isclass(found):
        raise InputError(
            f"training.metrics: {written} must be a keras.metrics.Metric, or a function of "
            f"(y_true, y_pred), got another class, {found.__name__}"
        )
    else:
        check_pair(found, written, "training.metrics")
        metric = keras.metrics.MeanMetricWrapper(found)
    metric.name = name_of(written)
    return metric


@contextlib.contextmanager
def built_under(precision: str) -> Iterator[None]:
    """What is built in this block gets this precision; Keras' own policy holds again after it.

    Every layer keeps the policy that it was built under, in a saved model too.

    Args:
        precision: `mixed_bfloat16`; or `float32`, Keras' default, which leaves alone what a
            module of the user's may have set for its process.
    """
    before = keras.config.dtype_policy()
    if precision != "float32":
        keras.config.set_dtype_policy(precision)
    try:
        yield
    finally:
        if precision != "float32":
            keras.config.set_dtype_policy(before)


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
    """What a model's function may want to know of the data; by name, where there are several.

    Labels that number no classes (amounts, numbers below 0, ids) tell of no number of classes.
    """
    facts: dict[str, Any] = {
        "input_shape": each(data.x_train, lambda array: tuple(array.shape[1:]))
    }
    found = {name: _classes(labels) for name, labels in by_name(data.y_train).items()}
    told = {name: classes for name, classes in found.items() if not isinstance(classes, Untold)}
    facts["classes"] = told.get(None, told) if told else next(iter(found.values()))
    return facts


def _classes(labels: Array) -> int | Untold:
    """How many classes labels tell of."""
    if labels.ndim > 1 and labels.shape[-1] > 1:
        return int(labels.shape[-1])
    if labels.min() < 0 or (labels.dtype.kind == "f" and (np.floor(labels) != labels).any()):
        found = "other numbers than class numbers (whole, from 0 on)"
    else:
        classes = int(labels.max()) + 1
        if classes <= _SURELY_CLASSES or classes <= _GAPS * len(occurring := np.unique(labels)):
            return classes
        found = f"{plural(len(occurring), 'different label')}, the highest {labels.max().item()}"
    return Untold(f"y_train holds {found}; where they are classes, {NUMBER_CLASSES}")


def schedule(config: ScheduleConfig) -> Any:
    """What goes to the optimizer as its learning rate."""
    if config.policy == policies.CONSTANT:
        return float(config.init_lr)
    made = _SCHEDULES[config.policy]
    if not config.is_cyclical:
        return made(config.max_lr, config.decay_steps)
    gamma = {"gamma": float(config.gamma)} if config.policy in policies.DECAYING else {}
    return made(float(config.init_lr), float(config.max_lr), config.step_size, **gamma)

"""What `training.metrics` names, as Keras' `compile` takes it."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np

from clr_sweep.common.errors import InputError
from clr_sweep.definition.metrics import name_of
from clr_sweep.definition.own_functions import called, import_function


def compiled_metrics(metrics: Sequence[str], search_path: Sequence[Path]) -> list[Any]:
    """Keras' own by name, which `compile` chooses the kind of; those of the user's, made anew.

    Args:
        metrics: as in `training.metrics`.
        search_path: folders in which a module of the user's is looked for.

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
        metric = keras.metrics.MeanMetricWrapper(found)
    metric.name = name_of(written)
    return metric


def scalars(results: Mapping[str, Any]) -> dict[str, float]:
    """Each metric as a number.

    Raises:
        InputError: one gives more than a number, such as one for each class.
    """
    found = {name: np.asarray(value) for name, value in results.items()}
    if wrong := [_several(name, array) for name, array in found.items() if array.size != 1]:
        raise InputError(wrong)
    return {name: float(array.item()) for name, array in found.items()}


def _several(name: str, array: Any) -> str:
    return (
        f"training.metrics: {name} gives {array.size} numbers, of the shape {array.shape}, where "
        f"one is needed: leave it out, or name a metric of your own that gives one (module:name), "
        f"such as a subclass of keras.metrics.F1Score made with average='macro'; where it is the "
        f"model's own metric, change it there"
    )

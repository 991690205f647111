"""What the steps of a model measure: by which names, and each as one number."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import keras
import numpy as np

from clr_sweep.common.errors import InputError
from clr_sweep.definition.metrics import reported_problem


def reported(model: keras.Model, step: str, logs: Any) -> tuple[str, ...]:
    """The names of what a step reports, in the order of the model's metrics.

    `fit` takes what is no metric of the model's from an epoch's last batch; a value of one
    batch says nothing of an epoch, so it is refused.

    Args:
        step: `train_step` or `test_step`.
        logs: what it returned.

    Raises:
        InputError: nothing, something that is no metric of the model's, or one under a name that
            means something else here, or that MLflow does not take.
    """
    measured = tuple(model.get_metrics_result())
    found = logs if isinstance(logs, Mapping) else {}
    named = {
        name
        for key, value in found.items()
        for name in (value if isinstance(value, Mapping) else (key,))
    }
    if not named or not named <= set(measured):
        other = "nothing" if isinstance(logs, Mapping) else f"a {type(logs).__name__}"
        got = ", ".join(sorted(named)) or other
        raise InputError(
            f"the model's {step} must return what its metrics ({', '.join(measured)}) have "
            f"gathered over the epoch, got {got}: update a keras.metrics.Metric in it, such "
            f"as a Mean, and return {{metric.name: metric.result() for metric in self.metrics}}"
        )
    if problems := [text for name in sorted(named) if (text := reported_problem(name))]:
        raise InputError(f"what the model's {step} reports: {text}" for text in problems)
    return tuple(name for name in measured if name in named)


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

"""Metrics as a user may write them, named in tests as `own_metric_models:name`."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops


def confidence(y_true: Any, y_pred: Any) -> Any:  # noqa: ARG001 - as Keras calls it
    """The highest probability of each example."""
    return ops.max(y_pred, axis=-1)


class MeanTop(keras.metrics.Mean):
    """The same as a class."""

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:  # noqa: ARG002
        super().update_state(ops.max(y_pred, axis=-1))


READY = MeanTop(name="another")


class PerClass(keras.metrics.F1Score):
    """A number for each class: Keras' own default."""

    def __init__(self, **arguments: Any) -> None:
        super().__init__(**arguments)

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        super().update_state(ops.one_hot(y_true, 10), y_pred, sample_weight)


class MacroF1(PerClass):
    """The cure that the message names."""

    def __init__(self, **arguments: Any) -> None:
        super().__init__(average="macro", **arguments)


class NoMetric:
    """A class of another kind."""


def undefined(y_true: Any, y_pred: Any) -> Any:  # noqa: ARG001
    """Nothing divided by nothing."""
    return y_pred[:, 0] * float("nan")


NUMBER = 3

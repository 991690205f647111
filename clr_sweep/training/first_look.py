"""What a model and its labels are, found before anybody has said what for."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np

from clr_sweep.common.errors import InputError
from clr_sweep.training.data.arrays import Array, rows_of
from clr_sweep.training.data.materialized import Dataset
from clr_sweep.training.requests import LabelKind, Look

# Predicted to see what kind of numbers come out.
_EXAMPLES = 16
# What float32 makes of parts that add up to 1.
_ROUNDING = 1e-3


def first_look(model: keras.Model, data: Dataset) -> Look:
    """Predict a few examples with the untrained model, and look at all labels.

    Raises:
        InputError: the model has several outputs.
    """
    inputs = getattr(model, "inputs", None)
    dtype = inputs[0].dtype if inputs else "float32"
    outputs = model.predict_on_batch(np.asarray(data.x_train[:_EXAMPLES]).astype(dtype))
    if isinstance(outputs, (list, tuple, dict)):
        raise InputError(
            f"the model has {len(outputs)} outputs, and which loss each of them has only you know: "
            "write the sweep file by hand (docs/sweep-file.md)"
        )
    outputs = np.asarray(outputs)
    kind, classes = _labels((data.y_train, data.y_test))
    return Look(
        labels=kind,
        classes=classes,
        label_shape=tuple(data.y_train.shape[1:]),
        output_shape=tuple(outputs.shape[1:]),
        sums_to_one=_sums_to_one(outputs),
        ends_in_sigmoid=_last_activation(model) == "sigmoid",
        parameters=int(model.count_params()),
    )


def _labels(arrays: tuple[Array, ...]) -> tuple[LabelKind, int | None]:
    """The kind of the labels, and for class numbers how many there are."""
    is_whole = is_binary = is_one_hot = True
    lowest, highest = np.inf, -np.inf
    for array in arrays:
        for _, rows in rows_of(array):
            is_whole &= bool(rows.dtype.kind != "f" or (np.floor(rows) == rows).all())
            is_binary &= bool(((rows == 0) | (rows == 1)).all())
            is_one_hot &= bool((rows.sum(axis=1) == 1).all())
            lowest, highest = min(lowest, float(rows.min())), max(highest, float(rows.max()))
    has_many = arrays[0].ndim > 1 and arrays[0].shape[-1] > 1
    if has_many and is_binary:
        return ("one hot" if is_one_hot else "yes or no"), int(arrays[0].shape[-1])
    if is_whole and lowest >= 0:
        return "classes", int(highest) + 1
    return "amounts", None


def _sums_to_one(outputs: Array) -> bool:
    if outputs.ndim < 2 or outputs.shape[-1] < 2:
        return False
    return bool((outputs >= 0).all() and np.allclose(outputs.sum(axis=-1), 1, atol=_ROUNDING))


def _last_activation(model: keras.Model) -> str:
    layers: list[Any] = [layer for layer in model.layers if hasattr(layer, "activation")]
    return getattr(layers[-1].activation, "__name__", "") if layers else ""

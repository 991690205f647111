"""What a model and its labels are, found before anybody has said what for."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, cast

import keras
import numpy as np

from clr_sweep.common.errors import InputError
from clr_sweep.training.data import named
from clr_sweep.training.data.arrays import Array, rows_of
from clr_sweep.training.data.materialized import Dataset
from clr_sweep.training.data.named import by_name, flat, nested
from clr_sweep.training.label_scale import root_mean_square
from clr_sweep.training.model_ends import declared_outputs, input_dtypes
from clr_sweep.training.requests import LabelKind, Look

# Predicted to see what kind of numbers come out.
_EXAMPLES = 16
# What float32 makes of parts that add up to 1.
_ROUNDING = 1e-3


def first_look(model: keras.Model, data: Dataset) -> Look | dict[str, Look]:
    """Predict a few examples with the untrained model, and look at all labels.

    Returns:
        Of each output, where labels and outputs have names.

    Raises:
        InputError: the model has several outputs, and the labels have not the same names.
    """
    dtypes = input_dtypes(model)
    some = flat({"x": named.rows(data.x_train, slice(_EXAMPLES))})
    examples = {key: array.astype(dtypes.get(key, "float32")) for key, array in some.items()}
    predicted = model.predict_on_batch(nested(examples)["x"])
    if isinstance(predicted, (list, tuple)):
        raise InputError(
            f"the model has {len(predicted)} outputs without names: let it return a dict, as "
            "keras.Model(inputs, {NAME: ...}) does, and give the labels by the same names"
        )
    outputs, declared = by_name(predicted), by_name(declared_outputs(model))
    train, test = by_name(data.y_train), by_name(data.y_test)
    if set(train) != set(outputs):
        of_model, of_labels = (_listed(found) for found in (outputs, train))
        raise InputError(
            f"the outputs of the model ({of_model}) and the labels ({of_labels}) must have the "
            "same names: give each output its labels, y_train.NAME, and return outputs by name"
        )
    parameters = int(model.count_params())
    looks = {
        name: _look(
            array, (train[name], test[name]), _activation(model, declared.get(name)), parameters
        )
        for name, array in outputs.items()
    }
    return cast("Look | dict[str, Look]", looks.get(None, looks))


def _look(predicted: Any, labels: tuple[Array, Array], activation: str, parameters: int) -> Look:
    """What is seen of one output."""
    found = np.asarray(predicted)
    kind, classes = _labels(labels)
    return Look(
        labels=kind,
        classes=classes,
        label_size=root_mean_square(labels[0]),
        label_shape=tuple(labels[0].shape[1:]),
        output_shape=tuple(found.shape[1:]),
        sums_to_one=_sums_to_one(found),
        ends_in_sigmoid=activation == "sigmoid",
        ends_in_softmax=activation == "softmax",
        all_alike=_all_alike(labels[0]),
        parameters=parameters,
    )


def _listed(names: Iterable[str | None]) -> str:
    return ", ".join("one without a name" if name is None else name for name in names)


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


def _all_alike(labels: Array) -> bool:
    return all(bool((rows == labels[:1].reshape(1, -1)).all()) for _, rows in rows_of(labels))


def _sums_to_one(outputs: Array) -> bool:
    if outputs.ndim < 2 or outputs.shape[-1] < 2:
        return False
    return bool((outputs >= 0).all() and np.allclose(outputs.sum(axis=-1), 1, atol=_ROUNDING))


def _activation(model: keras.Model, output: Any) -> str:
    """The activation that an output comes from; of a model of one that does not say, its last."""
    history = getattr(output, "_keras_history", None)
    made_by = [] if history is None else [history.operation]
    layers = [layer for layer in made_by or model.layers if hasattr(layer, "activation")]
    return getattr(layers[-1].activation, "__name__", "") if layers else ""

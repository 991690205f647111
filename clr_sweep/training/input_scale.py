"""Whether examples arrive in a model so large, or of such different sizes, that no rate suits."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np

from clr_sweep.training.data.arrays import Array, rows_of
from clr_sweep.training.data.named import Part, by_name
from clr_sweep.training.label_scale import shown_size
from clr_sweep.training.layers_in_order import is_seen_raw, layers_within
from clr_sweep.training.model_ends import declared_inputs

# The stability edge falls with the square of the size. Pixels from 0 to 255 lie above it, a one-hot
# column, an age or a standardised column below.
_LARGE = 100.0
# Two orders of magnitude between columns: four between the rates that suit them.
_UNEVEN = 100.0
# After them it does not matter how large the examples are: what they give on is of one size, or of
# a table of weights.
_SCALING = (
    keras.layers.BatchNormalization,
    keras.layers.CategoryEncoding,
    keras.layers.Discretization,
    keras.layers.Embedding,
    keras.layers.GroupNormalization,
    keras.layers.HashedCrossing,
    keras.layers.Hashing,
    keras.layers.IntegerLookup,
    keras.layers.LayerNormalization,
    keras.layers.Normalization,
    keras.layers.RMSNormalization,
    keras.layers.Rescaling,
    keras.layers.TextVectorization,
    keras.layers.UnitNormalization,
)
# Of `x / 255` between Keras' inputs and outputs: operations that are no layers.
_ARITHMETIC = {"Divide", "Multiply", "TrueDivide"}
_SCALE_COLUMNS = (
    "subtract from each column its mean and divide by its standard deviation, both of the training "
    "examples, or let keras.layers.Normalization() in front do it, adapted to them"
)
_SCALE_OTHERS = "scale them, as keras.layers.Rescaling(1 / 255) in front does with pixels"


def unscaled(model: keras.Model, x: Part) -> str:
    """What is wrong with the scale of the training examples for a model, and its cure; else empty.

    The size of a column is its largest absolute value; examples that are no rows of columns, such
    as images, count as one. Columns of zeros have none.
    """
    raw = list(_raw(model, x).values())
    sizes = np.concatenate([np.empty(0), *map(_sizes, raw)])
    sizes = sizes[sizes > 0]
    if not sizes.size:
        return ""
    low, high = float(sizes.min()), float(sizes.max())
    has_columns = any(array.ndim <= 2 for array in raw)
    cure = _SCALE_COLUMNS if has_columns else _SCALE_OTHERS
    if high >= _UNEVEN * low:
        return (
            f"the columns differ in size, the largest values from {shown_size(low)} to "
            f"{shown_size(high)}, and no layer scales them before the first one with weights, so "
            f"the training may diverge at every rate: {cure}"
        )
    # Of one size, they may be scaled later as well: what follows has to be in proportion.
    if high >= _LARGE and not any(map(_scales, layers_within(model))):
        return (
            f"the examples are large, with values of up to {shown_size(high)}, and no layer of the "
            f"model scales them, so the training may diverge at every rate: {cure}"
        )
    return ""


def _raw(model: keras.Model, x: Part) -> dict[str | None, Array]:
    """The arrays that reach a layer with weights as they are."""
    arrays = by_name(x)
    inputs = by_name(declared_inputs(model))
    return {
        name: array
        for name, array in arrays.items()
        if is_seen_raw(model, inputs.get(name), _scales)
    }


def _sizes(array: Array) -> np.ndarray:
    """The largest absolute value of each column, shape (columns,); of other examples of all."""
    # Of the ends alone a copy in float64 is made: of whole images it takes a hundred times as long.
    ends = [
        (rows.min(axis=0).astype("float64"), rows.max(axis=0).astype("float64"))
        for _, rows in rows_of(array)
    ]
    columns: np.ndarray = np.abs(ends).max(axis=(0, 1))
    return columns if array.ndim == 2 else columns.max(keepdims=True)


def _scales(operation: Any) -> bool:
    """Whether it brings what it gets to one size: a layer, or an operation that is none."""
    is_layer = isinstance(operation, keras.Layer)
    return isinstance(operation, _SCALING) or (
        not is_layer and type(operation).__name__ in _ARITHMETIC
    )

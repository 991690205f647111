"""Whether examples arrive in a model so large, or of such different sizes, that no rate suits."""

from __future__ import annotations

import keras
import numpy as np

from clr_sweep.training.data.arrays import Array, rows_of
from clr_sweep.training.data.materialized import Dataset
from clr_sweep.training.data.named import by_name

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


def unscaled(model: keras.Model, data: Dataset) -> str:
    """What is wrong with the scale of the training examples for a model, in words; else empty.

    The size of a column is its largest absolute value; examples that are no rows of columns, such
    as images, count as one. Columns of zeros have none.
    """
    if _scales(model):
        return ""
    arrays = list(by_name(data.x_train).values())
    sizes = np.concatenate([_sizes(array) for array in arrays])
    sizes = sizes[sizes > 0]
    if not sizes.size:
        return ""
    low, high = float(sizes.min()), float(sizes.max())
    if high >= _UNEVEN * low:
        seen = (
            f"the columns differ in size, the largest values from {_shown(low)} to {_shown(high)}"
        )
    elif high >= _LARGE:
        seen = f"the examples are large, with values of up to {_shown(high)}"
    else:
        return ""
    return f"{seen}, and no layer of the model scales them"


def _sizes(array: Array) -> np.ndarray:
    """The largest absolute value of each column, shape (columns,); of other examples of all."""
    # Of the ends alone a copy in float64 is made: of whole images it takes a hundred times as long.
    ends = [
        (rows.min(axis=0).astype("float64"), rows.max(axis=0).astype("float64"))
        for _, rows in rows_of(array)
    ]
    columns: np.ndarray = np.abs(ends).max(axis=(0, 1))
    return columns if array.ndim == 2 else columns.max(keepdims=True)


def _shown(size: float) -> str:
    return f"{size:,.0f}" if _LARGE <= size < 1e9 else f"{size:.3g}"


def _scales(model: keras.Model) -> bool:
    """Whether anything in the model, however deep, brings what it gets to one size."""
    # Keras' own walk, which begins with the model: `layers` alone are not those within a layer of
    # the user's own.
    return any(
        isinstance(layer, _SCALING) or _has_arithmetic(layer) for layer in model._flatten_layers()
    )


def _has_arithmetic(layer: keras.Layer) -> bool:
    """Whether it is a model with a division or a product between its inputs and outputs."""
    return any(
        type(operation).__name__ in _ARITHMETIC and not isinstance(operation, keras.Layer)
        for operation in getattr(layer, "operations", ())
    )

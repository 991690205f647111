"""Whether examples arrive in a model so large, or of such different sizes, that no rate suits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import keras
import numpy as np

from clr_sweep.training.data.arrays import Array, rows_of
from clr_sweep.training.data.named import Part, by_name
from clr_sweep.training.label_scale import shown_size
from clr_sweep.training.layers_in_order import is_order_known, is_seen_raw, layers_within
from clr_sweep.training.model_ends import declared_inputs

# The stability edge falls with the square of the size. Pixels from 0 to 255 lie above it, a one-hot
# column, an age or a standardised column below.
_LARGE = 100.0
# Two orders of magnitude between columns: four between the rates that suit them. Where the largest
# is of a usual size, usual rates suit it; a pixel at the edge, or a rare word, may well be small.
_UNEVEN = 100.0
_USUAL = 10.0
# After them it does not matter how large the columns are: what they give on is of one size, or of
# a table of weights.
_BY_COLUMN = (
    keras.layers.CategoryEncoding,
    keras.layers.Discretization,
    keras.layers.Embedding,
    keras.layers.HashedCrossing,
    keras.layers.Hashing,
    keras.layers.IntegerLookup,
    keras.layers.Normalization,
    keras.layers.Rescaling,
    keras.layers.TextVectorization,
)
# They work across the columns of one example, of which the largest drowns the others as before.
_ACROSS = (
    keras.layers.GroupNormalization,
    keras.layers.LayerNormalization,
    keras.layers.RMSNormalization,
    keras.layers.UnitNormalization,
)
# By column, but what it predicts with begins at 0 and 1 and takes many steps to reach the columns.
_MOVING = (keras.layers.BatchNormalization,)
# Of `x / 255` between Keras' inputs and outputs: operations that are no layers.
_ARITHMETIC = {"Divide", "Multiply", "TrueDivide"}
_SCALE_COLUMNS = (
    "subtract from each column its mean and divide by its standard deviation, both of the training "
    "examples, or let keras.layers.Normalization() in front do it, adapted to them"
)
_SCALE_OTHERS = (
    "scale them, as keras.layers.Rescaling(1 / 255) in front does with pixels, and "
    "keras.layers.Normalization(), adapted to them, with series of measurements"
)


@dataclass(frozen=True)
class InputScale:
    """How examples arrive in a model.

    Attributes:
        problem: what is wrong with their scale, and its cure; empty where nothing is.
        settles: they are columns that the moving averages of a batch normalisation have to reach,
            until when what is measured on held-out examples is wrong.
    """

    problem: str
    settles: bool = False


def input_scale(model: keras.Model, x: Part) -> InputScale:
    """What is wrong with the scale of the training examples for a model, and its cure.

    The size of a column is its largest absolute value; examples that are no rows of columns, such
    as images, count as one. Columns of zeros have none.
    """
    arrays, inputs = by_name(x), by_name(declared_inputs(model))
    treated = {name: _treated(model, inputs.get(name), array) for name, array in arrays.items()}
    # A pass over all of an array, which one that is scaled by column need not have.
    sizes = {
        name: _sizes(array, name if len(arrays) > 1 else None)
        for name, array in arrays.items()
        if treated[name] != "by column"
    }
    raw = [name for name in arrays if treated[name] == "raw"]
    seen = _seen([size for name in raw for size in sizes[name]])
    if problem := _raw_problem(model, seen, [arrays[name] for name in raw]):
        return InputScale(problem)
    for name, array in arrays.items():
        if treated[name] in ("across", "moving") and (seen := _seen(sizes[name])):
            if treated[name] == "moving":
                return InputScale(_moving_problem(seen, array), settles=array.ndim <= 2)
            if seen.startswith("the columns"):
                return InputScale(_across_problem(seen, model))
    return InputScale("")


class _Size(NamedTuple):
    value: float
    where: str

    def __str__(self) -> str:
        return f"{shown_size(self.value)}{self.where}"


Treated = Literal["raw", "across", "moving", "by column"]


def _treated(model: keras.Model, tensor: Any, array: Array) -> Treated:
    """What brings an array to one size before the first layer with weights sees it."""

    def is_raw(*kinds: type) -> bool:
        return is_seen_raw(model, tensor, lambda operation: _is_one(operation, kinds))

    # An image has no columns to be apart.
    settled = _BY_COLUMN if array.ndim <= 2 else _BY_COLUMN + _ACROSS
    if is_raw(*_BY_COLUMN, *_ACROSS, *_MOVING):
        return "raw"
    if not is_raw(*settled):
        return "by column"
    if is_raw(*settled, *_MOVING):
        return "across"
    # Of images a layer with weights comes first, as a rule, and what follows it is in proportion.
    is_in_front = array.ndim <= 2 or is_order_known(model, tensor)
    return "moving" if is_in_front else "by column"


def _raw_problem(model: keras.Model, seen: str, raw: Sequence[Array]) -> str:
    """Of arrays that reach a layer with weights as they are."""
    cure = _cure(raw)
    if seen.startswith("the columns"):
        return (
            f"{seen}, and no layer scales them before the first one with weights, so the training "
            f"may diverge at every rate: {cure}"
        )
    # Of one size, they may be scaled later as well: what follows has to be in proportion.
    kinds = _BY_COLUMN + _ACROSS + _MOVING
    if seen and not any(_is_one(operation, kinds) for operation in layers_within(model)):
        return (
            f"{seen}, and no layer of the model scales them, so the training may diverge at every "
            f"rate: {cure}"
        )
    return ""


def _moving_problem(seen: str, array: Array) -> str:
    return (
        f"{seen}, and batch normalisation alone scales them: it predicts with moving means and "
        "variances, which begin at 0 and 1 and take many steps to reach them, and until then all "
        "that is measured on held-out examples is wrong, by which a range test and short trials "
        f"are judged: {_cure([array])}"
    )


def _across_problem(seen: str, model: keras.Model) -> str:
    layers = {type(one).__name__ for one in layers_within(model) if isinstance(one, _ACROSS)}
    return (
        f"{seen}, and {' and '.join(sorted(layers))} works across the columns of each example, "
        "which leaves them as far apart, so the training may learn from the large ones alone: "
        f"{_SCALE_COLUMNS}"
    )


def _seen(sizes: Sequence[_Size]) -> str:
    """What is seen of sizes that no rate suits; else empty."""
    there = [size for size in sizes if size.value > 0]
    if not there:
        return ""
    low, high = (end(there, key=lambda size: size.value) for end in (min, max))
    if high.value >= _UNEVEN * low.value and high.value > _USUAL:
        return f"the columns differ in size, the largest values from {low} to {high}"
    if high.value >= _LARGE:
        return f"the examples are large, with values of up to {high}"
    return ""


def _cure(arrays: Sequence[Array]) -> str:
    return _SCALE_COLUMNS if any(array.ndim <= 2 for array in arrays) else _SCALE_OTHERS


def _sizes(array: Array, name: Any) -> list[_Size]:
    """The largest absolute value of each column; of other examples of all.

    Args:
        name: of the array, where there are several.
    """
    # Of the ends alone a copy in float64 is made: of whole images it takes a hundred times as long.
    ends = [
        (rows.min(axis=0).astype("float64"), rows.max(axis=0).astype("float64"))
        for _, rows in rows_of(array)
    ]
    columns: np.ndarray = np.abs(ends).max(axis=(0, 1))
    if array.ndim != 2:
        return [_Size(float(columns.max()), "" if name is None else f" ({name})")]
    of = "" if name is None else f" of {name}"
    return [_Size(float(value), f" (column {place}{of})") for place, value in enumerate(columns)]


def _is_one(operation: Any, kinds: tuple[type, ...]) -> bool:
    """Whether it is a layer of these kinds, or an operation that scales and is no layer."""
    is_layer = isinstance(operation, keras.Layer)
    return isinstance(operation, kinds) or (
        not is_layer and type(operation).__name__ in _ARITHMETIC
    )

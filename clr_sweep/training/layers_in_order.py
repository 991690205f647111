"""In which order the layers of a model see what it gets."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import keras
from keras.src.models.functional import Functional  # as in `model_ends`

# What leaves these is as far apart as what came in. Layers without weights; and operations that are
# no layers, by their classes' names.
_HAND_ON = (
    keras.layers.AveragePooling1D,
    keras.layers.AveragePooling2D,
    keras.layers.Concatenate,
    keras.layers.Cropping1D,
    keras.layers.Cropping2D,
    keras.layers.Dropout,
    keras.layers.Flatten,
    keras.layers.GaussianNoise,
    keras.layers.GlobalAveragePooling1D,
    keras.layers.GlobalAveragePooling2D,
    keras.layers.GlobalMaxPooling1D,
    keras.layers.GlobalMaxPooling2D,
    keras.layers.Identity,
    keras.layers.InputLayer,
    keras.layers.Masking,
    keras.layers.MaxPooling1D,
    keras.layers.MaxPooling2D,
    keras.layers.Permute,
    keras.layers.RandomCrop,
    keras.layers.RandomFlip,
    keras.layers.RandomRotation,
    keras.layers.RandomTranslation,
    keras.layers.RandomZoom,
    keras.layers.ReLU,
    keras.layers.RepeatVector,
    keras.layers.Reshape,
    keras.layers.Resizing,
    keras.layers.SpatialDropout1D,
    keras.layers.SpatialDropout2D,
    keras.layers.UnitNormalization,
    keras.layers.ZeroPadding1D,
    keras.layers.ZeroPadding2D,
)
_OPERATIONS_HAND_ON = {"Cast", "Concatenate", "ExpandDims", "Reshape", "Squeeze", "Transpose"}

Is = Callable[[Any], bool]
"""Whether a layer, or an operation between inputs and outputs that is none, is of a kind."""


def layers_within(layer: keras.Layer) -> Iterator[Any]:
    """A layer, the layers within it, however deep, and the operations that are none."""
    # Keras' own walk, which begins with the layer: `layers` alone are not those within a layer of
    # the user's own.
    for one in layer._flatten_layers():
        yield one
        for operation in getattr(one, "operations", ()):
            if not isinstance(operation, keras.Layer):
                yield operation


def is_seen_raw(model: keras.Model, tensor: Any, changes: Is) -> bool:
    """Whether a layer with weights sees an input before anything has changed it.

    Of a layer or a model that is not made of inputs and outputs the order is not known: there it
    is changed wherever something within changes it.

    Args:
        tensor: the symbolic input; None where the model declares none.
        changes: what counts as a change.
    """
    made = _made_of_ends(model)
    if made is None or tensor is None:
        return not any(map(changes, layers_within(model)))
    return _followed(made, [tensor], changes)[0]


def is_order_known(model: keras.Model, tensor: Any) -> bool:
    """Whether `is_seen_raw` follows the input, symbolic as there."""
    return tensor is not None and _made_of_ends(model) is not None


def _followed(model: Functional, tensors: Sequence[Any], changes: Is) -> tuple[bool, bool]:
    """Whether a layer with weights sees the tensors unchanged; and whether any leaves so."""
    raw = {id(tensor) for tensor in tensors}
    for depth in sorted(model._nodes_by_depth, reverse=True):
        for node in model._nodes_by_depth[depth]:
            given = [id(tensor) in raw for tensor in node.input_tensors]
            if not any(given):
                continue
            is_seen, goes_on = _passed(node.operation, given, changes)
            if is_seen:
                return True, True
            if goes_on:
                raw |= {id(tensor) for tensor in node.output_tensors}
    return False, any(id(tensor) in raw for tensor in model.outputs)


def _passed(operation: Any, given: Sequence[bool], changes: Is) -> tuple[bool, bool]:
    """As `_followed`, of one operation.

    Args:
        given: which of its inputs are unchanged.
    """
    if (made := _made_of_ends(operation)) is not None:
        raw = [tensor for tensor, is_raw in zip(made.inputs, given, strict=True) if is_raw]
        return _followed(made, raw, changes)
    within = layers_within(operation) if isinstance(operation, keras.Layer) else [operation]
    if any(map(changes, within)):
        return False, False
    if getattr(operation, "weights", ()):
        return True, True
    # What another one makes of its input, or takes of it, nobody knows here.
    return False, isinstance(operation, _HAND_ON) or type(operation).__name__ in _OPERATIONS_HAND_ON


def _made_of_ends(operation: Any) -> Functional | None:
    """A model that is made of its inputs and outputs, as a sequential one is too."""
    if isinstance(operation, keras.Sequential):
        operation = getattr(operation, "_functional", None)
    return operation if isinstance(operation, Functional) else None

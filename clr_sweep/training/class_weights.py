"""What each training example counts in the loss, by its class: `class_weight` of Keras' `fit`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import numpy as np

from clr_sweep.common.errors import InputError
from clr_sweep.training.data.arrays import Array


def example_weights(
    by_class: Literal["balanced"] | Mapping[str, float], labels: Array, rows: Array
) -> Array:
    """The weight of each example; a class that is not named counts 1, as under `fit`.

    Balanced, a class of n_c of the n examples counts n / (k n_c), where k is the number of classes
    that occur: each class weighs the same in an epoch, and the mean weight of an example is 1
    (King and Zeng, Logistic Regression in Rare Events Data, 2001; as in scikit-learn).

    Args:
        by_class: weights by the number of the class, as a text; or `balanced`.
        labels: class numbers, of shape (examples,) or (examples, 1); or a number for each class,
            of shape (examples, classes), of which the highest tells the class.
        rows: the examples that are trained on.

    Returns:
        float32 of shape (examples,).

    Raises:
        InputError: the labels tell no classes, or a class that is named does not occur.
    """
    classes = _classes(labels)
    occurring, counts = np.unique(classes[rows], return_counts=True)
    if by_class == "balanced":
        weights = {
            int(number): len(rows) / (len(occurring) * int(count))
            for number, count in zip(occurring, counts, strict=True)
        }
    else:
        weights = {int(number): float(weight) for number, weight in by_class.items()}
    if missing := sorted(set(weights) - {int(number) for number in occurring}):
        there = ", ".join(str(number) for number in occurring[:10])
        more = ", ..." if len(occurring) > 10 else ""
        raise InputError(
            [
                f"training.class_weight.{number}: is no class of the examples that are trained on "
                f"(there are {there}{more}): leave it out"
                for number in missing
            ]
        )
    found = np.ones(len(labels), np.float32)
    for number, weight in weights.items():
        found[classes == number] = weight
    return found


def _classes(labels: Array) -> Array:
    """The number of each example's class, as `fit` finds it."""
    if labels.ndim == 2 and labels.shape[-1] > 1:
        return np.argmax(labels, axis=-1)
    numbers = labels.reshape(len(labels), -1)
    whole = labels.dtype.kind != "f" or bool((np.floor(numbers) == numbers).all())
    if numbers.shape[-1] != 1 or not whole:
        got = "amounts" if numbers.shape[-1] == 1 else f"labels of the shape {labels.shape[1:]}"
        raise InputError(
            f"training.class_weight: needs labels that tell one class of each example, its number "
            f"or a number for each class, got {got}: leave it out"
        )
    return numbers[:, 0].astype(np.int64)

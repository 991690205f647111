"""What each training example counts in the loss, as `fit` takes it by class or by example."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal

import numpy as np

from clr_sweep.common.errors import InputError
from clr_sweep.definition.outputs import NOT_OF_SEVERAL
from clr_sweep.definition.own_functions import called, import_function
from clr_sweep.definition.training_config import TrainingConfig
from clr_sweep.training.data.arrays import Array
from clr_sweep.training.data.materialized import Dataset


def example_weights(
    training: TrainingConfig, data: Dataset, rows: Array, search_path: Sequence[Path]
) -> Array | None:
    """The weight of each training example, where they do not all count alike.

    Args:
        rows: the examples that are trained on.
        search_path: folders in which a module of the user's is looked for.

    Returns:
        float32 of shape (training examples,); or None.

    Raises:
        InputError: see `by_class` and `by_function`; or no example that is trained on counts.
        TrialFailedError: the user's function raised an exception.
    """
    if training.sample_weight is not None:
        key, found = "sample_weight", by_function(training.sample_weight, data, search_path)
    elif training.class_weight is not None:
        if isinstance(data.y_train, Mapping):
            raise InputError(
                f"training.class_weight: {NOT_OF_SEVERAL}, got the labels {', '.join(data.y_train)}"
            )
        key, found = "class_weight", by_class(training.class_weight, data.y_train, rows)
    else:
        return None
    # Only the labels tell: a class that is not named counts 1.
    if not found[rows].any():
        raise InputError(
            f"training.{key}: must leave an example a weight above 0, got 0 for all {len(rows)} "
            f"that are trained on: nothing would be learnt"
        )
    return found


def by_function(name: str, data: Dataset, search_path: Sequence[Path]) -> Array:
    """What a function of the user's returns for the training examples and their labels.

    Raises:
        InputError: there is no such function, or it returns no such weights.
        TrialFailedError: it raised an exception.
    """
    try:
        function, _ = import_function(name, search_path)
    except InputError as error:
        raise InputError(f"training.sample_weight: {error}") from error
    found = called(
        f"weighing the examples by {name}", lambda: np.asarray(function(data.x_train, data.y_train))
    )
    examples = data.training_examples
    wanted = f"training.sample_weight: {name} must return a number for each of the {examples} "
    if found.shape != (examples,) or found.dtype.kind not in "biuf":
        raise InputError(
            f"{wanted}training examples, an array of the shape ({examples},), got the shape "
            f"{found.shape} of {found.dtype}"
        )
    wrong = np.flatnonzero(~(np.isfinite(found) & (found >= 0)))
    if wrong.size:
        raise InputError(
            f"{wanted}training examples, finite and 0 or more, got {found[wrong[0]]} at index "
            f"{wrong[0]}, the first of {wrong.size} wrong"
        )
    return found.astype(np.float32)


def by_class(
    weights_of: Literal["balanced"] | Mapping[str, float], labels: Array, rows: Array
) -> Array:
    """The weight of each example; a class that is not named counts 1, as under `fit`.

    Balanced, a class of n_c of the n examples counts n / (k n_c), where k is the number of classes
    that occur: each class weighs the same in an epoch, and the mean weight of an example is 1
    (King and Zeng, Logistic Regression in Rare Events Data, 2001; as in scikit-learn).

    Args:
        weights_of: weights by the number of the class, as a text; or `balanced`.
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
    if weights_of == "balanced":
        weights = {
            int(number): len(rows) / (len(occurring) * int(count))
            for number, count in zip(occurring, counts, strict=True)
        }
    else:
        weights = {int(number): float(weight) for number, weight in weights_of.items()}
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

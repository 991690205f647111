"""Labels held against the loss and the model before anything is trained.

Keras finds most of it only when a step meets the label in question: a class that the model has no
output for, in the test part alone, after the whole search; on a GPU it gives a loss of NaN.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from clr_sweep.definition.losses import LossConfig
from clr_sweep.training.checks.label_shapes import shape_problem
from clr_sweep.training.checks.naming import Naming
from clr_sweep.training.data.arrays import Array, rows_of
from clr_sweep.training.data.materialized import Dataset
from clr_sweep.training.losses import TAKEN_BY, Labels, Values, function_name

# What float32 makes of parts that add up to 1.
_ROUNDING = 1e-6


Held = Mapping[str, Array]
"""The labels of an output by their keys, the training part first: `y_train`, `y_test.age`."""


def held(data: Dataset, output: str | None) -> Held:
    """The labels of one of a model's outputs.

    Args:
        output: its name; None: of the only one.
    """
    below = "" if output is None else f".{output}"
    arrays = data.arrays()
    return {key: arrays[key] for key in (f"y_train{below}", f"y_test{below}")}


def loss_problems(
    loss: LossConfig,
    found: Held,
    labels: tuple[int, ...],
    outputs: tuple[int, ...],
    naming: Naming,
) -> Iterator[str]:
    """What is wrong with the labels for a loss; for one of the user's own nothing is known.

    Args:
        found, labels, outputs, naming: as for `problems`.
    """
    name = loss.name if loss.is_own else function_name(loss.name)
    if (taken := TAKEN_BY.get(name)) is not None:
        yield from problems(taken, f"{naming.loss} {name}", found, labels, outputs, naming)


def problems(
    taken: Labels,
    by: str,
    found: Held,
    labels: tuple[int, ...],
    outputs: tuple[int, ...],
    naming: Naming,
) -> Iterator[str]:
    """What is wrong with the labels of a data set for a model.

    Args:
        taken: what they are held against.
        by: what takes it, for messages: `training.loss categorical_crossentropy`.
        found: the labels of the output, of both parts.
        labels: the shape of the labels of a batch.
        outputs: the shape of the model's outputs for that batch.
        naming: how a cure calls the loss.

    Yields:
        One sentence a problem: `<array>: must ..., got ...; <cure>`.
    """
    wrong = shape_problem(taken, by, labels, outputs, naming)
    if wrong is not None:
        # Those of the test part have the same shape: it is among what makes a data set.
        yield f"{next(iter(found))}: {wrong}"
    else:
        yield from problems_of_values(taken, by, found, naming, outputs[-1])


def problems_of_values(
    taken: Labels, by: str, found: Held, naming: Naming, classes: int | None = None
) -> Iterator[str]:
    """What is wrong with the values of the labels, in the training and in the test part.

    Args:
        taken, by, found, naming: as for `problems`.
        classes: how many the model has outputs for; None: any number is right.
    """
    for key, array in found.items():
        bad = _first_wrong(array, taken.values, classes)
        if bad is None:
            continue
        count, index, value, highest = bad
        allowed = taken.values.value
        if taken.values is Values.CLASSES and classes is not None:
            allowed = f"class numbers from 0 to {classes - 1}, one for each output of the model"
        yield (
            f"{key}: must hold {allowed}, as {by} takes them, got {value} at index {index}, the "
            f"first of {count} wrong among {len(array)} examples; "
            f"{_cure(taken, value, highest, classes, naming)}"
        )


def _first_wrong(
    array: Array, values: Values, classes: int | None
) -> tuple[int, int, Any, Any] | None:
    """How many examples are wrong, the first one's index and value, and the highest value."""
    count, first, sample, highest = 0, -1, None, None
    low = -1 if values is Values.SIGNS and array.min() < 0 else 0
    for start, rows in rows_of(array):
        wrong = _wrong(rows, values, classes, low)
        bad = wrong.any(axis=1)
        if first < 0 and bad.any():
            row = int(bad.argmax())
            first, sample = start + row, rows[row, int(wrong[row].argmax())].item()
        count += int(bad.sum())
        top = rows.max().item()
        highest = top if highest is None else max(highest, top)
    return None if first < 0 else (count, first, sample, highest)


def _wrong(rows: Array, values: Values, classes: int | None, low: int) -> npt.NDArray[np.bool_]:
    match values:
        case Values.CLASSES:
            wrong = rows < 0
            if rows.dtype.kind == "f":
                wrong = wrong | (np.floor(rows) != rows)
            return wrong if classes is None else wrong | (rows >= classes)
        case Values.PARTS:
            return (rows < -_ROUNDING) | (rows > 1 + _ROUNDING)
        case Values.SIGNS:
            return (rows != low) & (rows != 1)
        case Values.NOT_NEGATIVE:
            return np.asarray(rows < 0)
        case Values.ANY:
            return np.zeros(rows.shape, dtype=bool)


def _cure(taken: Labels, value: Any, highest: Any, classes: int | None, naming: Naming) -> str:
    if taken.values is Values.PARTS and value > 1 and value == int(value):
        sparse = naming.loss_is("sparse_categorical_crossentropy")
        return (
            f"class numbers are taken by {sparse}, from a model with an output for each class; "
            f"else divide the labels by their highest"
        )
    if taken.values is not Values.CLASSES:
        return f"change the labels, or {naming.loss}"
    if value != int(value):
        return (
            "number the classes; where the labels are amounts, write a loss such as "
            f"{naming.loss_is('mean_squared_error')}"
        )
    if value < 0 or classes is None:
        return "number the classes from 0 on, or leave these examples out"
    return (
        f"number the classes from 0 on without gaps, leave these examples out, or give the model "
        f"{int(highest) + 1} outputs{naming.more_outputs}"
    )

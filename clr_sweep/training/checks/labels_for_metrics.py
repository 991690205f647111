"""Keras' metrics held against labels and outputs before anything is trained.

Most of them give some number for any labels: an AUC of ten classes by their numbers, an accuracy of
amounts. Such a number means nothing, and a search would follow it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from clr_sweep.common.errors import InputError
from clr_sweep.definition.metrics import KERAS, of_keras
from clr_sweep.definition.training_config import TrainingConfig
from clr_sweep.training.checks.labels_for_loss import output_check, problems
from clr_sweep.training.data.arrays import rows_of
from clr_sweep.training.data.materialized import Dataset
from clr_sweep.training.losses import Labels, Shape, Values

_Shape = tuple[int, ...]

_BINARY = Labels(Shape.SAME, Values.PARTS)
_ONE_HOT = Labels(Shape.SAME, Values.PARTS, needs_classes=True)
_CLASSES = Labels(Shape.CLASS, Values.CLASSES, needs_classes=True)
_TAKEN = {
    "numbers": Labels(Shape.SAME, Values.ANY),
    "rows": Labels(Shape.SAME, Values.ANY),
    "not_negative": Labels(Shape.SAME, Values.NOT_NEGATIVE),
    "binary": _BINARY,
    "parts": _BINARY,
    "signs": Labels(Shape.SAME, Values.SIGNS),
    "one_hot": _ONE_HOT,
    "classes": _CLASSES,
}
# Where the labels have an axis less than the outputs, Keras raises with these, or holds the label
# of each example against the outputs of all.
_ADD_NO_AXIS = [
    KERAS[name]
    for name in (
        "f1_score", "f_beta_score", "kl_divergence", "binary_crossentropy", "hinge",
        "squared_hinge", "poisson",
    )
]  # fmt: skip
# Tried in this order where one has to be named that fits.
_SUITED = (
    "sparse_categorical_accuracy", "categorical_accuracy", "binary_accuracy", "mean_absolute_error"
)  # fmt: skip


def batch_check(training: TrainingConfig, data: Dataset) -> Callable[[Any, Any], None]:
    """What is called with the labels and the outputs of a batch before its loss is computed.

    It raises InputError where the labels, those of the test part too, do not go with the loss,
    or with one of Keras' metrics.
    """
    check_loss = output_check(training.loss, data)

    def check(labels: Any, outputs: Any) -> None:
        check_loss(labels, outputs)
        shapes = tuple(labels.shape), tuple(outputs.shape)
        if wrong := list(metric_problems(training.metrics, data, *shapes)):
            raise InputError(wrong, data.source)

    return check


def metric_problems(
    metrics: tuple[str, ...], data: Dataset, labels: _Shape, outputs: _Shape
) -> Iterator[str]:
    """What is wrong with the metrics for these labels and outputs; of one's own nothing is known.

    Args:
        metrics: as in `training.metrics`.
        labels: the shape of the labels of a batch.
        outputs: the shape of the model's outputs for that batch.
    """
    for name in metrics:
        found = _problem(name, data, labels, outputs)
        if found is not None:
            # Its cure is one for losses.
            text = found.rpartition("; ")[0] or found
            yield f"{text}; {_cure(name, data, labels, outputs)}"


def _problem(name: str, data: Dataset, labels: _Shape, outputs: _Shape) -> str | None:
    known = of_keras(name)
    if known is None:
        return None
    kind: str = known.labels
    if kind == "any":
        kind = _chosen_by_keras(labels, outputs)
    by = f"training.metrics {name}"
    if (wrong := next(problems(_TAKEN[kind], by, data, labels, outputs), None)) is not None:
        return wrong
    if kind == "rows" and outputs[-1] < 2:
        return (
            f"y_train: must be several numbers an example, whose outputs {by} correlates with "
            f"them, got one; "
        )
    if known in _ADD_NO_AXIS and len(labels) != len(outputs):
        return (
            f"y_train: must have {len(outputs)} axes, as the outputs have, for {by}, which does "
            f"not add one, got {len(labels)}; "
        )
    return _between(by, data) if kind == "binary" else None


def _chosen_by_keras(labels: _Shape, outputs: _Shape) -> str:
    """Which accuracy `accuracy` stands for; see `keras.src.trainers.compile_utils`."""
    if outputs[-1] == 1:
        return "binary"
    sparse = len(labels) < len(outputs) or labels[-1] == 1
    return "classes" if sparse else "one_hot"


def _between(by: str, data: Dataset) -> str | None:
    """What is neither 0 nor 1: such metrics take it for one of them."""
    for key, array in (("y_train", data.y_train), ("y_test", data.y_test)):
        for start, rows in rows_of(array):
            wrong = (rows != 0) & (rows != 1)
            if wrong.any():
                row, column = (int(index) for index in np.argwhere(wrong)[0])
                return (
                    f"{key}: must hold 0 and 1, as {by} takes them, got "
                    f"{rows[row, column].item()} at index {start + row}; "
                )
    return None


def _cure(name: str, data: Dataset, labels: _Shape, outputs: _Shape) -> str:
    fits = [other for other in _SUITED if _problem(other, data, labels, outputs) is None]
    other = f", or name one that takes such labels, as {fits[0]} does" if fits else ""
    return f"leave {name} out of training.metrics{other}"

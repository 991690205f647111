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
from clr_sweep.definition.outputs import Output
from clr_sweep.definition.training_config import TrainingConfig
from clr_sweep.training.checks.labels_for_loss import Held, held, loss_problems, problems
from clr_sweep.training.checks.naming import Naming, in_file
from clr_sweep.training.checks.output_names import name_problems
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

    def check(labels: Any, predicted: Any) -> None:
        outputs = training.outputs
        wrong = list(name_problems(outputs, labels, predicted))
        for one in outputs if not wrong else ():
            y, found = (
                part if one.name is None else part[one.name] for part in (labels, predicted)
            )
            wrong += _output_problems(one, data, tuple(y.shape), tuple(found.shape))
        if wrong:
            raise InputError(wrong, data.source)

    return check


def _output_problems(
    output: Output, data: Dataset, labels: _Shape, outputs: _Shape
) -> Iterator[str]:
    """What is wrong with the labels of an output for its loss, else for its metrics."""
    found, naming = held(data, output.name), in_file(output)
    wrong = list(loss_problems(output.loss, found, labels, outputs, naming))
    yield from wrong or metric_problems(output.metrics, found, labels, outputs, naming)


def metric_problems(
    metrics: tuple[str, ...], found: Held, labels: _Shape, outputs: _Shape, naming: Naming
) -> Iterator[str]:
    """What is wrong with the metrics for these labels and outputs; of one's own nothing is known.

    Args:
        metrics: as in `training.metrics`.
        found: the labels of the output, of both parts.
        labels: the shape of the labels of a batch.
        outputs: the shape of the model's outputs for that batch.
        naming: how messages call the metrics.
    """
    for name in metrics:
        wrong = _problem(name, found, labels, outputs, naming)
        if wrong is not None:
            # Its cure is one for losses.
            text = wrong.rpartition("; ")[0] or wrong
            yield f"{text}; {_cure(name, found, labels, outputs, naming)}"


def _problem(name: str, found: Held, labels: _Shape, outputs: _Shape, naming: Naming) -> str | None:
    known = of_keras(name)
    if known is None:
        return None
    kind: str = known.labels
    if kind == "any":
        kind = _chosen_by_keras(labels, outputs)
    by, key = f"{naming.metrics} {name}", next(iter(found))
    if (
        wrong := next(problems(_TAKEN[kind], by, found, labels, outputs, naming), None)
    ) is not None:
        return wrong
    if kind == "rows" and outputs[-1] < 2:
        return (
            f"{key}: must be several numbers an example, whose outputs {by} correlates with "
            f"them, got one; "
        )
    if known in _ADD_NO_AXIS and len(labels) != len(outputs):
        return (
            f"{key}: must have {len(outputs)} axes, as the outputs have, for {by}, which does "
            f"not add one, got {len(labels)}; "
        )
    return _between(by, found) if kind == "binary" else None


def _chosen_by_keras(labels: _Shape, outputs: _Shape) -> str:
    """Which accuracy `accuracy` stands for; see `keras.src.trainers.compile_utils`."""
    if outputs[-1] == 1:
        return "binary"
    sparse = len(labels) < len(outputs) or labels[-1] == 1
    return "classes" if sparse else "one_hot"


def _between(by: str, found: Held) -> str | None:
    """What is neither 0 nor 1: such metrics take it for one of them."""
    for key, array in found.items():
        for start, rows in rows_of(array):
            wrong = (rows != 0) & (rows != 1)
            if wrong.any():
                row, column = (int(index) for index in np.argwhere(wrong)[0])
                return (
                    f"{key}: must hold 0 and 1, as {by} takes them, got "
                    f"{rows[row, column].item()} at index {start + row}; "
                )
    return None


def _cure(name: str, found: Held, labels: _Shape, outputs: _Shape, naming: Naming) -> str:
    fits = [other for other in _SUITED if _problem(other, found, labels, outputs, naming) is None]
    other = f", or name one that takes such labels, as {fits[0]} does" if fits else ""
    return f"leave {name} out of {naming.metrics}{other}"

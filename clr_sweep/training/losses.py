"""Which labels each of Keras' losses takes: the shape beside the outputs, and the values."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from clr_sweep.common.errors import InputError
from clr_sweep.definition.losses import FUNCTION_OF, loss_problem


class Shape(Enum):
    """The shape of the labels, beside that of the model's outputs."""

    CLASS = "class numbers, each in place of the outputs' last axis,"
    SAME = "numbers, one for each output,"
    LABEL = "numbers, one for each example,"
    SEQUENCE = "class numbers, a row of them for each example,"


class Values(Enum):
    """The values that labels may have."""

    CLASSES = "class numbers: whole, from 0 to the number of outputs less 1"
    PARTS = "numbers from 0 to 1"
    SIGNS = "0 and 1, or -1 and 1"
    NOT_NEGATIVE = "numbers of 0 or above"
    ANY = "numbers"


@dataclass(frozen=True)
class Labels:
    """The labels that a loss takes.

    Attributes:
        needs_classes: the outputs' last axis is one of classes, of which there are two at least:
            with one, the loss is the same whatever the model learns.
    """

    shape: Shape
    values: Values
    needs_classes: bool = False


_NUMBERS = Labels(Shape.SAME, Values.ANY)
_PARTS = Labels(Shape.SAME, Values.PARTS)
_PARTS_OF_CLASSES = Labels(Shape.SAME, Values.PARTS, needs_classes=True)
_SIGNS = Labels(Shape.SAME, Values.SIGNS)
_NOT_NEGATIVE = Labels(Shape.SAME, Values.NOT_NEGATIVE)

# By the name of the function; Keras' classes and abbreviations stand for these functions.
TAKEN_BY = {
    "sparse_categorical_crossentropy": Labels(Shape.CLASS, Values.CLASSES, needs_classes=True),
    "categorical_crossentropy": _PARTS_OF_CLASSES,
    "categorical_focal_crossentropy": _PARTS_OF_CLASSES,
    "categorical_hinge": _PARTS_OF_CLASSES,
    "kl_divergence": _PARTS,
    "binary_crossentropy": _PARTS,
    "binary_focal_crossentropy": _PARTS,
    "dice": _PARTS,
    "tversky": _PARTS,
    "hinge": _SIGNS,
    "squared_hinge": _SIGNS,
    "poisson": _NOT_NEGATIVE,
    # Labels below 0 are taken for 0, without a word.
    "mean_squared_logarithmic_error": _NOT_NEGATIVE,
    "mean_squared_error": _NUMBERS,
    "mean_absolute_error": _NUMBERS,
    "mean_absolute_percentage_error": _NUMBERS,
    "cosine_similarity": _NUMBERS,
    "huber": _NUMBERS,
    "log_cosh": _NUMBERS,
    "circle": Labels(Shape.LABEL, Values.ANY),
    "ctc": Labels(Shape.SEQUENCE, Values.CLASSES, needs_classes=True),
}


def function_name(loss: str) -> str:
    """The name of the function that computes a loss: `mean_squared_error` for `MSE`.

    Raises:
        InputError: Keras has no loss of this name.
    """
    if (text := loss_problem(loss)) is not None:
        raise InputError(f"training.loss: {text}")
    return FUNCTION_OF[loss]

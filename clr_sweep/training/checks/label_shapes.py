"""Whether labels have the shape that a loss takes beside the outputs of a model."""

from __future__ import annotations

from clr_sweep.training.checks.naming import Naming
from clr_sweep.training.data.arrays import shown_shape
from clr_sweep.training.losses import Labels, Shape

_SPARSE, _ONE_HOT = "sparse_categorical_crossentropy", "categorical_crossentropy"


def shape_problem(
    taken: Labels,
    by: str,
    labels: tuple[int, ...],
    outputs: tuple[int, ...],
    naming: Naming,
) -> str | None:
    """What is wrong with the shape of the labels, with a cure; None where nothing is.

    Args:
        by: what takes it, for the message: `training.loss categorical_crossentropy`.
        labels: the shape of the labels of a batch, the axis of examples first.
        outputs: the shape of the model's outputs for that batch.
        naming: how a cure calls the loss.
    """
    if not outputs or outputs[0] != labels[0]:
        return (
            f"must be held against an output for each example, but for {labels[0]} examples the "
            f"model's outputs have the shape {outputs}; return outputs whose first axis "
            f"is that of the examples"
        )
    if taken.needs_classes and outputs[-1] < 2:
        return (
            f"cannot be learned by a model that ends in {shown_shape(outputs[1:])}: {by} is the "
            f"same whatever it learns, since it needs an output for each class; end the model in "
            f"one for each class, or write {naming.loss_is('binary_crossentropy')}"
        )
    wanted = _wanted(taken, labels, outputs)
    if labels in wanted:
        return None
    right, out, got = (shown_shape(shape[1:]) for shape in (wanted[0], outputs, labels))
    return (
        f"must be {taken.shape.value} of the shape {right}, as {by} takes them with outputs of "
        f"{out}, got {got}; {_cure(taken, labels, outputs, naming)}"
    )


def _wanted(
    taken: Labels, labels: tuple[int, ...], outputs: tuple[int, ...]
) -> tuple[tuple[int, ...], ...]:
    """The shapes that are right, the plainest first."""
    one = (labels[0],)
    match taken.shape:
        case Shape.CLASS:
            return outputs[:-1], (*outputs[:-1], 1)
        case Shape.LABEL:
            return one, (*one, 1)
        case Shape.SEQUENCE:
            length = labels[1] if len(labels) == 2 else 1
            # Outputs of another rank are wrong for every label.
            return ((*one, length),) if len(outputs) == 3 else ((*outputs[:1], -1),)
        case Shape.SAME:
            # Keras adds or takes away a last axis of length 1.
            shorter = (outputs[:-1],) if len(outputs) > 1 and outputs[-1] == 1 else ()
            return outputs, *shorter, (*outputs, 1)


def _cure(taken: Labels, labels: tuple[int, ...], outputs: tuple[int, ...], naming: Naming) -> str:
    per_class = labels in (outputs[:-1], (*outputs[:-1], 1))
    if taken.shape is Shape.CLASS and labels == outputs:
        return f"labels of one number for each class are taken by {naming.loss_is(_ONE_HOT)}"
    if taken.shape is Shape.SAME and per_class and taken.needs_classes:
        return f"class numbers are taken by {naming.loss_is(_SPARSE)}"
    if taken.shape is Shape.SAME and per_class:
        return (
            f"end the model in one output, or, where these are class numbers, write "
            f"{naming.loss_is(_SPARSE)}"
        )
    if taken.shape is Shape.SEQUENCE:
        return "end the model in outputs (n, moments, classes), and give labels (n, length)"
    return f"change the labels, the model's last layer or {naming.loss}"

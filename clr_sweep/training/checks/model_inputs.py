"""Examples held against what a model says that it takes, before it is called with any."""

from __future__ import annotations

from typing import Any

import keras

from clr_sweep.common.errors import InputError
from clr_sweep.training.data.arrays import shown_shape
from clr_sweep.training.data.materialized import Dataset


def check_inputs(model: keras.Model, data: Dataset) -> None:
    """Refuse examples of another shape than that of the model's input.

    A model that has no input before it has seen data takes what it gets; one with a `call` or a
    training step of its own may make something else of the examples first.

    Raises:
        InputError: the shapes do not go together, or the model has several inputs.
    """
    inputs = getattr(model, "inputs", None)
    own = [step for step in (type(model).call, type(model).train_step) if not _is_keras(step)]
    if not inputs or own:
        return
    if len(inputs) > 1:
        raise InputError(
            f"x_train: is one array of examples, and the model has {len(inputs)} inputs; take "
            f"one array, and divide it inside the model",
            data.source,
        )
    wanted, found = tuple(inputs[0].shape[1:]), tuple(data.x_train.shape[1:])
    if not _go_together(wanted, found):
        raise InputError(
            f"x_train: must have the shape {shown_shape(wanted)} that the model takes, got "
            f"{shown_shape(found)}; build the model for it (its function is handed `input_shape` "
            f"where it has that argument), or change the examples",
            data.source,
        )


def _is_keras(method: Any) -> bool:
    return str(method.__module__).split(".")[0] == "keras"


def _go_together(wanted: tuple[int | None, ...], found: tuple[int, ...]) -> bool:
    """Keras adds a last axis of length 1, or takes it away, where that is all that differs."""
    if len(wanted) == len(found) + 1 and wanted[-1] == 1:
        wanted = wanted[:-1]
    elif len(found) == len(wanted) + 1 and found[-1] == 1:
        found = found[:-1]
    return len(wanted) == len(found) and all(
        axis in (None, length) for axis, length in zip(wanted, found, strict=True)
    )

"""Examples held against what a model says that it takes, before it is called with any."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import keras

from clr_sweep.common.errors import InputError
from clr_sweep.common.nearest import hint
from clr_sweep.definition.outputs import Output
from clr_sweep.training.checks.output_names import name_problems
from clr_sweep.training.data.arrays import shown_shape
from clr_sweep.training.data.materialized import Dataset
from clr_sweep.training.data.named import Array, Part
from clr_sweep.training.model_ends import declared_inputs, declared_outputs


def check_inputs(model: keras.Model, data: Dataset, outputs: Sequence[Output] = ()) -> None:
    """Refuse examples that are others than the model's inputs, and outputs of other names.

    A model that has no input before it has seen data takes what it gets; one with a `call` or a
    training step of its own may make something else of the examples first. What it returns is then
    seen with the first batch.

    Args:
        outputs: those that the sweep has losses for; empty: none is looked at.

    Raises:
        InputError: the names or the shapes do not go together.
    """
    inputs = declared_inputs(model)
    own = [step for step in (type(model).call, type(model).train_step) if not is_keras(step)]
    if inputs is None or own:
        return
    problems = list(_input_problems(inputs, data.x_train))
    several = isinstance(data.y_train, Mapping) or len(outputs) > 1
    if several and outputs and is_keras(type(model).compute_loss):
        problems += name_problems(outputs, data.y_train, declared_outputs(model))
    if problems:
        raise InputError(problems, data.source)


def _input_problems(inputs: Any, x: Part) -> Iterator[str]:
    """What is wrong with examples for the inputs that a model declares."""
    if not isinstance(inputs, Mapping) and not isinstance(x, Mapping):
        yield from _shape_problems("x_train", inputs, x)
    elif not isinstance(x, Mapping):
        yield (
            f"x_train: is one array of examples, and the model has {len(inputs)} inputs "
            f"({', '.join(inputs)}); give a dict of arrays by these names, in a file "
            f"x_train.{next(iter(inputs))}, ..., or divide the one array inside the model"
        )
    elif not isinstance(inputs, Mapping):
        if list(x) == [inputs.name]:  # Keras takes it out of the dict
            yield from _shape_problems(f"x_train.{inputs.name}", inputs, x[inputs.name])
        else:
            yield (
                f"x_train: has the arrays {', '.join(x)}, and the model takes one, {inputs.name}; "
                f"build it with an input for each (its function is handed their shapes by name as "
                f"`input_shape`), or give one array"
            )
    else:
        for name, array in x.items():
            if name not in inputs:
                yield (
                    f"x_train.{name}: the model has no such input{hint(name, inputs)} (it has "
                    f"{', '.join(inputs)}); leave it out, or take it in the model"
                )
            else:
                yield from _shape_problems(f"x_train.{name}", inputs[name], array)
        for name in inputs:
            if name not in x:
                yield f"x_train.{name}: is missing, which the model takes{hint(name, x)}"


def _shape_problems(key: str, taken: Any, array: Array) -> Iterator[str]:
    if (wrong := shape_problem(key, taken, array)) is not None:
        yield (
            f"{wrong}; build the model for it (its function is handed `input_shape` where it has "
            f"that argument), or change the examples"
        )


def shape_problem(key: str, taken: Any, array: Array) -> str | None:
    """What is wrong with the shape of examples for an input; None where nothing is."""
    wanted, found = tuple(taken.shape[1:]), tuple(array.shape[1:])
    if _go_together(wanted, found):
        return None
    return (
        f"{key}: must have the shape {shown_shape(wanted)} that the model takes, got "
        f"{shown_shape(found)}"
    )


def is_keras(made: Any) -> bool:
    """Whether a method, a function or a class is Keras' own, whose demands are known."""
    return str(getattr(made, "__module__", "")).split(".")[0] == "keras"


def _go_together(wanted: tuple[int | None, ...], found: tuple[int, ...]) -> bool:
    """Keras adds a last axis of length 1, or takes it away, where that is all that differs."""
    if len(wanted) == len(found) + 1 and wanted[-1] == 1:
        wanted = wanted[:-1]
    elif len(found) == len(wanted) + 1 and found[-1] == 1:
        found = found[:-1]
    return len(wanted) == len(found) and all(
        axis in (None, length) for axis, length in zip(wanted, found, strict=True)
    )

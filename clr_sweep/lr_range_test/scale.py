"""What the size of examples and labels says against a range test, before it has taken a step."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import keras
import numpy as np

from clr_sweep.definition.optimizers import CLIPPING
from clr_sweep.lr_range_test.fit_in_hand import function_of, outputs_of
from clr_sweep.training.data.arrays import Array
from clr_sweep.training.input_scale import input_scale
from clr_sweep.training.label_scale import large_labels, root_mean_square
from clr_sweep.training.loss_scaling import inner
from clr_sweep.training.model_ends import declared_inputs, declared_outputs


def scale_problems(model: keras.Model, x: Any, y: Any) -> tuple[str, ...]:
    """What is wrong with their size for a compiled model, each with its cure.

    Args:
        x, y: arrays as `fit` takes them; what is no array of numbers is passed over.
    """
    examples = {name: array for name, array in _named(model, x) if _is_of_numbers(array)}
    found = [input_scale(model, examples).problem] if examples else []
    optimizer = inner(model.optimizer)
    # The steps of the others do not grow with the gradient, or hardly; nor those that are clipped.
    clips = (getattr(optimizer, name, None) for name in CLIPPING)
    if isinstance(optimizer, keras.optimizers.SGD) and not any(clips):
        found += _large_labels(model, y)
    return tuple(filter(None, found))


def _named(model: keras.Model, x: Any) -> Iterator[tuple[Any, Array]]:
    """The arrays by the inputs that take them; None stands for the only one."""
    inputs = declared_inputs(model)
    if isinstance(x, list | tuple):
        names = list(inputs) if isinstance(inputs, Mapping) else range(len(x))
        x = dict(zip(names, x, strict=False))
    for name, array in (x if isinstance(x, Mapping) else {None: x}).items():
        if hasattr(array, "shape"):
            yield name, np.asarray(array)


def _large_labels(model: keras.Model, y: Any) -> Iterator[str]:
    for output in outputs_of(declared_outputs(model), y, model.loss):
        labels = np.asarray(output.labels)
        if _is_of_numbers(labels):
            size = root_mean_square(labels)
            yield large_labels(size, function_of(output.loss), output.name)


def _is_of_numbers(array: Array) -> bool:
    return array.dtype.kind in "buif" and array.size > 0

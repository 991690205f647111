"""What a model says of its own inputs and outputs, by the names under which it has them."""

from __future__ import annotations

from typing import Any

import keras

# What a model that is made of its inputs and outputs is. Keras exports it nowhere.
from keras.src.models.functional import Functional

from clr_sweep.definition.reported_metric import ReportedMetric
from clr_sweep.training.data.named import each, flat


def declared_inputs(model: keras.Model) -> Any:
    """The symbolic inputs of a model: one, several by name, or None where it declares none.

    A functional model of a dict of inputs takes them by its keys; one of a list of them by the
    names of its inputs, as Keras does with the dict that it is given.
    """
    inputs = getattr(model, "inputs", None)
    if not inputs:
        return None
    made_of = model.input if isinstance(model, Functional) else inputs
    if isinstance(made_of, dict):
        return made_of
    return inputs[0] if len(inputs) == 1 else {one.name: one for one in inputs}


def declared_outputs(model: keras.Model) -> Any:
    """The symbolic outputs of such a model, as it returns them: one, a dict by name, or a list.

    None, where it declares none.
    """
    outputs = getattr(model, "outputs", None)
    if not outputs:
        return None
    if isinstance(model, Functional):
        return model.output
    return outputs[0] if len(outputs) == 1 else outputs


def reported(model: keras.Model, name: str) -> ReportedMetric:
    """The metric behind a name that a model reports; without `val_`.

    Keras puts the names of outputs before those of their metrics, where it knows several.
    """
    outputs = declared_outputs(model)
    names = list(outputs) if isinstance(outputs, dict) else getattr(model, "output_names", [])
    # The longest first: age_mean_loss is of age_mean, where there is one beside age.
    for output in sorted(names, key=len, reverse=True) if len(names) > 1 else ():
        if name.startswith(f"{output}_"):
            return ReportedMetric(name, name.removeprefix(f"{output}_"), output)
    return ReportedMetric.by_name(name)


def input_dtypes(model: keras.Model) -> dict[str, str]:
    """The type that each input is cast to, by the keys of `flat`; empty where none is declared."""
    inputs = declared_inputs(model)
    return {} if inputs is None else flat({"x": each(inputs, _dtype)})


def _dtype(tensor: Any) -> str:
    return keras.backend.standardize_dtype(tensor.dtype)

"""A trained model for inference: without its optimizer, so that it loads without clr-sweep too.

It takes the data as their owner holds them. A training casts each batch to the type that the
model declares (see `TrainingLoop`); Keras does the same at a model's declared inputs, whereas a
model without any would be given integers as they are.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from clr_sweep.definition.own_functions import import_function, importable
from clr_sweep.training.data.arrays import Array
from clr_sweep.training.folder import TrialFolder
from clr_sweep.training.quiet import quiet_standard_error

_UNDECLARED = "float32"  # what a training casts to where the model declares nothing


def save_inference_model(
    folder: TrialFolder, model_name: str, search_path: Sequence[Path], examples: Array | None = None
) -> None:
    """Write `inference.keras`, `example.npy` and `signature.json` from a trial's `model.keras`.

    A trial's process does so while it has Keras; elsewhere Keras is imported for it, which takes
    seconds.

    Args:
        model_name: as in the configuration; a function of the user's registers its own layers.
        examples: some of the training data, as stored; None where nothing is known of them.
    """
    with quiet_standard_error():
        import keras

    if ":" in model_name:
        import_function(model_name, search_path)
    with importable(search_path):
        model = keras.saving.load_model(folder.model_file, compile=False)
    inputs = _described(getattr(model, "inputs", None) or ())
    outputs = _described(getattr(model, "outputs", None) or ())
    if examples is not None and not inputs:
        model = _declaring_inputs(model, examples)
        outputs = _predicted(model, examples)
    folder.save_inference(
        model,
        {
            "keras_version": keras.__version__,
            "keras_backend": keras.backend.backend(),
            "inputs": inputs,
            "outputs": outputs,
        },
        examples,
    )


def _declaring_inputs(model: Any, examples: Array) -> Any:
    """The model, below an input that casts as the training did, where there is a need to cast."""
    import keras

    if examples.dtype == _UNDECLARED:
        return model  # stays of the user's own class
    inputs = keras.Input(examples.shape[1:], dtype=_UNDECLARED)
    return keras.Model(inputs, model(inputs))


def _predicted(model: Any, examples: Array) -> list[dict[str, Any]]:
    """What comes out, of a model that can only tell by being called."""
    import keras

    found = model.predict_on_batch(examples)
    return [
        {"name": f"output_{index}", "dtype": str(array.dtype), "shape": [None, *array.shape[1:]]}
        for index, array in enumerate(map(np.asarray, keras.tree.flatten(found)))
    ]


def _described(tensors: Sequence[Any]) -> list[dict[str, Any]]:
    """Name, type and shape of each tensor; of the shape, None is any size."""
    import keras

    return [
        {
            "name": tensor.name,
            "dtype": keras.backend.standardize_dtype(tensor.dtype),
            "shape": list(tensor.shape),
        }
        for tensor in tensors
    ]

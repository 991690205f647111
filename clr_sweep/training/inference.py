"""A trained model for inference: without its optimizer, so that it loads without clr-sweep too.

It takes the data as their owner holds them. A training casts each batch to the type that the
model declares (see `TrainingLoop`); Keras does the same at a model's declared inputs, whereas a
model without any would be given integers as they are.
"""

from __future__ import annotations

import contextlib
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from clr_sweep.definition.own_functions import import_function, importable
from clr_sweep.training.data.named import Part, by_name
from clr_sweep.training.folder import TrialFolder
from clr_sweep.training.quiet import quiet_standard_error
from clr_sweep.training.unloadable import copy_for_inference, told

_UNDECLARED = "float32"  # what a training casts to where the model declares nothing


def save_inference_model(
    folder: TrialFolder, model_name: str, search_path: Sequence[Path], examples: Part | None = None
) -> None:
    """Write `inference.keras`, an example and `signature.json` from a trial's `model.keras`.

    A trial's process does so while it has Keras; elsewhere Keras is imported for it, which takes
    seconds. A model that Keras cannot load is copied as it is: of its signature nothing is known,
    and why is kept there (see `why_unloadable`).

    Args:
        model_name: as in the configuration; a function of the user's registers its own layers.
        examples: some of the training data, as stored; None where nothing is known of them.
    """
    with quiet_standard_error():
        import keras
        import tensorflow as tf

    if ":" in model_name:
        import_function(model_name, search_path)
    made_by = {"keras_version": keras.__version__, "keras_backend": keras.backend.backend()}
    try:
        with importable(search_path):
            model = keras.saving.load_model(folder.model_file, compile=False)
        model, ends = _with_its_ends(model, examples)
    except (MemoryError, tf.errors.ResourceExhaustedError):
        raise
    except Exception as error:  # Keras raises what it likes, and the user's code too
        with _raising(error):
            copy_for_inference(folder.model_file, folder.inference_file)
        unknown = {"inputs": [], "outputs": [], "named_outputs": False}
        why = told(folder.inference_file, error)
        folder.save_inference(None, {**made_by, **unknown, **why}, examples)
        return
    folder.save_inference(model, {**made_by, **ends}, examples)


@contextlib.contextmanager
def _raising(error: Exception) -> Iterator[None]:
    """Where a file is no model's at all, what Keras said of it."""
    try:
        yield
    except (zipfile.BadZipFile, KeyError):
        raise error from None


def _with_its_ends(model: Any, examples: Part | None) -> tuple[Any, dict[str, Any]]:
    """The model as it is served, and what goes in and comes out."""
    from clr_sweep.training.model_ends import declared_inputs, declared_outputs

    inputs, returned = _described(declared_inputs(model)), declared_outputs(model)
    if not inputs and examples is not None:
        model = _declaring_inputs(model, examples)
        returned = model.predict_on_batch(examples)
    elif not inputs:
        inputs, returned = _as_built(model)
    return model, {
        "inputs": inputs,
        "outputs": _described(returned),
        # Whether it returns a dict of them.
        "named_outputs": isinstance(returned, Mapping),
    }


def _declaring_inputs(model: Any, examples: Part) -> Any:
    """The model, below an input that casts as the training did, where there is a need to cast."""
    import keras

    if all(array.dtype == _UNDECLARED for array in by_name(examples).values()):
        return model  # stays of the user's own class
    inputs = {
        name: keras.Input(array.shape[1:], dtype=_UNDECLARED, name=name)
        for name, array in by_name(examples).items()
    }
    taken = inputs.get(None, inputs)
    return keras.Model(taken, model(taken))


def _as_built(model: Any) -> tuple[list[dict[str, Any]], Any]:
    """What goes into a model that declares nothing, by the shape it was built with; what comes out.

    The type is not kept with the shape. Of a model that takes floats and no integers it is known,
    and has to be said: a server makes integers of whole numbers. One that takes both needs no
    cast, and may be meant for either.

    Returns:
        The inputs, empty where they are not known; what it returns, symbolic, None where it cannot
        be told.
    """
    import keras

    shape = (model.get_build_config() or {}).get("input_shape")
    # The sizes of one array, the batch first; not shapes by name, nor a list of them.
    if not shape or not all(size is None or isinstance(size, int) for size in shape):
        return [], None
    floats, whole = (keras.Input(shape[1:], dtype=kind) for kind in (_UNDECLARED, "int64"))
    try:
        returned = model(floats)
    except Exception:  # the user's own code, which need not run on symbols
        return [], None
    try:
        model(whole)
    except Exception:
        return _described(floats), returned
    return [], returned


def _described(ends: Any) -> list[dict[str, Any]]:
    """Name, type and shape of each of a model's inputs or outputs; of the shape, None is any size.

    Args:
        ends: None; or one tensor, a list, or a dict by the names that the model takes or gives them
            by. Arrays, of a model that can only tell by being called, have no names of their own.
    """
    import keras

    if not isinstance(ends, Mapping):
        listed = [] if ends is None else keras.tree.flatten(ends)
        ends = {getattr(end, "name", f"output_{at}"): end for at, end in enumerate(listed)}
    return [
        {
            "name": name,
            "dtype": keras.backend.standardize_dtype(end.dtype),
            "shape": [None if isinstance(end, np.ndarray) else end.shape[0], *end.shape[1:]],
        }
        for name, end in ends.items()
    ]

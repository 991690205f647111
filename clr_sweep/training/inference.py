"""A trained model for inference: without its optimizer, so that it loads without clr-sweep too."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from clr_sweep.training.folder import TrialFolder
from clr_sweep.training.imports import import_function, importable
from clr_sweep.training.quiet import quiet_standard_error


def save_inference_model(folder: TrialFolder, model_name: str, search_path: Sequence[Path]) -> None:
    """Write `inference.keras` and `signature.json` from a trial's `model.keras`.

    A trial's process does so while it has Keras; elsewhere Keras is imported for it, which takes
    seconds.

    Args:
        model_name: as in the configuration; a function of the user's registers its own layers.
        search_path: folders in which the user's module is looked for.
    """
    with quiet_standard_error():
        import keras

    if ":" in model_name:
        import_function(model_name, search_path)
    with importable(search_path):
        model = keras.saving.load_model(folder.model_file, compile=False)
    folder.save_inference(
        model,
        {
            "keras_version": keras.__version__,
            "keras_backend": keras.backend.backend(),
            "inputs": _described(getattr(model, "inputs", None) or ()),
            "outputs": _described(getattr(model, "outputs", None) or ()),
        },
    )


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

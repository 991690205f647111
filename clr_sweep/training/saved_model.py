"""The `.keras` file of a trained model; of one that Keras cannot save whole, with its weights.

A layer whose arguments are no plain values (another layer, a function) and that has no
`get_config` trains as any other. Keras finds out when it saves it, at the end of the training.
"""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

from clr_sweep.training.own_classes import whole_config

_KEY = "not_saved"
_MOST = 300


def save(model: Any, file: Path) -> None:
    """Write a model to `file`; where Keras cannot, its weights alone, for `Model.load_weights`.

    Such a file is one that Keras cannot load; why is kept in it (see `why_not_saved`).
    """
    try:
        model.save(file)
    except (MemoryError, OSError):  # nothing that is wrong with the model
        raise
    except Exception as error:  # Keras raises what it likes, and the user's code too
        _save_weights(model, file, _in_one_line(error))


def _save_weights(model: Any, file: Path, why: str) -> None:
    import keras

    weights = file.with_suffix(".weights.h5")
    try:
        model.save_weights(weights)
        config: dict[str, Any] = {
            "module": None,
            # Keras names it where it refuses the file.
            "class_name": f"{type(model).__name__} (saved with its weights alone: {why})",
            "config": {},
            "registered_name": None,
            _KEY: why,
        }
        with zipfile.ZipFile(file, "w") as archive:
            archive.writestr("metadata.json", json.dumps({"keras_version": keras.__version__}))
            archive.writestr("config.json", json.dumps(config))
            archive.write(weights, "model.weights.h5")
    finally:
        weights.unlink(missing_ok=True)


def _in_one_line(error: Exception) -> str:
    """What Keras says first; an example of code may follow."""
    said = " ".join(str(error).strip().split("\n\n")[0].split())
    return f"{type(error).__name__}: {said[:_MOST]}"


def why_not_saved(file: Path) -> str:
    """Why a `.keras` file has weights alone, or an empty text.

    Raises:
        zipfile.BadZipFile, KeyError: it is no such file.
    """
    return str(whole_config(file).get(_KEY, ""))

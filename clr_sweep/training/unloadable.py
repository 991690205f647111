"""A trained model that Keras cannot load by itself: it is kept as it is, and what is said of it.

Keras saves a `Lambda` layer, and a class or a function that is registered nowhere, without a word,
and loads neither. No training and no test depends on it: their models are built by their code.
"""

from __future__ import annotations

import contextlib
import json
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from clr_sweep.common.errors import StoreError
from clr_sweep.training.durable import replaced
from clr_sweep.training.own_classes import unregistered
from clr_sweep.training.saved_model import why_not_saved

CURE = (
    "decorate each class and function of your own with "
    "@keras.saving.register_keras_serializable(), with a get_config for the arguments of a class; "
    "in place of Lambda take keras.layers.Rescaling, or keras.ops in a layer of your own"
)
_ITS_CODE = (
    "the weights alone can be had: make the model by its code (of a trial of a study, .model() "
    "does) and call its load_weights with this file"
)
_KEY = "unloadable"
_CAUSED_BY = "Exception encountered: "
_MOST = 200


def copy_for_inference(file: Path, to: Path) -> None:
    """Copy a `.keras` file without what it was compiled with, so that its code alone loads it.

    Raises:
        zipfile.BadZipFile, KeyError: it is no such file.
    """
    with zipfile.ZipFile(file) as source, replaced(to) as part, zipfile.ZipFile(part, "w") as copy:
        for entry in source.infolist():
            content = source.read(entry)
            if entry.filename == "config.json":
                config = json.loads(content)
                config.pop("compile_config", None)
                content = json.dumps(config).encode()
            copy.writestr(entry, content)


def told(file: Path, error: Exception) -> dict[str, str]:
    """What is kept beside the signature of a model that could not be loaded: why.

    Args:
        file: as `copy_for_inference` made it.
        error: raised by Keras, whose text tells of every layer around the cause.
    """
    return {_KEY: _why(file, error)}


def _why(file: Path, error: Exception) -> str:
    if not_saved := why_not_saved(file):
        return f"it could not save it, but for its weights: {not_saved}"
    if names := unregistered(file):
        return f"it does not find {', '.join(names)}"
    cause = str(error).split(_CAUSED_BY)[-1].strip().split("\n")[0][:_MOST]
    return f"{type(error).__name__}: {cause}"


@contextlib.contextmanager
def plain_load_errors(file: Path) -> Iterator[None]:
    """What Keras raises in the block, which loads `file`, in plain words.

    Raises:
        StoreError: why it cannot be loaded, and the cure.
    """
    try:
        yield
    except (MemoryError, OSError):  # nothing that is wrong with the model
        raise
    except Exception as error:
        try:
            why = _why(file, error)
        except (zipfile.BadZipFile, KeyError):  # it is no model at all
            raise error from None
        raise StoreError(f"Keras cannot load {file}: {why}. Cure: {CURE}; {_ITS_CODE}") from error


def why_unloadable(signature: Mapping[str, Any] | None) -> str:
    """Why Keras cannot load a model by itself, or an empty text.

    Args:
        signature: as `TrialFolder.signature` has it.
    """
    return str((signature or {}).get(_KEY, ""))


def warning(label: str, why: str) -> str:
    """That a model cannot be loaded, what follows, and the cure.

    Args:
        label: whose model it is.
        why: as `why_unloadable` has it.
    """
    return (
        f"Keras cannot load the model of {label} from its file: {why}. It is trained, tested and "
        f"logged all the same, but `mlflow models serve` cannot load it either. Cure: {CURE}"
    )

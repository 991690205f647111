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
from clr_sweep.training.own_classes import unimported, unregistered
from clr_sweep.training.saved_model import why_not_saved

CURE = (
    "decorate each class and function of your own with "
    "@keras.saving.register_keras_serializable(), with a get_config for the arguments of a class; "
    "in place of Lambda take keras.layers.Rescaling, or keras.ops in a layer of your own"
)
_IMPORT = "import it at the top of the module with the function that makes or trains the model"
_KEY, _CURE_KEY = "unloadable", "unloadable_cure"
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
    """What is kept beside the signature of a model that could not be loaded: why, and the cure.

    Args:
        file: as `copy_for_inference` made it.
        error: raised by Keras, whose text tells of every layer around the cause.
    """
    why, cure = _why(file, error)
    return {_KEY: why, _CURE_KEY: cure}


def _why(file: Path, error: Exception) -> tuple[str, str]:
    """Why, and the cure."""
    if not_saved := why_not_saved(file):
        return f"it could not save it, but for its weights: {not_saved}", CURE
    if names := unregistered(file):
        return f"it does not find {', '.join(names)}", CURE
    if names := unimported(file):
        return f"it does not find {', '.join(names)}, of a module that is not imported", _IMPORT
    cause = str(error).split(_CAUSED_BY)[-1].strip().split("\n")[0][:_MOST]
    return f"{type(error).__name__}: {cause}", CURE


@contextlib.contextmanager
def plain_load_errors(file: Path, *, is_functions: bool) -> Iterator[None]:
    """What Keras raises in the block, which loads `file`, in plain words.

    Args:
        is_functions: whether a function of the user's own trained it, which alone makes it.

    Raises:
        StoreError: why it cannot be loaded, and the cure.
    """
    try:
        yield
    except (MemoryError, OSError):  # nothing that is wrong with the model
        raise
    except Exception as error:
        try:
            why, cure = _why(file, error)
        except (zipfile.BadZipFile, KeyError):  # it is no model at all
            raise error from None
        its_code = "its code" if is_functions else "its code (of a trial of a study, .model() does)"
        raise StoreError(
            f"Keras cannot load {file}: {why}. Cure: {cure}; the weights alone can be had: make "
            f"the model by {its_code} and call its load_weights with this file"
        ) from error


def why_unloadable(signature: Mapping[str, Any] | None) -> str:
    """Why Keras cannot load a model by itself, or an empty text.

    Args:
        signature: as `TrialFolder.signature` has it.
    """
    return str((signature or {}).get(_KEY, ""))


def cure_of(signature: Mapping[str, Any] | None) -> str:
    """What makes a model that Keras cannot load by itself one that it can."""
    return str((signature or {}).get(_CURE_KEY, CURE))


def warning(label: str, signature: Mapping[str, Any] | None) -> str:
    """That a model cannot be loaded, what follows, and the cure; an empty text of one that can.

    Args:
        label: whose model it is.
        signature: as `why_unloadable` takes it.
    """
    if not (why := why_unloadable(signature)):
        return ""
    return (
        f"Keras cannot load the model of {label} from its file: {why}. It is trained, tested and "
        "logged all the same, but `mlflow models serve` cannot load it either. Cure: "
        f"{cure_of(signature)}"
    )

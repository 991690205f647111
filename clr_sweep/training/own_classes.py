"""What a saved model is made of that Keras does not have: it is registered by an import first.

Keras finds such a class by the name under which it was registered, and does not import the module
that registers it, though the file names that. Nor does MLflow.
"""

from __future__ import annotations

import json
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

# Keras looks into these itself: `_retrieve_class_or_fn` in keras/src/saving/serialization_lib.py.
_FOUND_BY_KERAS = {"builtins", "keras", "keras_hub", "keras_cv", "keras_nlp"}


def own_classes(file: Path) -> tuple[str, ...]:
    """The classes and functions in a `.keras` file that Keras does not find by itself.

    They are read from its configuration: neither Keras nor a module of the user's is imported.

    Returns:
        `module.Class` of a class, and of a function the name under which it was registered,
        `package>function`: its module is not in the file. Each once. Those that are registered
        nowhere too, see `unregistered`.
    """
    return tuple(dict.fromkeys(name for name, _ in _names(_config(file))))


def unregistered(file: Path) -> tuple[str, ...]:
    """Those of `own_classes` that no import of a module registers: Keras does not load the file."""
    return tuple(dict.fromkeys(name for name, known in _names(_config(file)) if not known))


def unimported(file: Path) -> tuple[str, ...]:
    """Those that an import registers which this process has not done; Keras is imported.

    Of what the model was compiled with too.
    """
    import keras

    find = keras.saving.get_registered_object
    names = _names(whole_config(file))
    return tuple(dict.fromkeys(name for name, known in names if known and find(known) is None))


def _config(file: Path) -> Any:
    config = whole_config(file)
    config.pop("compile_config", None)  # what it was trained with
    return config


def whole_config(file: Path) -> Any:
    """What a `.keras` file says of its model, and of what it was compiled with.

    Raises:
        zipfile.BadZipFile, KeyError: it is no such file.
    """
    with zipfile.ZipFile(file) as archive:
        return json.loads(archive.read("config.json"))


def _names(config: Any) -> Iterator[tuple[str, str]]:
    """Each name, and the one that it was registered by, if any: that has its package before it."""
    match config:
        case {"module": "builtins", "class_name": "function", "config": str(name)}:
            yield name, name if ">" in name else ""
        case {"class_name": "__lambda__"}:  # safe_mode=False alone loads its code
            yield "a Lambda layer", ""
        # What Keras exports has a module too, and is registered under no name.
        case {"module": module, "class_name": name, "registered_name": str(registered)}:
            # One of a script that is run has none.
            if str(module).partition(".")[0] not in _FOUND_BY_KERAS:
                yield f"{module or '__main__'}.{name}", registered if ">" in registered else ""
    if isinstance(config, dict):
        config = list(config.values())
    if isinstance(config, list):
        for part in config:
            yield from _names(part)

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
        `package>function`: its module is not in the file. Each once.
    """
    with zipfile.ZipFile(file) as archive:
        config = json.loads(archive.read("config.json"))
    return tuple(dict.fromkeys(_names(config)))


def _names(config: Any) -> Iterator[str]:
    match config:
        case {"module": "builtins", "class_name": "function", "config": str(name)} if ">" in name:
            yield name
        # What Keras exports has a module too, and is registered under no name.
        case {"module": str(module), "class_name": name, "registered_name": str()}:
            if module.partition(".")[0] not in _FOUND_BY_KERAS:
                yield f"{module}.{name}"
    if isinstance(config, dict):
        config = list(config.values())
    if isinstance(config, list):
        for part in config:
            yield from _names(part)

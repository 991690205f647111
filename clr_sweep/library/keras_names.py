"""Keras' own losses, metrics and optimizers in hand: by the names that a sweep file has for them.

A name is taken only where it stands for the very object: in Keras a metric has the name of a loss
of another sign (`cosine_similarity`), and `accuracy` is whichever accuracy fits, not a class.
"""

from __future__ import annotations

import inspect
from types import ModuleType
from typing import Any, Literal

from clr_sweep.definition.losses import FUNCTION_OF
from clr_sweep.definition.metrics import ALIASES, INCOMPLETE, KERAS
from clr_sweep.definition.optimizers import KERAS_CLASSES

Kind = Literal["loss", "metric", "optimizer"]

_KINDS: dict[str, Kind] = {"loss": "loss", "metrics": "metric", "optimizer": "optimizer"}
_MAKES = {
    "loss": "a class or a function of (y_true, y_pred)",
    "metric": "a class or a function of (y_true, y_pred)",
    "optimizer": "a class or a function of (learning_rate) that returns one",
}
_OPTIMIZERS = {class_name: name for name, class_name in KERAS_CLASSES.items()}


def kind_of(place: str) -> Kind | None:
    """What of Keras' may stand at a place of a sweep, `training.metrics.0`, if anything."""
    section, _, below = place.partition(".")
    key, *within = below.split(".")
    is_argument = "arguments" in within or "weights" in within[:1]
    return None if section != "training" or is_argument else _KINDS.get(key)


def keras_name(kind: Kind, given: Any) -> str | None:
    """The name of a function or a class of Keras', if a sweep has one for this very object."""
    if not str(getattr(given, "__module__", None)).startswith("keras."):
        return None
    # Keras is imported: what was given is of it.
    from keras import losses, metrics, optimizers

    written = getattr(given, "__name__", "")
    if kind == "loss":
        return written if written in FUNCTION_OF and _is(losses, written, given) else None
    if kind == "metric":
        name = written if written in INCOMPLETE else ALIASES.get(written, written)
        is_known = name in INCOMPLETE or (name in KERAS and name != "accuracy")
        return name if is_known and _is(metrics, written, given) else None
    if not _is(optimizers, written, given):
        return None
    # Of the others the definition says why a sweep does not train with them.
    return _OPTIMIZERS.get(written, written.lower())


def _is(module: ModuleType, name: str, given: Any) -> bool:
    return getattr(module, name, None) is given


def made_already(kind: Kind, given: Any) -> str | None:
    """What is wrong with an object in hand that is neither a function nor a class, if it is none.

    Args:
        kind: what it stands for.
    """
    if inspect.isclass(given) or inspect.isroutine(given):
        return None
    made, way = type(given), f"give {_MAKES[kind]}"
    if (name := keras_name(kind, made)) is not None:
        name = FUNCTION_OF.get(name, name) if kind == "loss" else name
        whole = f"{{'name': '{name}', 'arguments': {{...}}}}"
        arguments = "" if kind == "metric" else f" ({whole} where it has arguments)"
        way = f"write its name, '{name}'{arguments}, or {way}"
    return f"{way}, got one that is made already, {made.__name__}: each trial makes its own"

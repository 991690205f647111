"""The backend of Keras that a sweep trains with: TensorFlow, whatever Keras is set to elsewhere."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

VARIABLE = "KERAS_BACKEND"
BACKEND = "tensorflow"


def train_with_tensorflow(say: Callable[[str], None]) -> None:
    """Set the backend for this process and all that it starts, and say so if it was another.

    The schedules work on every backend; the loop that trains a trial, its checkpoints and its
    determinism are TensorFlow's.

    Args:
        say: is handed the one sentence.
    """
    chosen, place = _chosen()
    os.environ[VARIABLE] = BACKEND
    if chosen != BACKEND:
        say(
            f"{place} sets Keras' backend to {chosen!r}: a sweep trains with TensorFlow, so it "
            f"runs with {VARIABLE}={BACKEND}"
        )


def _chosen() -> tuple[str, str]:
    """Returns the backend that Keras would take, and where that is said; as Keras looks for it."""
    if named := os.environ.get(VARIABLE):
        return named, VARIABLE
    file = keras_home() / "keras.json"
    import json  # `--help` does without

    try:
        settings = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):  # Keras reads nothing from it either, or says what is wrong
        return BACKEND, ""
    named = settings.get("backend", BACKEND) if isinstance(settings, dict) else BACKEND
    return str(named), str(file)


def keras_home() -> Path:
    """Where Keras keeps its settings and what it has downloaded, found as Keras finds it."""
    base = os.path.expanduser("~")
    default = Path(base if os.access(base, os.W_OK) else "/tmp") / ".keras"
    return Path(os.environ.get("KERAS_HOME") or default).expanduser()

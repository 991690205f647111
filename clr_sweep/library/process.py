"""A user's process, which goes on when a call is done: what commands set for theirs is put back."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator

# What is set for this process and those that it starts: the backend, TensorFlow's greetings, and
# which store and run MLflow has.
_VARIABLES = (
    "KERAS_BACKEND",
    "TF_CPP_MIN_LOG_LEVEL",
    "MLFLOW_TRACKING_URI",
    "MLFLOW_RUN_ID",
)


@contextlib.contextmanager
def put_back() -> Iterator[None]:
    """What the block sets for the whole process is as before, after it."""
    variables = {name: os.environ.get(name) for name in _VARIABLES}
    optuna = sys.modules.get("optuna")
    verbosity = None if optuna is None else optuna.logging.get_verbosity()
    try:
        yield
    finally:
        for name, value in variables.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
        if (optuna := sys.modules.get("optuna")) is not None:
            # Optuna's own default, where it was not there before.
            optuna.logging.set_verbosity(verbosity or optuna.logging.INFO)

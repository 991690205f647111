"""What functions give to the arguments that a trial's configuration leaves to them.

Kept with the trial: one that was given the same value differs in nothing from it, which no
configuration tells.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import keras

from clr_sweep.common.errors import ClrSweepError
from clr_sweep.definition.dimensions import Scalar, is_number
from clr_sweep.definition.optimizers import CLIPPING, KERAS_CLASSES, NOT_TAKEN, OptimizerConfig
from clr_sweep.definition.own_functions import import_function
from clr_sweep.definition.trial_config import TrialConfig
from clr_sweep.training.models import FACTS, MODELS

# Where Keras has None as default, it does with that what it does with 0.
_OFF = ("weight_decay", *CLIPPING)


def argument_defaults(config: TrialConfig, search_path: Sequence[Path]) -> dict[str, Scalar]:
    """The defaults of model and optimizer, as far as they are values that a sweep may give.

    Of functions of the user's own None is no value: it often stands for one that they find.

    Returns:
        By the names of a search space: `momentum`, `model.units`.
    """
    training, model, optimizer = config.training, config.model, config.training.optimizer
    name = training.function or model.name
    of_model = _defaults(lambda: MODELS.get(name) or import_function(name, search_path)[0])
    of_optimizer = _defaults(lambda: _made_by(optimizer, search_path))
    if training.function is None:  # else the data gives it nothing
        of_model = {key: value for key, value in of_model.items() if key not in FACTS}
    if not optimizer.is_own:
        of_optimizer |= {key: 0.0 for key in _OFF if of_optimizer.get(key, 0.0) is None}
    open_keys = of_optimizer.keys() - NOT_TAKEN.keys() - optimizer.arguments.keys()
    found = {key: value for key, value in of_optimizer.items() if key in open_keys} | {
        f"model.{key}": value for key, value in of_model.items() if key not in model.arguments
    }
    return {
        key: value
        for key, value in found.items()
        if isinstance(value, (bool, str)) or is_number(value)
    }


def _made_by(optimizer: OptimizerConfig, search_path: Sequence[Path]) -> Callable[..., Any]:
    if optimizer.is_own:
        return import_function(optimizer.name, search_path)[0]
    made: Callable[..., Any] = getattr(keras.optimizers, KERAS_CLASSES[optimizer.name])
    return made


def _defaults(function: Callable[[], Callable[..., Any]]) -> dict[str, Any]:
    """By argument; none where they cannot be asked for: whoever calls it says what is wrong."""
    try:
        parameters = inspect.signature(function()).parameters
    except (ClrSweepError, TypeError, ValueError):
        return {}
    return {key: one.default for key, one in parameters.items() if one.default is not one.empty}

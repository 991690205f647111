"""What a model is compiled with as its optimizer: one of Keras', or of the user's own."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np

from clr_sweep.common.errors import InputError
from clr_sweep.definition.arguments import PATTERN
from clr_sweep.definition.optimizers import KERAS_CLASSES, NOT_TAKEN, OPTIMIZERS, momentum_argument
from clr_sweep.definition.own_functions import called, import_function
from clr_sweep.definition.training_config import TrainingConfig


def compiled_optimizer(
    training: TrainingConfig, rate: Any, search_path: Sequence[Path]
) -> keras.optimizers.Optimizer:
    """The optimizer of a training.

    Args:
        rate: a number or a Keras schedule.

    Raises:
        InputError: there is no such optimizer, or it is one of the user's own that does not train
            at the rate that it is given.
        TrialFailedError: the user's module, or making the optimizer, raised an exception.
    """
    settings = training.optimizer
    if settings.is_own:
        return _own(settings.name, {**settings.arguments, "learning_rate": rate}, search_path)
    known = OPTIMIZERS[settings.name]
    arguments = {
        # Keras looks for each of several expressions.
        key: [value] if known[key] is PATTERN else value
        for key, value in settings.arguments.items()
    }
    cycled, momentum = training.cycle_momentum, momentum_argument(settings.name)
    if cycled is not None and momentum is not None:
        arguments[momentum] = float(cycled.high)
    made = getattr(keras.optimizers, KERAS_CLASSES[settings.name])
    return made(learning_rate=rate, **arguments)


def _own(
    name: str, arguments: dict[str, Any], search_path: Sequence[Path]
) -> keras.optimizers.Optimizer:
    try:
        found, _ = import_function(name, search_path)
    except InputError as error:
        raise InputError(f"training.optimizer: {error}") from error
    made = called(f"making the optimizer {name}", lambda: found(**arguments))
    if not isinstance(made, keras.optimizers.Optimizer):
        raise InputError(
            f"training.optimizer: {name} must be a class that derives from "
            f"keras.optimizers.Optimizer, or a function that returns such an optimizer, got a "
            f"{type(made).__name__}"
        )
    if problems := [f"training.optimizer: {name} {text}" for text in _problems(made, arguments)]:
        raise InputError(problems)
    return made


def _problems(made: keras.optimizers.Optimizer, arguments: dict[str, Any]) -> list[str]:
    rate = arguments["learning_rate"]
    first = float(np.float32(rate(0) if callable(rate) else rate))
    used = float(made.learning_rate)
    found = [
        f"sets {key} to {getattr(made, key)}, which {NOT_TAKEN[key]}"
        for key in ("gradient_accumulation_steps", "ema_overwrite_frequency", "loss_scale_factor")
        if getattr(made, key, None) is not None
    ]
    if used != first:
        found.append(
            f"must train at the learning_rate that it is given, which is {first:g} at the first "
            f"step, got {used:g}"
        )
    return found

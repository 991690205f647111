"""The Keras optimizers a sweep may name, and their arguments, known without importing Keras.

`tests/test_optimizers.py` holds this table against the signatures of the installed Keras.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from clr_sweep.wording import unknown

# Arguments that every Keras optimizer takes. The learning rate is not among them: the schedule
# gives it.
_COMMON: dict[str, type] = {
    "weight_decay": float,
    "clipnorm": float,
    "clipvalue": float,
    "global_clipnorm": float,
    "use_ema": bool,
    "ema_momentum": float,
}
_ADAM: dict[str, type] = {"beta_1": float, "beta_2": float, "epsilon": float}

OPTIMIZERS: dict[str, dict[str, type]] = {
    "sgd": {"momentum": float, "nesterov": bool} | _COMMON,
    "rmsprop": {"rho": float, "momentum": float, "epsilon": float, "centered": bool} | _COMMON,
    "adam": _ADAM | {"amsgrad": bool} | _COMMON,
    "adamw": _ADAM | {"amsgrad": bool} | _COMMON,
    "nadam": _ADAM | _COMMON,
    "adamax": _ADAM | _COMMON,
    "adagrad": {"initial_accumulator_value": float, "epsilon": float} | _COMMON,
    "adadelta": {"rho": float, "epsilon": float} | _COMMON,
    "lion": {"beta_1": float, "beta_2": float} | _COMMON,
}
KERAS_CLASSES = {
    "sgd": "SGD",
    "rmsprop": "RMSprop",
    "adam": "Adam",
    "adamw": "AdamW",
    "nadam": "Nadam",
    "adamax": "Adamax",
    "adagrad": "Adagrad",
    "adadelta": "Adadelta",
    "lion": "Lion",
}


def argument_problem(optimizers: Sequence[str], key: str, values: Sequence[Any]) -> str | None:
    """What is wrong with giving `values` to the argument `key` of these optimizers, if anything."""
    for name in optimizers:
        arguments = OPTIMIZERS.get(name, {})
        if key == "learning_rate":
            return "learning_rate is given by the schedule: set init_lr and max_lr instead"
        if key not in arguments:
            return unknown(f"argument of the optimizer {name}", key, arguments)
        for value in values:
            is_bool = isinstance(value, bool)
            if arguments[key] is bool and not is_bool:
                return f"{key} must be true or false, got {value!r}"
            if arguments[key] is float and (is_bool or not isinstance(value, (int, float))):
                return f"{key} must be a number, got {value!r}"
            if arguments[key] is float and value < 0:
                return f"{key} must be at least 0, got {value!r}"
    return None

"""A small model and data as a user has them in hand, and all of the state that it has."""

from __future__ import annotations

import random
from typing import Any

import keras
import numpy as np

RAMP = {"low": 1e-3, "high": 30.0, "epochs": 24}
"""Of a range test that this model shows bounds in."""


def data(examples: int = 480) -> tuple[Any, Any]:
    """Examples of shape (examples, 4), and to which of two classes they belong."""
    x = np.random.default_rng(3).normal(size=(examples, 4)).astype("float32")
    return x, (x.sum(axis=1) > 0).astype("uint8")


def model(optimizer: Any = "sgd") -> keras.Model:
    """Compiled; with statistics, and random numbers of a layer's own."""
    keras.utils.set_random_seed(4)
    made = keras.Sequential(
        [
            keras.Input((4,)),
            keras.layers.Dense(16, "relu"),
            keras.layers.BatchNormalization(),
            keras.layers.Dropout(0.1),
            keras.layers.Dense(2, "softmax"),
        ]
    )
    made.compile(optimizer, "sparse_categorical_crossentropy", metrics=["accuracy"])
    return made


def state(made: keras.Model) -> dict[str, Any]:
    """All values to the bit, the rate's schedule, and the generators of random numbers."""
    variables = [*made.variables, *made.metrics_variables, *made.optimizer.variables]
    values = {
        f"{variable.path} {id(variable)}": keras.ops.convert_to_numpy(variable).tobytes()
        for variable in variables
    }
    optimizer = getattr(made.optimizer, "inner_optimizer", made.optimizer)
    return values | {
        "rate": id(optimizer._learning_rate),
        "functions": (id(made.train_function), id(made.test_function), made.steps_per_execution),
        "python": random.getstate(),
        "numpy": np.random.get_state()[1].tobytes(),
    }

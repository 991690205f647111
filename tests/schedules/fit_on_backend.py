"""Run by test_backends.py as a process of its own: each schedule in `fit`, saved and loaded.

The first argument is "train" or "load", the second the folder of the models; Keras' backend is
taken from the environment. Prints one line of JSON: of each schedule the rate of every step.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import keras
import numpy as np
from keras_schedules import schedules

from clr_sweep import ExponentialCyclicalLearningRate, TriangularCyclicalLearningRate

X = np.linspace(-1, 1, 24, dtype="float32").reshape(12, 2)
Y = X.sum(axis=1, keepdims=True)
STEPS = 12  # six in each of the two processes
FAR = 2**24 + 4


def fit(model: Any) -> list[float]:
    """Trains six steps and returns the rate of each, as the optimizer had it."""
    rates: list[float] = []
    callback = keras.callbacks.LambdaCallback(
        on_train_batch_begin=lambda batch, logs: rates.append(float(model.optimizer.learning_rate))
    )
    # One step a call where the backend would hand its variables back at the epoch's end only.
    for start in range(0, 12, 2):
        batch = slice(start, start + 2)
        model.fit(X[batch], Y[batch], batch_size=2, shuffle=False, verbose=0, callbacks=[callback])
    return rates


def numbers(rate: Any) -> Any:
    return np.asarray(keras.ops.convert_to_numpy(rate))


def kinds_of_steps() -> dict[str, list[float]]:
    """The rates of steps 0 to 7, for each kind of step."""
    schedule = ExponentialCyclicalLearningRate(0.25, 1.25, 4, gamma=0.5)
    steps = np.arange(8)
    asked = {
        "Python": [schedule(int(step)) for step in steps],
        "NumPy": schedule(steps),
        "whole": schedule(keras.ops.convert_to_tensor(steps, dtype="int32")),
        "float": schedule(keras.ops.convert_to_tensor(steps, dtype="float32")),
        "variable": schedule(keras.Variable(steps, dtype="int32", trainable=False)),
    }
    if keras.backend.backend() == "jax":
        import jax

        asked["jit"] = jax.jit(schedule)(jax.numpy.arange(8))
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        tf.experimental.numpy.experimental_enable_numpy_behavior()
        asked["graph"] = tf.function(schedule)(tf.range(8))
    return {kind: np.ravel([numbers(r) for r in rates]).tolist() for kind, rates in asked.items()}


def main(act: str, folder: Path) -> None:
    """Trains and saves, or loads and trains on."""
    rates: dict[str, list[float]] = {}
    for schedule in schedules():
        file = folder / f"{schedule.name}.keras"
        if act == "train":
            model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
            model.compile(keras.optimizers.SGD(schedule, momentum=0.9), loss="mse")
        else:
            model = keras.models.load_model(file, safe_mode=True)
        rates[schedule.name] = fit(model)
        if act == "train":
            model.save(file)
    far = TriangularCyclicalLearningRate(0.0, 1.0, 4)
    report = {
        "backend": keras.backend.backend(),
        "rates": rates,
        "planned": {s.name: numbers(s(np.arange(STEPS))).tolist() for s in schedules()},
        "kinds": kinds_of_steps(),
        "far": [float(far(FAR + step)) for step in range(8)],
    }
    print(json.dumps(report))


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))

"""A small model whose training can be held, so that a test can act in the middle of it.

Copied beside a sweep file that names `held_model:build`. The trainings count themselves in the
file `reached` when they are in their second epoch; number N waits there while `hold-N` exists,
and raises an exception there if `raise-N` does.
"""

import os
import time
from pathlib import Path

import keras
import tensorflow as tf

FOLDER = Path(__file__).parent
# Of 25 steps an epoch; a look at the model before the sweep takes fewer.
HELD_AT = 30
LONGEST_SECONDS = 900.0


def _gate(iterations: tf.Tensor) -> None:
    if int(iterations) != HELD_AT:
        return
    handle = os.open(FOLDER / "reached", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.write(handle, b".")
    number = os.lseek(handle, 0, os.SEEK_CUR)
    os.close(handle)
    # Where the test itself was killed, nobody lets it go.
    deadline = time.monotonic() + LONGEST_SECONDS
    while (FOLDER / f"hold-{number}").exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    if (FOLDER / f"raise-{number}").exists():
        raise ValueError(f"training {number} is to fail")


@keras.saving.register_keras_serializable("held_model")
class Held(keras.Model):
    """Waits at one step while it is told to."""

    def train_step(self, data: object) -> object:
        tf.py_function(_gate, [self.optimizer.iterations], [])
        return super().train_step(data)


def build(input_shape: tuple[int, ...], classes: int) -> keras.Model:
    """A linear classifier: quick, and it learns something in two epochs."""
    inputs = keras.Input(input_shape)
    hidden = keras.layers.Flatten()(keras.layers.Rescaling(1 / 255)(inputs))
    return Held(inputs, keras.layers.Dense(classes, activation="softmax")(hidden))

"""Models that keep more than weights while they train, named as `stateful_models:function`."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import tensorflow as tf
from keras import layers


def _on(cls: Any, *hidden: Any, dtype: str = "float32", **arguments: Any) -> keras.Model:
    inputs = keras.Input((28, 28))
    found = layers.Flatten()(layers.Rescaling(1 / 255)(inputs))
    for layer in (layers.Dense(16, activation="relu", dtype=dtype), *hidden):
        found = layer(found)
    return cls(inputs, layers.Dense(10, activation="softmax", dtype=dtype)(found), **arguments)


@keras.saving.register_keras_serializable("stateful_models")
class Noisy(keras.Model):
    """Noise from Keras' global seed generator, which no model owns."""

    def train_step(self, data: Any) -> Any:
        x, y = data
        return super().train_step((x + 20 * keras.random.normal(tf.shape(x)), y))


@keras.saving.register_keras_serializable("stateful_models")
class Counting(keras.Model):
    """A plain variable that Keras knows nothing of: it counts the steps and scales the images."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self.hidden_away = [lambda: None, tf.Variable(0, dtype=tf.int64, trainable=False)]

    def train_step(self, data: Any) -> Any:
        x, y = data
        count = self.hidden_away[1].assign_add(1)
        return super().train_step((x / (1 + 0.1 * tf.cast(count, tf.float32)), y))


@keras.saving.register_keras_serializable("stateful_models")
class CountingTests(keras.Model):
    """It counts its evaluation's batches: the graph of training does not touch that variable."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self.hidden_away = [lambda: None, tf.Variable(0.0, trainable=False)]

    def test_step(self, data: Any) -> Any:
        x, y = data
        count = self.hidden_away[1].assign_add(1.0)
        return super().test_step((x / (1 + 0.1 * count), y))


@keras.saving.register_keras_serializable("stateful_models")
class TensorFlowNoise(layers.Layer):
    """Noise from an operation that keeps its generator to itself."""

    def call(self, inputs: Any, training: bool = False) -> Any:
        return inputs + tf.random.normal(tf.shape(inputs)) if training else inputs


@keras.saving.register_keras_serializable("stateful_models")
class InPython(layers.Layer):
    """Noise from NumPy's generator."""

    def call(self, inputs: Any, training: bool = False) -> Any:
        if not training:
            return inputs
        drawn = tf.numpy_function(lambda: np.float32(np.random.random()), [], tf.float32)
        return inputs + tf.ensure_shape(drawn, [])


@keras.saving.register_keras_serializable("stateful_models")
class Hungry(keras.Model):
    """A training step that no machine has memory for."""

    def train_step(self, data: Any) -> Any:
        x, y = data
        size = 1_000_000 * tf.shape(x)[0]
        return super().train_step(
            (x + tf.reduce_max(tf.random.stateless_normal([size, size], [1, 2])), y)
        )


def noisy() -> keras.Model:
    """See Noisy."""
    return _on(Noisy)


def counting() -> keras.Model:
    """See Counting."""
    return _on(Counting)


def counting_tests() -> keras.Model:
    """See CountingTests."""
    return _on(CountingTests)


def tensorflow_noise() -> keras.Model:
    """See TensorFlowNoise."""
    return _on(keras.Model, TensorFlowNoise())


def in_python() -> keras.Model:
    """See InPython."""
    return _on(keras.Model, InPython())


def half_precision() -> keras.Model:
    """Weights of a type that NumPy has no name for."""
    return _on(keras.Model, layers.Dropout(0.2), dtype="bfloat16")


def hungry() -> keras.Model:
    """See Hungry."""
    return _on(Hungry)


def hungry_at_once() -> keras.Model:
    """There is no memory to build it."""
    return _on(keras.Model, layers.Dense(np.zeros(2**60, "int8").size))

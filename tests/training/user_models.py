"""Models as a user may write them, named in tests as `user_models:function`."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import tensorflow as tf
from keras import layers


def _images(input_shape: tuple[int, ...]) -> tuple[Any, Any]:
    inputs = keras.Input(input_shape)
    return inputs, layers.Flatten()(layers.Rescaling(1 / 255)(inputs))


def perceptron(input_shape: tuple[int, ...] = (28, 28), classes: int = 10) -> keras.Model:
    """One hidden layer, without anything random in training."""
    inputs, hidden = _images(input_shape)
    hidden = layers.Dense(16, activation="relu")(hidden)
    return keras.Model(inputs, layers.Dense(classes, activation="softmax")(hidden))


def frozen(input_shape: tuple[int, ...] = (28, 28), classes: int = 10) -> keras.Model:
    """Nothing in it learns."""
    model = perceptron(input_shape, classes)
    model.trainable = False
    return model


def linear(input_shape: tuple[int, ...] = (28, 28), classes: int = 10) -> keras.Model:
    """Least squares: with a rate too high, it runs away by powers."""
    inputs, hidden = _images(input_shape)
    return keras.Model(inputs, layers.Dense(classes)(hidden))


def regularised(input_shape: tuple[int, ...] = (28, 28), classes: int = 10) -> keras.Model:
    """Batch normalisation, dropout and a weight penalty: all that training treats apart."""
    inputs, hidden = _images(input_shape)
    hidden = layers.Dense(16, kernel_regularizer="l2")(hidden)
    hidden = layers.Dropout(0.3)(layers.ReLU()(layers.BatchNormalization()(hidden)))
    return keras.Model(inputs, layers.Dense(classes, activation="softmax")(hidden))


@keras.saving.register_keras_serializable("user_models")
class OwnStep(keras.Model):
    """A train_step of its own, as Keras' guide writes it: it calls compute_loss."""

    def train_step(self, data: Any) -> Any:
        x, y = data
        with tf.GradientTape() as tape:
            predicted = self(x, training=True)
            loss = self.compute_loss(x=x, y=y, y_pred=predicted)
        weights = self.trainable_variables
        gradients = [2.0 * g for g in tape.gradient(loss, weights)]
        self.optimizer.apply_gradients(zip(gradients, weights, strict=True))
        for metric in self.metrics:
            if metric.name == "loss":
                metric.update_state(loss)
            else:
                metric.update_state(y, predicted)
        return {metric.name: metric.result() for metric in self.metrics}


@keras.saving.register_keras_serializable("user_models")
class OwnLoss(keras.Model):
    """Steps with loss and metrics of their own, as in Keras' guide: compute_loss is unused."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self.mean_loss = keras.metrics.Mean(name="loss")
        self.hits = keras.metrics.SparseCategoricalAccuracy(name="accuracy")

    @property
    def metrics(self) -> list[Any]:
        return [self.mean_loss, self.hits]

    def train_step(self, data: Any) -> Any:
        x, y = data
        with tf.GradientTape() as tape:
            loss, results = self._measured(x, y, training=True)
        weights = self.trainable_variables
        self.optimizer.apply_gradients(zip(tape.gradient(loss, weights), weights, strict=True))
        return results

    def test_step(self, data: Any) -> Any:
        return self._measured(*data, training=False)[1]

    def _measured(self, x: Any, y: Any, training: bool) -> tuple[Any, dict[str, Any]]:
        predicted = self(x, training=training)
        loss = tf.reduce_mean(keras.losses.sparse_categorical_crossentropy(y, predicted))
        self.mean_loss.update_state(loss)
        self.hits.update_state(y, predicted)
        return loss, {metric.name: metric.result() for metric in self.metrics}


@keras.saving.register_keras_serializable("user_models")
class OwnMetrics(keras.Model):
    """It measures its loss alone."""

    @property
    def metrics(self) -> list[Any]:
        return [metric for metric in super().metrics if metric.name == "loss"]


@keras.saving.register_keras_serializable("user_models")
class BuiltLate(keras.Model):
    """A subclassed model: it has no weights before it has seen data."""

    def __init__(self, **arguments: Any) -> None:
        super().__init__(**arguments)
        self.scale = layers.Rescaling(1 / 255)
        self.flat = layers.Flatten()
        self.drop = layers.Dropout(0.2)
        self.out = layers.Dense(10, activation="softmax")

    def call(self, inputs: Any, training: bool = False) -> Any:
        return self.out(self.drop(self.flat(self.scale(inputs)), training=training))


class Masked(layers.Layer):
    """Its weight is no number after a step, which no output shows."""

    def build(self, input_shape: Any) -> None:  # noqa: ARG002
        self.weight = self.add_weight(
            shape=(), initializer="ones", name="weight", constraint=lambda one: one * np.nan
        )

    def call(self, inputs: Any) -> Any:
        return inputs + keras.ops.where(keras.ops.isnan(self.weight), 0.0, self.weight)


def masked() -> keras.Model:
    """A model whose loss stays finite, as where fused kernels take relu(NaN) for 0."""
    return keras.Sequential(
        [
            keras.Input((28, 28)), layers.Flatten(), layers.Rescaling(1 / 255), Masked(),
            layers.Dense(10, activation="softmax"),
        ]
    )  # fmt: skip


def _as(cls: type[keras.Model]) -> keras.Model:
    plain = perceptron()
    return cls(plain.inputs, plain.outputs)


def own_step() -> keras.Model:
    """See OwnStep."""
    return _as(OwnStep)


def own_loss() -> keras.Model:
    """See OwnLoss."""
    return _as(OwnLoss)


def own_metrics() -> keras.Model:
    """See OwnMetrics."""
    return _as(OwnMetrics)


def built_late() -> keras.Model:
    """See BuiltLate."""
    return BuiltLate()

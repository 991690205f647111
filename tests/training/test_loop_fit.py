"""The training loop against `fit`, to the bit: what is learned, and the metrics of each epoch."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
import user_models
from compiled_models import (
    BATCH,
    HELD_OUT,
    STEPS,
    TRAIN,
    Build,
    assert_same_bits,
    compiled,
    loop_of,
    state,
)  # fmt: skip

from clr_sweep.training.data.materialized import Dataset
from clr_sweep.training.data.splits import epoch_order
from clr_sweep.training.loop import TrainingLoop
from clr_sweep.training.models import tutorial_cnn

pytestmark = pytest.mark.usefixtures("deterministic_ops")


def trained_by_loop(
    build: Build, x: Any, y: Any, epochs: int = 2, loss: Any = "sparse_categorical_crossentropy"
) -> tuple[Any, list[dict[str, float]]]:
    """The model and the metrics of each epoch, by the loop."""
    model = compiled(build, loss=loss)
    loop = TrainingLoop(model, x, y, BATCH)
    found = []
    for epoch in range(1, epochs + 1):
        loop.train(epoch_order(TRAIN, 5, epoch), 0, STEPS)
        metrics = loop.take_metrics()
        checked = loop.evaluate(HELD_OUT)
        found.append(metrics | {f"val_{name}": value for name, value in checked.items()})
    return model, found


def trained_by_fit(
    build: Build, x: Any, y: Any, epochs: int = 2, loss: Any = "sparse_categorical_crossentropy"
) -> tuple[Any, list[dict[str, float]]]:
    """The same by `fit`, on arrays in the order of the epoch."""
    model = compiled(build, loss=loss)
    found = []
    for epoch in range(1, epochs + 1):
        order = epoch_order(TRAIN, 5, epoch)
        history = model.fit(
            x[order],
            y[order],
            batch_size=BATCH,
            shuffle=False,
            verbose=0,
            validation_data=(x[HELD_OUT], y[HELD_OUT]),
            validation_batch_size=len(HELD_OUT),
        ).history
        found.append({name: values[0] for name, values in history.items()})
    return model, found


def assert_equals_fit(build: Build, x: Any, y: Any, *arguments: Any) -> list[dict[str, float]]:
    """Weights, statistics, seed generators, optimizer slots and every metric of each epoch."""
    mine, metrics = trained_by_loop(build, x, y, *arguments)
    theirs, expected = trained_by_fit(build, x, y, *arguments)
    assert metrics == expected
    assert_same_bits(state(mine), state(theirs))
    return metrics


@pytest.mark.parametrize(
    "build",
    [
        lambda: tutorial_cnn((28, 28)),
        user_models.own_step,
        user_models.built_late,
    ],
    ids=["tutorial_cnn", "own train_step", "subclassed"],
)
def test_equals_fit_to_the_bit(build: Build, images: Dataset) -> None:
    """All that is learned, and every metric."""
    metrics = assert_equals_fit(build, images.x_train, images.y_train)
    assert set(metrics[0]) == {"loss", "accuracy", "val_loss", "val_accuracy"}


@pytest.mark.heavy
@pytest.mark.usefixtures("as_written")
def test_batch_norm_and_dropout_equal_fit_to_the_bit(images: Dataset) -> None:
    """Statistics, masks and the weight penalty are those of `fit`.

    Where graphs are optimized, sums may be rewritten in another order inside a loop, and some
    gradients of a batch normalisation differ in the last bit.
    """
    assert_equals_fit(user_models.regularised, images.x_train, images.y_train)


@pytest.mark.heavy
def test_a_train_step_without_compute_loss_equals_fit(images: Dataset) -> None:
    """Weights and metrics are those of `fit`; the loss recorded is the one that it reports."""
    assert_equals_fit(user_models.own_loss, images.x_train, images.y_train)

    order = epoch_order(TRAIN, 5, 1)
    of_batches = loop_of(compiled(user_models.perceptron), images).train(order, 0, STEPS)[1]
    # It reports, as Keras' guide does, the mean since the epoch's start, here over the batches.
    means = np.cumsum(of_batches) / np.arange(1, STEPS + 1)
    reported = loop_of(compiled(user_models.own_loss), images).train(order, 0, STEPS)[1]
    np.testing.assert_allclose(reported, means, rtol=1e-6)


@pytest.mark.heavy
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_float_data_equals_fit(images: Dataset, dtype: str) -> None:
    """Data that is scaled already, in any float type."""
    x = (images.x_train / 255).astype(dtype)
    assert_equals_fit(user_models.perceptron, x, images.y_train, 1)


def test_one_hot_labels_equal_fit(images: Dataset) -> None:
    """Labels of more than one number each, in float64."""
    labels, loss = np.eye(10)[images.y_train], "categorical_crossentropy"
    assert_equals_fit(user_models.perceptron, images.x_train, labels, 1, loss)


def test_a_model_of_integers_gets_integers(images: Dataset) -> None:
    """An Embedding's input keeps its type: as floats, numbers above 2**24 would run together."""
    seen: list[Any] = []

    class Watched(keras.Model):
        def train_step(self, data: Any) -> Any:
            seen.append(data[0].dtype)
            return super().train_step(data)

    def build() -> keras.Model:
        inputs = keras.Input((28,), dtype="int64")
        hidden = keras.layers.GlobalAveragePooling1D()(keras.layers.Embedding(256, 4)(inputs))
        return Watched(inputs, keras.layers.Dense(10, activation="softmax")(hidden))

    tokens = images.x_train[:, 14, :].astype("int64")
    trained_by_loop(build, tokens, images.y_train, epochs=1)
    assert seen == [tf.int64]
    assert_equals_fit(build, tokens, images.y_train, 1)

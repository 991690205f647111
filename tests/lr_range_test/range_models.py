"""Models for range tests: a quadratic whose stability edge is known, and one with much state."""

from __future__ import annotations

import keras
import numpy as np

from clr_sweep.training.data.materialized import Dataset, in_memory

ROWS, HELD_OUT, QUADRATIC_BATCH = 1280, 80, 8


def line(input_shape: tuple[int, ...]) -> keras.Model:
    """One weight, 1 at first: with the mean squared error a quadratic in that weight."""
    inputs = keras.Input(input_shape)
    weight = keras.layers.Dense(1, use_bias=False, kernel_initializer="ones")
    return keras.Model(inputs, weight(inputs))


def quadratic_data(curvature: float) -> Dataset:
    """Data on which `line` has this curvature in every batch: each input is sqrt(curvature / 2)."""
    x = np.full((ROWS, 1), np.sqrt(curvature / 2), dtype="float32")
    y = 0.3 * x * np.random.default_rng(1).standard_normal((ROWS, 1)).astype("float32")
    return in_memory(
        "quadratic", {"x_train": x, "y_train": y, "x_test": x[:9], "y_test": y[:9]}, "here"
    )


def stateful(input_shape: tuple[int, ...], classes: int) -> keras.Model:
    """Batch normalisation and dropout: means and a seed generator that training changes."""
    inputs = keras.Input(input_shape)
    hidden = keras.layers.Flatten()(keras.layers.Rescaling(1 / 255)(inputs))
    hidden = keras.layers.BatchNormalization()(keras.layers.Dense(16, activation="relu")(hidden))
    hidden = keras.layers.Dropout(0.3)(hidden)
    return keras.Model(inputs, keras.layers.Dense(classes, activation="softmax")(hidden))

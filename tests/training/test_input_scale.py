"""Examples that arrive in a model as no rate suits them, and what in a model changes that."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest

from clr_sweep.training.data.materialized import Dataset
from clr_sweep.training.input_scale import unscaled


def held(x: Any) -> Dataset:
    labels = np.zeros(4, "float32")
    return Dataset("mine", x, labels, x, labels, digest="d" * 64, source="mine.npz")


def columns(*sizes: float) -> np.ndarray:
    """Four rows; each column goes from minus its size to half of it."""
    return np.array([-1.0, 0.5, 0.25, 0.0], "float32")[:, None] * np.array(sizes, "float32")


def model(*front: keras.Layer, shape: tuple[int, ...] = (3,)) -> keras.Model:
    return keras.Sequential(
        [keras.Input(shape), *front, keras.layers.Flatten(), keras.layers.Dense(1)]
    )


@pytest.mark.parametrize(
    ("x", "seen"),
    [
        (columns(1, 20, 90), ""),
        (columns(0, 0, 0), ""),
        (columns(1, 0, 5), ""),  # a column of zeros has no size
        (columns(1, 20, 5206), "the columns differ in size, the largest values from 1 to 5,206"),
        (columns(0.01, 0.2, 1), "the columns differ in size, the largest values from 0.01 to 1"),
        (columns(300, 400, 500), "the examples are large, with values of up to 500"),
    ],
)
def test_columns(x: np.ndarray, seen: str) -> None:
    """Large ones, and those that differ by two orders of magnitude."""
    found = unscaled(model(), held(x))
    assert found == (seen and f"{seen}, and no layer of the model scales them")


def test_images_count_as_one() -> None:
    """Dark corners are no columns of a smaller size; pixels from 0 to 255 are large."""
    x = np.zeros((4, 2, 2), "uint8")
    x[:, 0, 0], x[:, 1, 1] = 1, 255
    network = model(shape=(2, 2))
    assert unscaled(network, held(x)).startswith("the examples are large, with values of up to 255")
    assert unscaled(network, held((x / 255).astype("float32"))) == ""


@pytest.mark.parametrize(
    "front",
    [
        keras.layers.BatchNormalization,
        lambda: keras.layers.Rescaling(0.001),
        # However deep: within a model, too.
        lambda: keras.Sequential([keras.Input((3,)), keras.layers.LayerNormalization()]),
        lambda: keras.layers.Embedding(9000, 2),
    ],
    ids=["batch-normalization", "rescaling", "within-a-model", "embedding"],
)
def test_a_model_that_scales_what_it_gets(front: Any) -> None:
    """There is nothing to warn of."""
    assert unscaled(model(front()), held(columns(1, 20, 5206))) == ""


def test_arithmetic_between_inputs_and_outputs() -> None:
    """A division is an operation of the model, and no layer."""
    inputs = keras.Input((3,))
    network = keras.Model(inputs, keras.layers.Dense(1)(inputs / 5000.0))
    assert unscaled(network, held(columns(300, 400, 500))) == ""
    within = model(keras.Model(inputs, inputs / 5000.0))
    assert unscaled(within, held(columns(300, 400, 500))) == ""


def test_several_arrays() -> None:
    """Columns of one beside those of another; a single number an example is a column."""
    inputs = {"a": keras.Input((2,), name="a"), "b": keras.Input((), name="b")}
    joined = keras.layers.Concatenate()([inputs["a"], keras.layers.Reshape((1,))(inputs["b"])])
    network = keras.Model(inputs, keras.layers.Dense(1)(joined))
    x = {"a": columns(1, 2), "b": np.array([0, 50, 900, 1], "float32")}
    assert "from 1 to 900" in unscaled(network, held(x))

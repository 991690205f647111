"""Examples that arrive in a model as no rate suits them, and what in a model changes that."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest

from clr_sweep.training.input_scale import unscaled

UNEVEN = "the columns differ in size, the largest values from "
LARGE = "the examples are large, with values of up to "
COLUMNS = "subtract from each column its mean"


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
        (columns(1, 20, 5206), f"{UNEVEN}1 to 5,206, and no layer scales them before the first"),
        (columns(0.01, 0.2, 1), f"{UNEVEN}0.01 to 1, and no layer"),
        (columns(300, 400, 500), f"{LARGE}500, and no layer of the model scales them"),
    ],
)
def test_columns(x: np.ndarray, seen: str) -> None:
    """Large ones, and those that differ by two orders of magnitude; with the cure."""
    found = unscaled(model(), x)
    assert found.startswith(seen)
    assert bool(found) == bool(seen) == (COLUMNS in found)


def test_images_count_as_one() -> None:
    """Dark corners are no columns of a smaller size; pixels from 0 to 255 are large."""
    x = np.zeros((4, 2, 2), "uint8")
    x[:, 0, 0], x[:, 1, 1] = 1, 255
    network = model(shape=(2, 2))
    found = unscaled(network, x)
    assert found.startswith(f"{LARGE}255")
    assert found.endswith(
        "scale them, as keras.layers.Rescaling(1 / 255) in front does with pixels"
    )
    assert unscaled(network, (x / 255).astype("float32")) == ""


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
    assert unscaled(model(front()), columns(1, 20, 5206)) == ""


def within(*layers: keras.Layer) -> keras.Model:
    return keras.Sequential([keras.Input((3,)), *layers])


@pytest.mark.parametrize(
    "front",
    [
        lambda: [keras.layers.Dense(4), keras.layers.BatchNormalization()],
        lambda: [within(keras.layers.Dense(4)), keras.layers.BatchNormalization()],
        lambda: [within(keras.layers.Dense(4), keras.layers.LayerNormalization())],
    ],
    ids=["one-after-the-other", "the-first-within-a-model", "both-within-a-model"],
)
def test_the_first_layer_that_mixes_columns_decides(front: Any) -> None:
    """Behind it small columns are lost already; what is large alone may be scaled there too."""
    network = model(keras.layers.Dropout(0.1), *front())
    assert unscaled(network, columns(1, 20, 5206)).startswith(UNEVEN)
    assert unscaled(network, columns(300, 400, 500)) == ""


def test_each_input_is_followed() -> None:
    """One of two that stands behind a layer which scales does not speak for the other."""
    inputs = {"a": keras.Input((3,), name="a"), "b": keras.Input((3,), name="b")}
    scaled = keras.layers.BatchNormalization()(inputs["a"])
    joined = keras.layers.Concatenate()([scaled, inputs["b"]])
    network = keras.Model(inputs, keras.layers.Dense(1)(joined))
    small, uneven = columns(1, 1, 1), columns(1, 20, 5206)
    assert unscaled(network, {"a": uneven, "b": small}) == ""
    assert unscaled(network, {"a": small, "b": uneven}).startswith(UNEVEN)


class Own(keras.Model):
    """One whose order nobody sees from without."""

    def __init__(self, *layers: keras.Layer) -> None:
        super().__init__()
        self.run = list(layers)

    def call(self, x: Any) -> Any:
        for layer in self.run:
            x = layer(x)
        return x


def test_a_model_whose_order_is_not_known() -> None:
    """It scales if anything in it does."""
    uneven = columns(1, 20, 5206)
    assert unscaled(Own(keras.layers.Dense(1)), uneven).startswith(UNEVEN)
    assert unscaled(Own(keras.layers.BatchNormalization(), keras.layers.Dense(1)), uneven) == ""


def test_arithmetic_between_inputs_and_outputs() -> None:
    """A division is an operation of the model, and no layer."""
    inputs = keras.Input((3,))
    network = keras.Model(inputs, keras.layers.Dense(1)(inputs / 5000.0))
    assert unscaled(network, columns(300, 400, 500)) == ""
    nested = model(keras.Model(inputs, inputs / 5000.0))
    assert unscaled(nested, columns(300, 400, 500)) == ""


def test_several_arrays() -> None:
    """Columns of one beside those of another; a single number an example is a column."""
    inputs = {"a": keras.Input((2,), name="a"), "b": keras.Input((), name="b")}
    joined = keras.layers.Concatenate()([inputs["a"], keras.layers.Reshape((1,))(inputs["b"])])
    network = keras.Model(inputs, keras.layers.Dense(1)(joined))
    x = {"a": columns(1, 2), "b": np.array([0, 50, 900, 1], "float32")}
    assert "from 1 to 900" in unscaled(network, x)

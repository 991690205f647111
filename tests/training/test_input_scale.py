"""Examples that arrive in a model as no rate suits them, and what in a model changes that."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest

from clr_sweep.training.input_scale import input_scale

UNEVEN = "the columns differ in size, the largest values from "
LARGE = "the examples are large, with values of up to "
COLUMNS = "subtract from each column its mean"
MOVING = "and batch normalisation alone scales them: it predicts with moving means and variances"


def unscaled(network: keras.Model, x: Any) -> str:
    """What is told of the scale; nothing of it is the settling of averages."""
    found = input_scale(network, x)
    assert not found.settles
    return found.problem


def columns(*sizes: float) -> np.ndarray:
    """Four rows; each column goes from minus its size to half of it."""
    return np.array([-1.0, 0.5, 0.25, 0.0], "float32")[:, None] * np.array(sizes, "float32")


def model(*front: keras.Layer, shape: tuple[int, ...] = (3,)) -> keras.Model:
    return keras.Sequential(
        [keras.Input(shape), *front, keras.layers.Flatten(), keras.layers.Dense(1)]
    )


def within(*layers: keras.Layer) -> keras.Model:
    return keras.Sequential([keras.Input((3,)), *layers])


def known() -> keras.Layer:
    return keras.layers.Normalization(mean=[0.0, 1.0, 2.0], variance=[1.0, 2.0, 3.0])


@pytest.mark.parametrize(
    ("x", "seen"),
    [
        (columns(1, 20, 90), ""),
        (columns(0, 0, 0), ""),
        (columns(1, 0, 5), ""),  # a column of zeros has no size
        (
            columns(1, 20, 5206),
            f"{UNEVEN}1 (column 0) to 5,206 (column 2), and no layer scales them before the first",
        ),
        (columns(0.1, 0.2, 12), f"{UNEVEN}0.1 (column 0) to 12 (column 2), and no layer"),
        (columns(0.0039, 0.2, 1), ""),  # a pixel at the edge, or a rare word
        (columns(300, 400, 500), f"{LARGE}500 (column 2), and no layer of the model scales them"),
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
    assert "scale them, as keras.layers.Rescaling(1 / 255) in front does with pixels" in found
    assert unscaled(network, (x / 255).astype("float32")) == ""


@pytest.mark.parametrize(
    "front",
    [
        known,
        lambda: keras.layers.Rescaling(0.001),
        # However deep: within a model, too.
        lambda: within(known()),
        lambda: within(within(keras.layers.Rescaling(0.001)), keras.layers.BatchNormalization()),
        lambda: within(known(), keras.layers.LayerNormalization()),
        lambda: keras.layers.Embedding(9000, 2),  # of numbers that are names
    ],
    ids=[
        "normalization", "rescaling", "within-a-model", "before-batch-normalization",
        "before-layer-normalization", "embedding",
    ],
)  # fmt: skip
def test_a_model_that_scales_what_it_gets(front: Any) -> None:
    """There is nothing to warn of."""
    assert unscaled(model(front()), columns(1, 20, 5206)) == ""


@pytest.mark.parametrize("is_nested", [False, True])
def test_batch_normalization_in_front(is_nested: bool) -> None:
    """Its averages have to reach columns that are large or apart; not those that are scaled."""
    front = [keras.layers.BatchNormalization(), keras.layers.LayerNormalization()]
    network = model(*([within(*front)] if is_nested else front))
    for x, seen in ((columns(1, 20, 5206), UNEVEN), (columns(300, 400, 500), LARGE)):
        found = input_scale(network, x)
        assert found.problem.startswith(seen)
        assert MOVING in found.problem
        assert COLUMNS in found.problem
        assert found.settles
    assert unscaled(network, columns(1, 2, 3)) == ""


def test_batch_normalization_of_images() -> None:
    """In front it has to reach pixels, too; behind a layer with weights it is the usual thing.

    Their edge is not to be seen, as a rule: it is not what a range test should read.
    """
    pixels = np.full((4, 8, 8, 1), 255, "uint8")
    conv, batch = keras.layers.Conv2D(2, 3), keras.layers.BatchNormalization
    found = unscaled(model(batch(), conv, shape=(8, 8, 1)), pixels)
    assert found.startswith(f"{LARGE}255, {MOVING}")
    assert "Rescaling(1 / 255) in front does with pixels" in found
    assert unscaled(model(keras.layers.Conv2D(2, 3), batch(), shape=(8, 8, 1)), pixels) == ""


@pytest.mark.parametrize(
    "layer",
    [
        keras.layers.LayerNormalization,
        keras.layers.RMSNormalization,
        keras.layers.UnitNormalization,
        lambda: keras.layers.GroupNormalization(1),
    ],
)
def test_what_normalizes_an_example(layer: Any) -> None:
    """It brings examples to one size, and leaves their columns apart; images have none."""
    for network in (model(layer()), model(within(layer()))):
        found = unscaled(network, columns(1, 20, 5206))
        assert found.startswith(UNEVEN)
        name = type(layer()).__name__
        assert f"and {name} works across the columns of each example" in found
        assert COLUMNS in found
        assert unscaled(network, columns(300, 400, 500)) == ""
    pixels = np.full((4, 8, 8, 1), 255, "uint8")
    assert unscaled(model(layer(), shape=(8, 8, 1)), pixels) == ""


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
    small, uneven = columns(1, 1, 1), columns(1, 20, 5206)
    for layer in (known(), keras.layers.BatchNormalization()):
        joined = keras.layers.Concatenate()([layer(inputs["a"]), inputs["b"]])
        network = keras.Model(inputs, keras.layers.Dense(1)(joined))
        of_a = input_scale(network, {"a": uneven, "b": small})
        assert of_a.settles == (MOVING in of_a.problem) == (type(layer) is not type(known()))
        of_b = unscaled(network, {"a": small, "b": uneven})
        assert of_b.startswith(UNEVEN)
        assert MOVING not in of_b


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
    """It scales if anything in it does, as far as that goes."""
    uneven = columns(1, 20, 5206)
    assert unscaled(Own(keras.layers.Dense(1)), uneven).startswith(UNEVEN)
    assert unscaled(Own(known(), keras.layers.Dense(1)), uneven) == ""
    moving = input_scale(Own(keras.layers.BatchNormalization(), keras.layers.Dense(1)), uneven)
    assert MOVING in moving.problem
    assert moving.settles
    layers = [keras.layers.Conv2D(2, 3), keras.layers.BatchNormalization()]
    assert unscaled(Own(*layers), np.full((4, 8, 8, 1), 255, "uint8")) == ""


def test_arithmetic_between_inputs_and_outputs() -> None:
    """A division is an operation of the model, and no layer."""
    inputs = keras.Input((3,))
    network = keras.Model(inputs, keras.layers.Dense(1)(inputs / 5000.0))
    assert unscaled(network, columns(300, 400, 500)) == ""
    nested = model(keras.Model(inputs, inputs / 5000.0))
    assert unscaled(nested, columns(300, 400, 500)) == ""


@pytest.mark.parametrize(
    "front",
    [
        keras.ops.log1p,
        keras.ops.sin,
        keras.layers.Activation("tanh"),
        lambda x: keras.ops.concatenate([last_scaled()(x[:, 2:]), x[:, :2]], axis=1),
        lambda x: keras.ops.concatenate([last_looked_up()(x[:, 2:]), x[:, :2]], axis=1),
    ],
    ids=["log", "sine", "tanh", "the-large-column-alone", "numbers-that-are-names"],
)
def test_what_is_made_of_columns_is_not_known(front: Any) -> None:
    """A warning would lead astray: the columns may be of one size behind it."""
    inputs = keras.Input((3,))
    network = keras.Model(inputs, keras.layers.Dense(1)(front(inputs)))
    assert unscaled(network, columns(1, 20, 5206)) == ""
    beside = keras.layers.Concatenate()([front(inputs), inputs])
    network = keras.Model(inputs, keras.layers.Dense(1)(beside))
    assert unscaled(network, columns(1, 20, 5206)).startswith(UNEVEN)


def last_scaled() -> keras.layers.Layer:
    return keras.layers.Normalization(mean=[2.0], variance=[3.0])


def last_looked_up() -> keras.layers.Layer:
    return keras.Sequential([keras.layers.Embedding(9000, 2), keras.layers.Flatten()])


def test_several_arrays() -> None:
    """Columns of one beside those of another; a single number an example is a column."""
    inputs = {"a": keras.Input((2,), name="a"), "b": keras.Input((), name="b")}
    joined = keras.layers.Concatenate()([inputs["a"], keras.layers.Reshape((1,))(inputs["b"])])
    network = keras.Model(inputs, keras.layers.Dense(1)(joined))
    x = {"a": columns(1, 2), "b": np.array([0, 50, 900, 1], "float32")}
    assert "from 1 (column 0 of a) to 900 (b)" in unscaled(network, x)

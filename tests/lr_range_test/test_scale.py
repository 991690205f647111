"""What the size of examples and labels says of a compiled model and arrays in hand."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest

import clr_sweep
from clr_sweep.lr_range_test.scale import scale_problems

X = np.random.default_rng(0).normal(size=(320, 2)).astype("float32")
Y = X.sum(axis=1)
UNEVEN, LARGE = X * np.array([1, 1e5], "float32"), Y * 4e5


def line(optimizer: Any = "sgd", loss: Any = "mean_squared_error") -> keras.Model:
    made = keras.Sequential(
        [keras.Input((2,)), keras.layers.Dense(8, "relu"), keras.layers.Dense(1)]
    )
    made.compile(optimizer, loss)
    return made


def told(*arguments: Any) -> list[str]:
    """The first words of each problem."""
    return [text.split(" are ")[0].split(" differ ")[0] for text in scale_problems(*arguments)]


def test_examples_and_labels() -> None:
    """Each for itself."""
    assert told(line(), X, Y) == []
    assert told(line(), UNEVEN, Y) == ["the columns"]
    assert told(line(), X, LARGE) == ["the labels"]
    assert told(line(), UNEVEN, LARGE) == ["the columns", "the labels"]


@pytest.mark.parametrize(
    "loss", ["mse", keras.losses.MeanSquaredError(), keras.losses.mean_squared_error]
)
def test_a_squared_loss(loss: Any) -> None:
    """In whatever way it was given; the gradient of others is bounded, or not known."""
    assert told(line(loss=loss), X, LARGE) == ["the labels"]
    for other in ("huber", "mae", lambda y, z: keras.ops.square(y - z)):
        assert told(line(loss=other), X, LARGE) == []


def test_an_optimizer_whose_steps_do_not_grow() -> None:
    """Labels do not matter to Adam; nor does what wraps SGD change it."""
    assert told(line("adam"), X, LARGE) == []
    scaled = keras.optimizers.LossScaleOptimizer(keras.optimizers.SGD(0.1))
    assert told(line(scaled), X, LARGE) == ["the labels"]
    for clipped in ({"clipnorm": 1.0}, {"global_clipnorm": 1.0}, {"clipvalue": 1.0}):
        assert told(line(keras.optimizers.SGD(0.1, **clipped)), X, LARGE) == []


def test_several() -> None:
    """By name or in the order of the inputs; labels are named by their output."""
    inputs = {name: keras.Input((2,), name=name) for name in ("a", "b")}
    scaled = keras.layers.Normalization(mean=0.0, variance=1e10)(inputs["a"])
    joined = keras.layers.Concatenate()([scaled, inputs["b"]])
    outputs = {name: keras.layers.Dense(1, name=name)(joined) for name in ("age", "sex")}
    made = keras.Model(inputs, outputs)
    made.compile("sgd", {"age": "mse", "sex": "binary_crossentropy"})
    labels = {"age": LARGE, "sex": Y}
    assert told(made, {"a": UNEVEN, "b": X}, labels) == ["the labels of age"]
    assert told(made, [X, UNEVEN], {"age": Y, "sex": LARGE}) == ["the columns"]


def test_what_is_no_array_of_numbers() -> None:
    """Is passed over."""
    assert told(line(), np.array([["a", "b"]]), None) == []


def test_a_range_test_in_hand_names_the_cause() -> None:
    """As it is refused, and as a warning where there are bounds all the same."""
    with pytest.raises(clr_sweep.RangeTestError, match="The likely cause: the labels are large"):
        clr_sweep.range_test(line(), X, 100 * LARGE, epochs=6, quiet=True)
    mildly = X * np.array([4, 0.02], "float32")
    found = clr_sweep.range_test(line(), mildly, Y, epochs=60, low=1e-4, quiet=True)
    assert "  warning: the columns differ in size" in found.summary

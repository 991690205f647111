"""By what a model is known from one whose code was changed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import pytest
from keras import layers
from small_trials import few_images, small_config

from clr_sweep.training.model_identity import model_identity
from clr_sweep.training.set_up import set_up


def model(units: int = 8, *more: Any) -> keras.Model:
    return keras.Sequential([keras.Input((4,)), layers.Dense(units), *more, layers.Dense(1)])


def frozen() -> keras.Model:
    made = model()
    made.layers[0].trainable = False
    return made


def in_two_bytes() -> keras.Model:
    return keras.Sequential([keras.Input((4,)), layers.Dense(8), layers.Dense(1, dtype="float16")])


def split() -> keras.Model:
    """As many parameters as `model`, in other shapes."""
    inner = [layers.Dense(4), layers.Dense(4), layers.Dense(1)]
    return keras.Sequential([keras.Input((4,)), *inner, layers.Rescaling(1.0)])


def test_the_same_code_makes_the_same_model() -> None:
    """Whatever names Keras counts up in this process; and rates and penalties are not told."""
    found = model_identity(model())
    assert found == model_identity(model())
    assert found.parameters == 4 * 8 + 8 + 8 + 1
    slow, fast = (model_identity(model(8, layers.Dropout(rate))) for rate in (0.1, 0.5))
    assert slow == fast


@pytest.mark.parametrize(
    "other",
    [
        lambda: model(9),
        lambda: model(8, layers.Dropout(0.1)),
        lambda: model(8, layers.ReLU()),
        frozen,
        in_two_bytes,
        split,
    ],
)
def test_another_model(other: Callable[[], keras.Model]) -> None:
    """Other shapes, types, layers; or the same of them, of which less is trained."""
    assert model_identity(other()).digest != model_identity(model()).digest


def test_layers_within_layers() -> None:
    """A block of the model's is looked into."""
    plain = keras.Sequential([keras.Input((4,)), model()])
    dropped = keras.Sequential([keras.Input((4,)), model(8, layers.Dropout(0.1))])
    assert model_identity(plain) != model_identity(dropped)


def test_how_it_is_said() -> None:
    """By what differs, as far as a number tells it."""
    small, large, other = (model_identity(made) for made in (model(8), model(9), frozen()))
    assert large.changed_from(small) == "had 49 parameters, has now 55"
    assert other.changed_from(small) == (
        "has other layers or variables now, of 49 parameters as before"
    )


def test_it_is_that_of_a_model_before_its_first_step() -> None:
    """One that has its variables only when it has seen data, and whatever a step adds to it."""
    here = (Path(__file__).parent,)
    ready, again = (
        set_up(small_config(model="user_models:built_late"), few_images(), here) for _ in range(2)
    )
    ready.loop.train(ready.train_rows, 0, 1)
    assert ready.identity == again.identity == model_identity(ready.model)

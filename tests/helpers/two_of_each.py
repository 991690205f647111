"""Models of two inputs and two outputs, and data for them, named in tests as `two_of_each:name`."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import layers

from clr_sweep.training.data.materialized import Dataset, in_memory
from clr_sweep.training.data.named import flat

LOSSES = {"age": "mean_squared_error", "sex": "sparse_categorical_crossentropy"}
WEIGHTS = {"age": 0.25, "sex": 2.0}
METRICS = {"age": ["mae"], "sex": ["accuracy"]}


def parts(count: int = 320, seed: int = 3) -> tuple[dict[str, Any], dict[str, Any]]:
    """Examples and labels, of which each follows from both inputs."""
    rng = np.random.default_rng(seed)
    image = rng.integers(0, 256, (count, 6, 5), dtype="uint8")
    meta = rng.normal(size=(count, 3)).astype("float32")
    age = (image.mean((1, 2)) / 128 + meta[:, 0]).astype("float32")
    sex = (meta[:, 1] + image[:, 0, 0] / 256 > 0.5).astype("int32")
    return {"meta": meta, "image": image}, {"sex": sex, "age": age}


def data() -> Any:
    """What a function of the data returns."""
    return parts(240), parts(60, seed=4)


def dataset() -> Dataset:
    """The same, checked and in memory."""
    (x_train, y_train), (x_test, y_test) = data()
    arrays = {"x_train": x_train, "y_train": y_train, "x_test": x_test, "y_test": y_test}
    return in_memory("two of each", flat(arrays), "here")


def functional(
    input_shape: Any = None, classes: Any = None, units: int = 8, listed: bool = False
) -> keras.Model:
    """A dict of inputs, or a list of them by their names; outputs in another order than names."""
    shapes = input_shape or {"image": (6, 5), "meta": (3,)}
    image = keras.Input(shapes["image"], name="image")
    meta = keras.Input(shapes["meta"], name="meta")
    pixels = layers.Flatten()(layers.Rescaling(1 / 255)(image))
    hidden = layers.Dense(units, activation="relu")(layers.Concatenate()([pixels, meta]))
    number = 2 if classes is None else classes["sex"]
    outputs = {
        "sex": layers.Dense(number, activation="softmax")(hidden),
        "age": layers.Dense(1)(hidden),
    }
    inputs = [meta, image] if listed else {"meta": meta, "image": image}
    return keras.Model(inputs, outputs)


@keras.saving.register_keras_serializable("tests")
class Subclassed(keras.Model):
    """Says nothing of its inputs before it has seen data."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.pixels = layers.Flatten()
        self.hidden = layers.Dense(8, activation="relu")
        self.age, self.sex = layers.Dense(1), layers.Dense(2, activation="softmax")

    def call(self, inputs: Any) -> Any:
        """Takes the dict."""
        pixels = self.pixels(inputs["image"]) / 255
        hidden = self.hidden(keras.ops.concatenate([pixels, inputs["meta"]], axis=-1))
        return {"sex": self.sex(hidden), "age": self.age(hidden)}


def subclassed() -> keras.Model:
    """See `Subclassed`."""
    return Subclassed()


def weigh(x: Any, y: Any) -> Any:
    """What each example counts, by its labels and its inputs."""
    return 1 + y["sex"] + (x["image"][:, 0, 0] > 200)

"""What the signature of a model says that declares no inputs, and whose data nobody knows."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from keras import layers

from clr_sweep.training.folder import TrialFolder
from clr_sweep.training.inference import save_inference_model


@keras.saving.register_keras_serializable("test_inference")
class Subclassed(keras.Model):
    """A model of one's own, on images of 8 by 8 or on whole numbers.

    Args:
        first: of its layers.
        named: it returns its outputs by name.
    """

    def __init__(self, first: Any, named: bool = False, **arguments: Any) -> None:
        super().__init__(**arguments)
        self.first = first if isinstance(first, keras.Layer) else keras.layers.deserialize(first)
        self.named, self.flat, self.out = named, layers.Flatten(), layers.Dense(3)

    def call(self, inputs: Any) -> Any:
        out = self.out(self.flat(self.first(inputs)))
        return {"class": out} if self.named else out

    def get_config(self) -> dict[str, Any]:
        first = keras.layers.serialize(self.first)
        return {**super().get_config(), "first": first, "named": self.named}


def signature(model: keras.Model, x: Any, path: Path) -> dict[str, Any]:
    """That of a model which has seen data once, as under `fit`."""
    model(x)
    folder = TrialFolder(path)
    folder.save_model(model)
    save_inference_model(folder, "tutorial_cnn", [])
    found = folder.signature()
    assert found is not None
    return found


@pytest.mark.parametrize("named", [False, True])
def test_what_takes_floats_alone_says_so_with_the_shape_it_was_built_with(
    tmp_path: Path, named: bool
) -> None:
    """A batch of any size, whatever size the first one had."""
    model = Subclassed(layers.Conv2D(2, 3), named)
    found = signature(model, np.zeros((4, 8, 8, 1), "float32"), tmp_path)
    (inputs,), (outputs,) = found["inputs"], found["outputs"]
    assert (inputs["dtype"], inputs["shape"]) == ("float32", [None, 8, 8, 1])
    assert (outputs["dtype"], outputs["shape"]) == ("float32", [None, 3])
    assert (found["named_outputs"], outputs["name"] == "class") == (named, named)


def test_what_takes_whole_numbers_too_may_be_meant_for_them(tmp_path: Path) -> None:
    """A signature of floats would refuse them."""
    model = Subclassed(layers.Embedding(9, 2))
    assert signature(model, np.zeros((4, 5), "int64"), tmp_path)["inputs"] == []


def test_inputs_by_name_have_no_single_shape(tmp_path: Path) -> None:
    """Nothing is said of them."""
    model = Subclassed(layers.Concatenate())
    x = [np.zeros((4, 2), "float32")] * 2
    assert signature(model, x, tmp_path)["inputs"] == []

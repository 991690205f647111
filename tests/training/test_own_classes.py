"""What a saved model has that Keras has not, read from its file."""

from __future__ import annotations

from pathlib import Path

import keras
import numpy as np
import pytest
import user_models
from keras import layers

from clr_sweep.training.own_classes import own_classes, unimported, unregistered


@keras.saving.register_keras_serializable("test_own_classes")
class Doubled(layers.Layer):
    """A layer of one's own."""

    def call(self, inputs):  # type: ignore[no-untyped-def]
        return 2 * inputs


@keras.saving.register_keras_serializable("test_own_classes")
def halved(x):  # type: ignore[no-untyped-def]
    """An activation of one's own."""
    return x / 2


@keras.saving.register_keras_serializable("test_own_classes")
def loss(y_true, y_pred):  # type: ignore[no-untyped-def]
    """A loss of one's own."""
    return keras.ops.mean(keras.ops.square(y_true - y_pred), -1)


class Tripled(layers.Layer):
    """One that is registered nowhere."""

    def call(self, inputs):  # type: ignore[no-untyped-def]
        return 3 * inputs


def thirds(x):  # type: ignore[no-untyped-def]
    """Nor is this."""
    return x / 3


def stacked(*parts: keras.Layer) -> keras.Model:
    return keras.Sequential([keras.Input((28, 28)), layers.Flatten(), *parts])


def subclassed() -> keras.Model:
    model = user_models.built_late()
    model(np.zeros((1, 28, 28), "float32"))
    return model


def below_an_input() -> keras.Model:
    """As it is logged where data of uint8 have to be cast."""
    inputs = keras.Input((28, 28))
    return keras.Model(inputs, subclassed()(inputs))


HERE = (f"{__name__}.Doubled",)
CASES = {
    "Keras' own": (lambda: stacked(layers.Dense(2, "relu", kernel_regularizer="l2")), ()),
    "a functional model": (user_models.perceptron, ()),
    "a layer": (lambda: stacked(Doubled(), Doubled()), HERE),
    "an activation": (
        lambda: stacked(layers.Dense(2, activation=halved)),
        ("test_own_classes>halved",),
    ),
    "a layer in a model in a model": (lambda: stacked(keras.Sequential([Doubled()])), HERE),
    "a model": (subclassed, ("user_models.BuiltLate",)),
    "a functional one with a step of its own": (user_models.own_step, ("user_models.OwnStep",)),
    "a model below an input": (below_an_input, ("user_models.BuiltLate",)),
}


@pytest.mark.parametrize("case", CASES)
def test_the_classes_and_functions_that_keras_does_not_have(tmp_path: Path, case: str) -> None:
    """Each once; none of Keras' own, exported or not."""
    make, names = CASES[case]
    make().save(tmp_path / "model.keras")
    assert own_classes(tmp_path / "model.keras") == names


UNREGISTERED = {
    "a layer": (lambda: stacked(Tripled()), (f"{__name__}.Tripled",)),
    "an activation": (lambda: stacked(layers.Dense(2, activation=thirds)), ("thirds",)),
    "a Lambda layer": (lambda: stacked(layers.Lambda(lambda x: x / 3)), ("a Lambda layer",)),
    "a Lambda layer of a function": (lambda: stacked(layers.Lambda(thirds)), ("thirds",)),
    "Keras' own": (lambda: stacked(layers.Activation(keras.ops.relu)), ()),
    "what is registered": (lambda: stacked(Doubled(), layers.Dense(2, activation=halved)), ()),
}


@pytest.mark.parametrize("case", UNREGISTERED)
def test_what_no_import_registers(tmp_path: Path, case: str) -> None:
    """Named, and what was registered is not; Keras loads the file where there is nothing."""
    make, names = UNREGISTERED[case]
    file = tmp_path / "model.keras"
    make().save(file)
    assert unregistered(file) == names
    assert set(names) <= set(own_classes(file))
    if names:
        with pytest.raises((TypeError, ValueError)):
            keras.saving.load_model(file)
    else:
        keras.saving.load_model(file)


def test_what_is_registered_by_an_import_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As in another process, which has not imported it; of what the loss is too."""
    model = stacked(Doubled(), layers.Dense(2, activation=halved), Tripled())
    model.compile(loss=loss)
    file = tmp_path / "model.keras"
    model.save(file)
    assert unimported(file) == ()
    for name in ("Doubled", "loss"):
        monkeypatch.delitem(keras.saving.get_custom_objects(), f"test_own_classes>{name}")
    assert unimported(file) == (f"{__name__}.Doubled", "test_own_classes>loss")

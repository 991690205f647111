"""Keras' own losses, metrics and optimizers in hand, as a sweep in Python is given them."""

from __future__ import annotations

from typing import Any

import keras
import pytest
from written_sweeps import content

from clr_sweep import InputError, Sweep
from clr_sweep.definition.losses import CLASS_OF
from clr_sweep.definition.metrics import ALIASES, KERAS
from clr_sweep.definition.optimizers import KERAS_CLASSES
from clr_sweep.library.keras_names import keras_name


def made(**training: Any) -> Sweep:
    """The sweep of `written_sweeps` with these values of `training` and no metric needed."""
    objective = {"metric": "val_loss", "direction": "minimize"}
    return Sweep(**(content() | {"objective": objective, "training": {"epochs": 16, **training}}))


@pytest.mark.parametrize(
    ("given", "name"),
    [
        (keras.losses.sparse_categorical_crossentropy, "sparse_categorical_crossentropy"),
        (keras.losses.SparseCategoricalCrossentropy, "SparseCategoricalCrossentropy"),
    ],
)
def test_a_loss(given: Any, name: str) -> None:
    """By its name, as a file has it."""
    assert made(loss=given).definition.training.loss == made(loss=name).definition.training.loss
    smooth = {"name": keras.losses.Huber, "arguments": {"delta": 2.0}}
    assert made(loss=smooth, metrics=[]).definition.training.loss.name == "Huber"


def test_metrics_and_an_optimizer() -> None:
    """By the names that they are reported under, whether function or class."""
    given = [keras.metrics.sparse_categorical_accuracy, keras.metrics.SparseTopKCategoricalAccuracy]
    training = made(metrics=given, optimizer=keras.optimizers.Adam).definition.training
    names = ("sparse_categorical_accuracy", "sparse_top_k_categorical_accuracy")
    assert (training.metrics, training.optimizer.name) == (names, "adam")


def test_every_name_stands_for_its_object() -> None:
    """What Keras makes of the name is what was given; where it is another, there is no name."""
    for function, class_name in CLASS_OF.items():
        for name in (function, class_name):
            given = getattr(keras.losses, name, None)
            assert given is None or keras_name("loss", given) == name
    for written, name in ALIASES.items():
        given = getattr(keras.metrics, written, None)
        if isinstance(given, type) and name != "accuracy":
            assert keras_name("metric", given) == name
            assert type(keras.metrics.get(name)) is given
    for name in KERAS:
        if (given := getattr(keras.metrics, name, None)) is not None:
            assert keras_name("metric", given) == name
            assert keras.metrics.get(name)._fn is given
    for name, class_name in KERAS_CLASSES.items():
        assert keras_name("optimizer", getattr(keras.optimizers, class_name)) == name
    assert keras_name("metric", keras.metrics.Accuracy) is None
    assert keras_name("metric", keras.losses.cosine_similarity) is None  # of the other sign


@pytest.mark.parametrize(
    ("training", "problem"),
    [
        (
            {"loss": keras.losses.SparseCategoricalCrossentropy()},
            "training.loss: write its name, 'sparse_categorical_crossentropy' ({'name': "
            "'sparse_categorical_crossentropy', 'arguments': {...}} where it has arguments), or "
            "give a class or a function of (y_true, y_pred), got one that is made already, "
            "SparseCategoricalCrossentropy: each trial makes its own",
        ),
        (
            {"metrics": [keras.metrics.SparseCategoricalAccuracy()]},
            "training.metrics.0: write its name, 'sparse_categorical_accuracy', or give a class or "
            "a function of (y_true, y_pred), got one that is made already, "
            "SparseCategoricalAccuracy: each trial makes its own",
        ),
        (
            {"optimizer": keras.optimizers.Adam(1e-3)},
            "training.optimizer: write its name, 'adam' ({'name': 'adam', 'arguments': {...}} "
            "where it has arguments), or give a class or a function of (learning_rate) that returns one, "
            "got one that is made already, Adam: each trial makes its own",
        ),
    ],
)
def test_what_is_made_already(training: dict[str, Any], problem: str) -> None:
    """Its name is what is wanted; nothing is said of a word that nobody wrote."""
    with pytest.raises(InputError) as caught:
        made(**training)
    assert list(caught.value.problems) == [problem]


def test_what_a_sweep_does_not_train_with() -> None:
    """The reason of a name, for the class too."""
    with pytest.raises(InputError, match=r"optimizer.*: cannot be adafactor: it takes no rate"):
        made(optimizer=keras.optimizers.Adafactor)
    with pytest.raises(InputError, match=r"metrics: MeanIoU needs arguments"):
        made(metrics=[keras.metrics.MeanIoU])

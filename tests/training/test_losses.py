"""The table of Keras' losses, held against Keras."""

from __future__ import annotations

import inspect

import keras
import numpy as np
import pytest
from keras.src.losses import ALL_OBJECTS_DICT
from keras.src.losses.losses import LossFunctionWrapper

from clr_sweep.common.errors import InputError
from clr_sweep.training.losses import TAKEN_BY, Shape, Values, function_name

BASES = {"Loss", "LossFunctionWrapper"}
N, OUTPUTS, MOMENTS = 4, 3, 6


def labels_for(name: str) -> tuple[np.ndarray, np.ndarray]:
    """Labels that the table calls right for a loss, and outputs in (0, 1) beside them."""
    taken, random = TAKEN_BY[name], np.random.default_rng(3)
    outputs = random.uniform(0.2, 0.8, (N, MOMENTS, OUTPUTS)).astype("float32")
    if taken.shape is not Shape.SEQUENCE:
        outputs = outputs[:, 0]
    shape = {
        Shape.CLASS: (N,), Shape.SAME: (N, OUTPUTS), Shape.LABEL: (N,), Shape.SEQUENCE: (N, 2),
    }[taken.shape]  # fmt: skip
    values = {
        Values.CLASSES: np.array([0, 1, 2]),
        Values.PARTS: np.array([0.0, 0.25, 1.0]),
        Values.SIGNS: np.array([-1, 1]),
        Values.NOT_NEGATIVE: np.array([0.0, 2.5]),
        Values.ANY: np.array([-2.5, 3.0]),
    }[taken.values]
    return random.choice(values, shape), outputs


def test_the_table_has_all_that_keras_has() -> None:
    """Each loss that a sweep can name is in it, under whichever of its names; and no other."""
    names = {function_name(name) for name in ALL_OBJECTS_DICT if name not in BASES}
    assert names == set(TAKEN_BY)


@pytest.mark.parametrize("name", sorted(TAKEN_BY))
def test_keras_computes_each_loss_from_the_labels_that_it_is_said_to_take(name: str) -> None:
    """What the table allows gives a finite loss."""
    labels, outputs = labels_for(name)
    function = keras.losses.get(name)
    loss = LossFunctionWrapper(function)(labels, outputs)
    assert np.isfinite(float(loss))


@pytest.mark.parametrize(
    "name", sorted(name for name, taken in TAKEN_BY.items() if taken.shape is Shape.CLASS)
)
def test_one_output_teaches_nothing(name: str) -> None:
    """Why outputs of one class are refused: the loss does not depend on them."""
    of = LossFunctionWrapper(keras.losses.get(name), from_logits=True)
    low, high = (float(of(np.zeros(N), np.full((N, 1), x, "float32"))) for x in (-3, 3))
    assert low == high


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("MSE", "mean_squared_error"),
        ("mse", "mean_squared_error"),
        ("MeanSquaredError", "mean_squared_error"),
        ("SparseCategoricalCrossentropy", "sparse_categorical_crossentropy"),
        ("kld", "kl_divergence"),
        ("huber", "huber"),
    ],
)
def test_names(name: str, found: str) -> None:
    """A class and an abbreviation stand for their function."""
    assert function_name(name) == found


@pytest.mark.parametrize(
    ("name", "near"),
    [
        ("crossentropie", " - did you mean 'binary_crossentropy'?"),
        ("Loss", ""),
        ("LossFunctionWrapper", ""),
    ],
)
def test_no_loss(name: str, near: str) -> None:
    """A name that Keras does not know, and its base classes, which compute nothing."""
    with pytest.raises(InputError) as caught:
        function_name(name)
    (problem,) = caught.value.problems
    assert problem.startswith("training.loss: must be the name of a Keras loss, such as sparse_")
    assert problem.endswith(f"got {name!r}{near}")


def test_the_base_classes_are_all_that_is_left_out() -> None:
    """Those of Keras' losses that are abstract."""
    abstract = {
        name
        for name, loss in ALL_OBJECTS_DICT.items()
        if inspect.isclass(loss) and keras.losses.Loss in (loss, *loss.__bases__)
    }
    assert abstract == BASES

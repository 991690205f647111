"""Examples and labels held against a model in hand, before it is called with any."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest

from clr_sweep.lr_range_test.fit_in_hand import fit_problems

X, Y = np.zeros((6, 4), "float32"), np.array([0, 1, 2, 0, 1, 2])
SPARSE = "sparse_categorical_crossentropy"


def one(loss: Any = SPARSE) -> keras.Model:
    """Of one input and one output."""
    made = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3, "softmax")])
    made.compile("sgd", loss)
    return made


def several(loss: Any = SPARSE) -> keras.Model:
    """Of two inputs, which Keras has in another order than its dict, and of two outputs."""
    wide, narrow = keras.Input((4,), name="wide"), keras.Input((2,), name="narrow")
    both = keras.layers.Concatenate()([wide, narrow])
    made = keras.Model(
        {"wide": wide, "narrow": narrow},
        {"kind": keras.layers.Dense(3, "softmax")(both), "size": keras.layers.Dense(1)(both)},
    )
    made.compile("sgd", loss)
    return made


@pytest.mark.parametrize(
    ("x", "y", "loss", "said"),
    [
        (X[:, :2], Y, SPARSE, "x: must have the shape (n, 4) that the model takes, got (n, 2)"),
        (X.astype(str), Y, SPARSE, "x: must hold numbers, as the model takes them, got dtype <U"),
        (X, Y + 5, SPARSE, "y: must hold class numbers from 0 to 2, one for each output of the"),
        (X, Y - 1, SPARSE, "y: must hold class numbers from 0 to 2"),
        (X, np.eye(3)[Y], SPARSE, "y: must be class numbers, each in place of the outputs' last"),
        (X, Y, "CategoricalCrossentropy", "y: must be numbers, one for each output, of the shape"),
        (X, Y, keras.losses.CategoricalCrossentropy(), "y: must be numbers, one for each output"),
        (X, Y, keras.losses.mean_squared_error, "y: must be numbers, one for each output, of the"),
        (X, {"kind": Y}, SPARSE, "y: must be one array of labels, as the model returns one output"),
    ],
)
def test_what_does_not_go_together(x: Any, y: Any, loss: Any, said: str) -> None:
    """One sentence with the argument's name, in the words of a call: nothing of a sweep file."""
    (problem,) = fit_problems(one(loss), x, y)
    assert problem.startswith(said)
    assert "training." not in problem
    assert "model.arguments" not in problem


def ours(y_true: Any, y_pred: Any) -> Any:
    """A loss that takes whatever it is given."""
    return keras.ops.mean(y_pred - y_true)


class OwnStep(keras.Sequential):
    """Makes of its data what it wants."""

    def train_step(self, data: Any) -> Any:
        raise NotImplementedError


def test_what_is_the_models_own() -> None:
    """Labels of a loss, and examples of a step, that nobody knows; classes that are ignored."""
    assert not list(fit_problems(one(), X, Y))
    assert not list(fit_problems(one(ours), X, Y + 5))
    ignoring = keras.losses.SparseCategoricalCrossentropy(ignore_class=-1)
    assert not list(fit_problems(one(ignoring), X, Y - 1))
    own = OwnStep([keras.Input((4,)), keras.layers.Dense(3)])
    own.compile("sgd", SPARSE)
    assert not list(fit_problems(own, X[:, :2], Y + 5))
    unbuilt = keras.Sequential([keras.layers.Dense(3, "softmax")])
    unbuilt.compile("sgd", SPARSE)
    (problem,) = fit_problems(unbuilt, X, Y - 1)
    assert problem.startswith("y: must hold class numbers: whole, from 0 ")


def test_several_inputs_and_outputs() -> None:
    """By their names or in Keras' order; only what has a loss needs labels."""
    losses = {"kind": SPARSE, "size": "mse"}
    x, y = {"wide": X, "narrow": X[:, :2]}, {"kind": Y, "size": Y}
    assert not list(fit_problems(several(losses), x, y))
    assert not list(fit_problems(several(losses), [X[:, :2], X], y))
    assert not list(fit_problems(several({"kind": SPARSE}), x, {"kind": Y}))
    (problem,) = fit_problems(several(losses), {"wide": X, "narrow": X}, y)
    assert problem.startswith("x['narrow']: must have the shape (n, 2)")
    (problem,) = fit_problems(several(losses), X, y)
    assert problem == (
        "x: must be 2 arrays, for the inputs wide, narrow of the model, got one array"
    )
    (problem,) = fit_problems(several(losses), x, {"kind": Y + 3, "size": Y})
    assert problem.startswith("y['kind']: must hold class numbers from 0 to 2")
    (problem,) = fit_problems(several(losses), x, {"kind": Y})
    assert problem == (
        "y: must have the labels of each output that has a loss, got a dict of kind: size is "
        "missing"
    )

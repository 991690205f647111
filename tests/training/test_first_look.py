"""What is seen of a model and of labels, before anybody has said what for."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from clr_sweep.training.data.materialized import in_memory
from clr_sweep.training.first_look import first_look
from clr_sweep.training.requests import Look


def looked(y: np.ndarray, activation: str | None, units: int = 1) -> Look:
    """A model's only output, and its labels, the last of which are those of the test part."""
    x = np.random.default_rng(1).normal(size=(len(y), 3)).astype("float32")
    arrays = {"x_train": x[:-2], "y_train": y[:-2], "x_test": x[-2:], "y_test": y[-2:]}
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(units, activation)])
    found = first_look(model, in_memory("some", arrays, "memory"))
    assert isinstance(found, Look)
    return found


@pytest.mark.parametrize(
    ("labels", "is_seen"),
    [
        ([0] * 8, True),
        ([7] * 6 + [5, 5], True),  # of the training part alone
        ([[0.5]] * 8, True),
        ([[0, 1]] * 8, True),
        ([0] * 5 + [1, 0, 0], False),
        ([[0, 1]] * 5 + [[1, 0]] * 3, False),
    ],
)
def test_labels_that_are_all_the_same(labels: list[object], is_seen: bool) -> None:
    """Class numbers, amounts and rows."""
    assert looked(np.array(labels), None).all_alike == is_seen


def test_the_last_activation() -> None:
    """What the outputs are follows from it, and not from some of their values."""
    labels = np.array([0, 1] * 4)
    found = [looked(labels, activation, units=2) for activation in ("sigmoid", "softmax", None)]
    assert [one.ends_in_sigmoid for one in found] == [True, False, False]
    assert [one.ends_in_softmax for one in found] == [False, True, False]

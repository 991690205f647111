"""`clr_sweep.range_test` on a model in hand, given what cannot be tested, or interrupted early."""

from __future__ import annotations

import functools
import signal
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from models_in_hand import data, model, state
from own_process import modules, python

import clr_sweep

X, Y = data()
BAD = X.copy()
BAD[300] = np.nan
NOT_FINITE = "must hold finite numbers alone, got NaN or infinity in "


@functools.cache
def built() -> keras.Model:
    """With all that Keras makes on first use; for all of these tests, none of which changes it."""
    made = model()
    made.evaluate(X, Y, verbose=0)
    made.optimizer.build(made.trainable_variables)
    made.reset_metrics()
    return made


def refused(*given: Any, **arguments: Any) -> list[str]:
    """What is wrong with a call, which changes nothing of the model."""
    made = built()
    before = state(made)
    with pytest.raises(clr_sweep.ClrSweepError) as caught:
        clr_sweep.range_test(made, *given, epochs=6, quiet=True, **arguments)
    assert state(made) == before
    return str(caught.value).splitlines()


def test_values_that_are_not_finite() -> None:
    """Of arrays before a step: with the array, how many, and which is the first."""
    (problem,) = refused(BAD, Y)
    assert problem.startswith(f"x: {NOT_FINITE}1 of 480 examples, the first at index 300")
    (problem,) = refused(X, np.where(Y == 1, np.inf, Y))
    assert problem.startswith(f"y: {NOT_FINITE}248 of 480")
    (problem,) = refused(X, Y, sample_weight=np.full(480, np.nan))
    assert problem.startswith(f"sample_weight: {NOT_FINITE}480 of 480")
    (problem,) = refused(X, Y, sample_weight=np.zeros(480))
    assert problem == "sample_weight: must leave an example a weight above 0, got 0 for all 480"
    (problem,) = refused(X, Y, validation_data=(BAD, Y))
    assert problem.startswith(f"validation_data: x: {NOT_FINITE}1 of 480")


def test_a_loader_that_gives_what_is_not_finite() -> None:
    """Seen at once among its first examples; of the others before the step that would take it."""
    (problem,) = refused(tf.data.Dataset.from_tensor_slices((BAD, Y)).batch(32))
    assert problem.startswith(f"x: {NOT_FINITE}1 of 480")
    x, y = np.concatenate([X] * 5), np.concatenate([Y] * 5)
    x[2100] = np.nan
    (problem,) = refused(tf.data.Dataset.from_tensor_slices((x, y)).batch(32))
    assert problem.startswith(
        f"x: in the batch of step 66 of epoch 1, x: {NOT_FINITE}1 of 32 examples, the first at "
    )


def test_weights_of_both_kinds() -> None:
    """As under `fit`, which refuses them; of a loader too."""
    weights, ones = {0: 1.0, 1: 2.0}, np.ones(480)
    said = "class_weight: cannot stand beside sample_weight, as under `fit`"
    (problem,) = refused(X, Y, class_weight=weights, sample_weight=ones)
    assert problem.startswith(said)
    batches = tf.data.Dataset.from_tensor_slices((X, Y, ones)).batch(32)
    (problem,) = refused(batches, class_weight=weights)
    assert problem.startswith(said)
    assert refused(X, Y, class_weight=[1, 2])[0].startswith("class_weight: must be a dict of")
    assert refused(X, Y, class_weight={"0": 1.0, 1: -1}) == [
        "class_weight: must have numbers of classes as its keys, got '0'",
        "class_weight: must be 0 or more for each class, got -1 for 1",
    ]
    (problem,) = refused(X, {"a": Y, "b": Y}, class_weight=weights)
    assert problem.startswith("class_weight: is for a model of one output, as under `fit`")


def test_data_that_do_not_fit() -> None:
    """What a sweep would find before its first step; the rest in Keras' words, with the call."""
    assert refused(X, Y, validation_data=(X[:0], Y[:0])) == [
        "validation_data: x: must not be empty, got the shape (0, 4)",
        "validation_data: y: must not be empty, got the shape (0,)",
    ]
    (problem,) = refused(X, Y, validation_data=(X[:, :2], Y))
    assert problem.startswith("validation_data: x: must have the shape (n, 4)")
    (problem,) = refused(X, Y.astype(int) + 5)
    assert problem.startswith("y: must hold class numbers from 0 to 1")
    (problem,) = refused(X, np.array(["a"] * 480))
    assert problem == (
        "y: must hold numbers (integers, floats or booleans), got dtype <U1; where they are "
        "classes, number them from 0 on, those of all parts at once: "
        "np.unique(labels, return_inverse=True)"
    )
    assert refused(X[:3], Y[:3]) == [
        "x: is too few examples to hold out a tenth of them, on which the metric is measured, "
        "got 3: give validation_data=(x, y)"
    ]
    assert refused(X, Y, metric=3)[0].startswith("metric: must be the name of a metric")
    found = refused(X, (Y, Y))
    assert found[0].startswith("evaluating sequential")
    assert "raised ValueError: " in found[0]


def test_a_loader_of_something_else() -> None:
    """Single examples, examples alone, and one that raises."""
    slices = tf.data.Dataset.from_tensor_slices
    assert refused(slices((X, Y))) == [
        "x: must give batches, arrays with an axis of as many examples each, got some of the "
        "shapes (4,) and (): where it gives single examples, end it in .batch(n)"
    ]
    assert refused(slices(X).batch(32))[0].startswith("x: must give the labels too, as (x, y)")

    class Gone(keras.utils.PyDataset):
        def __len__(self) -> int:
            return 15

        def __getitem__(self, index: int) -> Any:
            raise OSError("the disk is away")

    assert refused(Gone()) == ["reading x raised OSError: the disk is away"]


def test_a_loss_that_is_never_finite() -> None:
    """The finding, with its picture, and not an error of the picture's."""
    layers = [keras.Input((4,)), keras.layers.Dense(2), keras.layers.Rescaling(float("nan"))]
    made = keras.Sequential(layers)
    made.compile("sgd", "sparse_categorical_crossentropy")
    with pytest.raises(clr_sweep.RangeTestError, match="not finite in the first step") as caught:
        clr_sweep.range_test(made, X, Y, epochs=6, quiet=True)
    assert caught.value.picture._repr_png_().startswith(b"\x89PNG")


class InterruptedLast(keras.utils.PyDataset):
    """Ctrl-C comes while the last batch of six epochs is read, after the look at the first ones."""

    given = 0

    def __len__(self) -> int:
        return 10

    def __getitem__(self, index: int) -> Any:
        self.given += 1
        if self.given == 70:
            signal.raise_signal(signal.SIGINT)
        return X[32 * index : 32 * (index + 1)], Y[32 * index : 32 * (index + 1)]


@pytest.mark.heavy
def test_ctrl_c_in_the_last_step() -> None:
    """Not lost: whoever asked to stop is not handed what comes next."""
    assert refused(InterruptedLast(), low=1e-9, high=1e-8) == ["stopped by SIGINT"]


INTERRUPTED = """
import signal, sys
import keras
from models_in_hand import data, model
import clr_sweep

def at_once(event, arguments):
    if event == "import" and arguments[0] in waiting:
        waiting.remove(arguments[0])
        signal.raise_signal(signal.SIGINT)

waiting = ["clr_sweep.lr_range_test.in_hand", "clr_sweep.commands.range_test"]
call, made = clr_sweep.range_test, model()
sys.addaudithook(at_once)
for given in ((made, *data()), ("sweep.yaml",)):
    try:
        call(*given, quiet=True)
    except clr_sweep.ClrSweepError as error:
        print(type(error).__name__, str(error)[:18].strip(), len(waiting))
"""


@pytest.mark.heavy
def test_ctrl_c_while_a_call_begins(tmp_path: Path) -> None:
    """Heard from the call on, though what it needs is not imported yet: no KeyboardInterrupt."""
    script = tmp_path / "interrupted.py"
    script.write_text(INTERRUPTED, encoding="utf-8")
    done = python(script, PYTHONPATH=modules(), TF_CPP_MIN_LOG_LEVEL="3")
    assert done.stdout.splitlines()[-2:] == [
        "InterruptedSweepError stopped by SIGINT 1",
        "InputError sweep.yaml: cannot 0",  # the sweep file is not there: said before it stops
    ]

"""`clr_sweep.range_test` on a compiled model and data in hand."""

from __future__ import annotations

import signal
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
import two_of_each
from models_in_hand import RAMP, data, model, state

import clr_sweep
from clr_sweep.schedules.ramp import ramp

X, Y = data()


def own_accuracy(y_true: Any, y_pred: Any) -> Any:
    """In percent."""
    return 100 - keras.ops.abs(y_true - y_pred)


def optimizers() -> dict[str, Any]:
    """What gives the rate in each way that Keras has."""
    schedule = clr_sweep.TriangularCyclicalLearningRate(0.01, 0.1, 20)
    return {
        "a number": keras.optimizers.SGD(0.01, momentum=0.5),
        "a schedule": keras.optimizers.LossScaleOptimizer(keras.optimizers.SGD(schedule)),
    }


@pytest.mark.heavy
@pytest.mark.parametrize("name", optimizers())
def test_the_model_is_as_it_was(name: str) -> None:
    """One that is in training already: to the bit, and what it trains on from is what it was."""
    made, rival = model(optimizers()[name]), model(optimizers()[name])
    for each in (made, rival):
        each.fit(X[:64], Y[:64], verbose=0, shuffle=False)
    before = state(made)
    found = clr_sweep.range_test(made, X, Y, **RAMP, quiet=True)
    assert state(made) == before
    (curve,) = found.record.curves()
    planned = ramp(np.arange(len(curve.rates)), low=1e-3, high=30.0, steps=curve.planned)
    np.testing.assert_allclose(curve.rates, planned, rtol=1e-6)
    assert curve.planned == 24 * 14  # a tenth of the examples is held out
    for each in (made, rival):
        each.fit(X, Y, epochs=1, verbose=0, shuffle=False)
    for one, other in zip(made.get_weights(), rival.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.heavy
def test_what_it_shows() -> None:
    """As of a sweep: the pair, the ranges, the words and the picture; the same numbers again."""
    made = model()
    found = clr_sweep.range_test(made, X, Y, **RAMP, seeds=2)
    assert isinstance(found, clr_sweep.RangeTest)
    assert found.summary.startswith(f"range test of {made.name}, rule smith: base ")
    assert 1e-3 <= found.base < found.max <= 30
    assert set(found.search_space) == {"init_lr", "max_lr"}
    assert found.text.startswith("search_space:\n  init_lr: {low: ")
    assert found._repr_png_().startswith(b"\x89PNG")
    assert (found.folder, found.record.metric) == (None, "val_accuracy")
    first, second = found.record.curves()
    assert not np.array_equal(first.losses, second.losses)  # the data in another order
    (again,) = clr_sweep.range_test(made, X, Y, **RAMP, seed=1, quiet=True).record.curves()
    np.testing.assert_array_equal(again.losses, second.losses)


class Interrupted(keras.utils.PyDataset):
    """Batches; while the rate rises, Ctrl-C comes, or a batch cannot be read."""

    def __init__(self, error: BaseException | None = None) -> None:
        super().__init__()
        self._error, self._given = error, 0

    def __len__(self) -> int:
        return 10

    def __getitem__(self, index: int) -> Any:
        self._given += 1
        if self._given == 30:
            if self._error is not None:
                raise self._error
            signal.raise_signal(signal.SIGINT)
        return X[32 * index : 32 * (index + 1)], Y[32 * index : 32 * (index + 1)]


@pytest.mark.heavy
@pytest.mark.parametrize(
    ("error", "raised"),
    [(None, clr_sweep.InterruptedSweepError), (OSError("gone"), clr_sweep.ClrSweepError)],
)
def test_after_ctrl_c_and_after_an_error(error: Any, raised: type[Exception]) -> None:
    """As after a test that has ended; handlers of signals too. An error is the cause of ours."""
    made, handler = model(optimizers()["a schedule"]), signal.getsignal(signal.SIGINT)
    made.fit(X, Y, verbose=0)
    before = state(made)
    with pytest.raises(raised) as caught:
        clr_sweep.range_test(made, Interrupted(error), epochs=10, quiet=True)
    assert caught.value.__cause__ is error
    assert state(made) == before
    assert signal.getsignal(signal.SIGINT) is handler


@pytest.mark.heavy
def test_a_data_set_and_what_cannot_be_seen_in_it(capsys: pytest.CaptureFixture[str]) -> None:
    """A tf.data.Dataset, whose first examples are the metric's; a test without bounds is drawn."""
    made = model()
    batches = tf.data.Dataset.from_tensor_slices((X, Y)).batch(32)
    with pytest.raises(clr_sweep.RangeTestError) as caught:
        clr_sweep.range_test(made, batches, low=1e-9, high=1e-8, epochs=4, rule="valley")
    text = str(caught.value)
    assert "its mean loss of 12 steps falls by 0.0866 from 0.9828 up to the rate 1e-08, " in text
    assert "What may help: a higher high, more epochs; another optimizer, such as adam" in text
    assert caught.value.picture._repr_png_().startswith(b"\x89PNG")
    said = capsys.readouterr().err
    assert f"range test of {made.name}: 1 x 60 steps at rates from 1e-09 to 1e-08" in said


def refused(made: Any, *given: Any, **arguments: Any) -> list[str]:
    """What is wrong with a call, which changes nothing."""
    with pytest.raises(clr_sweep.InputError) as caught:
        clr_sweep.range_test(made, *given, **arguments)
    return list(caught.value.problems)


def test_what_cannot_be_tested() -> None:
    """Said before a step is taken, with the argument's name."""
    made = model()
    bare = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)])
    (problem,) = refused(bare, X, Y)
    assert problem.startswith("model: must be compiled")
    two = model()
    two.second = keras.optimizers.SGD()
    (problem,) = refused(two, X, Y)
    assert problem.startswith("model: must have one optimizer, got second beside it")
    assert refused(made, X, batch_size=0)[0].startswith("batch_size: must be a whole number")
    assert refused(made, X)[0].startswith("y: is missing")
    assert refused(made, X, Y[:7]) == [
        "x: must have as many examples as what goes with them, got x 480, y 7"
    ]
    assert refused(made, 3.0, Y)[0].startswith("x: must be arrays")
    assert refused(made, X, Y, low=1.0, high=2.0)[0].startswith("high: must be at least ten times")
    assert refused(made, X[:40], Y[:40], epochs=3)[0].startswith(
        "epochs: the rate would rise within 6 steps, 2 an epoch, and 40 are needed at least"
    )
    assert refused(made, X, Y, metric="auc", **RAMP) == [
        "metric: must be one of accuracy, loss, got 'auc': it is not measured"
    ]
    assert refused(made, X, Y, metric=3) == ["metric: must be the name of a metric, got 3"]
    batches = tf.data.Dataset.from_tensor_slices((X, Y)).batch(32)
    assert refused(made, batches, Y)[0].startswith("y: a _BatchDataset gives them itself")
    assert refused(made, batches.repeat())[0].startswith("x: is infinite")


class TrainedByAnother(keras.Sequential):
    """Its train_step takes steps of an optimizer that nothing of the model names."""

    others = (keras.optimizers.SGD(0.01),)

    def train_step(self, data: Any) -> dict[str, Any]:
        x, y, _ = keras.utils.unpack_x_y_sample_weight(data)
        with tf.GradientTape() as tape:
            loss = self.compute_loss(x, y, self(x, training=True))
        weights = self.trainable_variables
        self.others[0].apply(tape.gradient(loss, weights), weights)
        return {"loss": loss}


def test_a_model_that_another_optimizer_trains() -> None:
    """Nobody could tell its rate: refused after the first seed, and the weights are put back."""
    made = TrainedByAnother([keras.Input((4,)), keras.layers.Dense(2, "softmax")])
    made.compile("sgd", "sparse_categorical_crossentropy")
    TrainedByAnother.others[0].build(made.trainable_variables)
    before = [weight.copy() for weight in made.get_weights()]
    (problem,) = refused(made, X, Y, **RAMP)
    assert problem.startswith("model: its optimizer (model.optimizer) has taken no step, so its ")
    assert int(TrainedByAnother.others[0].iterations) == 24 * 14
    for one, other in zip(before, made.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.heavy
def test_a_metric_of_one_of_several_outputs() -> None:
    """Keras' metric behind the name says what is better; left out, it is the loss of them all."""
    x, y = two_of_each.parts()
    made = two_of_each.functional()
    metrics = {"age": ["mae", own_accuracy], "sex": ["accuracy"]}
    made.compile("sgd", two_of_each.LOSSES, metrics=metrics)
    ramp = {**RAMP, "epochs": 6, "high": 3.0, "quiet": True, "rule": "valley"}
    found = clr_sweep.range_test(made, x, y, metric="val_sex_accuracy", **ramp).record
    assert (found.metric, found.sign) == ("val_sex_accuracy", 1)
    assert found.judged_by == ("val_sex_accuracy", "accuracy", "sex")
    assert clr_sweep.range_test(made, x, y, **ramp).record.metric == "val_loss"
    (problem,) = refused(made, x, y, metric="age_own_accuracy", **ramp)
    assert problem.endswith("got 'age_own_accuracy': nobody knows what makes it better")


def test_what_is_no_model() -> None:
    """The arguments of a model beside a sweep, and what is neither of both."""
    for given, kind in (("sweep.yaml", "str"), (None, "NoneType")):
        assert refused(given, X, Y, batch_size=32) == [
            "given: the first argument must be a compiled keras.Model beside x, y, batch_size, "
            f"got a {kind}: give the model, or leave out what is not for a sweep"
        ]
    assert refused(model)[0].startswith("given: must be a Sweep, a sweep file or a compiled")

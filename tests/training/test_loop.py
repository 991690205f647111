"""The training loop against `fit`, to the bit, and what it records of every step."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
import user_models

from clr_sweep.schedules import policies
from clr_sweep.schedules.keras import (
    ExponentialCyclicalLearningRate,
    Triangular2CyclicalLearningRate,
    TriangularCyclicalLearningRate,
)
from clr_sweep.training.loop import TrainingLoop, epoch_order
from clr_sweep.training.models import tutorial_cnn
from clr_sweep.training.stored_dataset import Dataset

# Keras 3.15 reads TensorFlow's variables by an __array__ that NumPy 2.4 wants changed.
pytestmark = pytest.mark.filterwarnings(
    "ignore:__array__ implementation doesn't accept a copy:DeprecationWarning"
)

BATCH = 64
TRAIN, HELD_OUT = np.arange(200, dtype="int32"), np.arange(200, 320, dtype="int32")
STEPS = 4  # 200 images: 64, 64, 64 and 8

Build = Callable[[], keras.Model]


@pytest.fixture(autouse=True, scope="module")
def _determinism() -> None:
    tf.config.experimental.enable_op_determinism()


def compiled(build: Build, rate: Any = None, loss: Any = "sparse_categorical_crossentropy") -> Any:
    """A compiled model, the same at each call."""
    keras.utils.set_random_seed(11)
    model = build()
    rate = TriangularCyclicalLearningRate(0.01, 0.3, 3) if rate is None else rate
    optimizer = keras.optimizers.SGD(rate, momentum=0.5)
    model.compile(optimizer=optimizer, loss=loss, metrics=["accuracy"], jit_compile=False)
    return model


def state(model: keras.Model) -> list[np.ndarray]:
    """All a model has learned or drawn: weights, statistics, seed generators, optimizer slots."""
    return [v.numpy() for v in (*model.variables, *model.optimizer.variables)]


def assert_same_bits(found: list[np.ndarray], expected: list[np.ndarray]) -> None:
    """The arrays are the same to the bit."""
    assert len(found) == len(expected)
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_array_equal(one, other, strict=True)


def trained_by_loop(
    build: Build, x: Any, y: Any, epochs: int = 2, loss: Any = "sparse_categorical_crossentropy"
) -> tuple[Any, list[dict[str, float]]]:
    """The model and the metrics of each epoch, by the loop."""
    model = compiled(build, loss=loss)
    loop = TrainingLoop(model, x, y, BATCH)
    found = []
    for epoch in range(1, epochs + 1):
        loop.train(epoch_order(TRAIN, 5, epoch), 0, STEPS)
        metrics = loop.take_metrics()
        checked = loop.evaluate(HELD_OUT)
        found.append(metrics | {f"val_{name}": value for name, value in checked.items()})
    return model, found


def trained_by_fit(
    build: Build, x: Any, y: Any, epochs: int = 2, loss: Any = "sparse_categorical_crossentropy"
) -> tuple[Any, list[dict[str, float]]]:
    """The same by `fit`, on arrays in the order of the epoch."""
    model = compiled(build, loss=loss)
    found = []
    for epoch in range(1, epochs + 1):
        order = epoch_order(TRAIN, 5, epoch)
        history = model.fit(
            x[order],
            y[order],
            batch_size=BATCH,
            shuffle=False,
            verbose=0,
            validation_data=(x[HELD_OUT], y[HELD_OUT]),
            validation_batch_size=len(HELD_OUT),
        ).history
        found.append({name: values[0] for name, values in history.items()})
    return model, found


@pytest.mark.parametrize(
    "build",
    [
        lambda: tutorial_cnn((28, 28)),
        user_models.own_step,
        user_models.built_late,
    ],
    ids=["tutorial_cnn", "own train_step", "subclassed"],
)
def test_equals_fit_to_the_bit(build: Build, images: Dataset) -> None:
    """Weights, statistics, seed generators, optimizer slots and every metric of each epoch."""
    mine, metrics = trained_by_loop(build, images.x_train, images.y_train)
    theirs, expected = trained_by_fit(build, images.x_train, images.y_train)
    assert metrics == expected
    assert set(metrics[0]) == {"loss", "accuracy", "val_loss", "val_accuracy"}
    assert_same_bits(state(mine), state(theirs))


@pytest.fixture
def as_written() -> Iterator[None]:
    """Graphs run as they were traced: TensorFlow's optimizer of graphs rewrites nothing."""
    tf.config.optimizer.set_experimental_options({"disable_meta_optimizer": True})
    yield
    tf.config.optimizer.set_experimental_options({"disable_meta_optimizer": False})


@pytest.mark.usefixtures("as_written")
def test_batch_norm_and_dropout_equal_fit_to_the_bit(images: Dataset) -> None:
    """Statistics, masks and the weight penalty are those of `fit`.

    Where graphs are optimized, sums may be rewritten in another order inside a loop, and some
    gradients of a batch normalisation differ in the last bit.
    """
    mine, metrics = trained_by_loop(user_models.regularised, images.x_train, images.y_train)
    theirs, expected = trained_by_fit(user_models.regularised, images.x_train, images.y_train)
    assert metrics == expected
    assert_same_bits(state(mine), state(theirs))


def test_a_train_step_without_compute_loss_equals_fit(images: Dataset) -> None:
    """Weights and metrics are those of `fit`; the loss recorded is the one that it reports."""
    mine, metrics = trained_by_loop(user_models.own_loss, images.x_train, images.y_train)
    theirs, expected = trained_by_fit(user_models.own_loss, images.x_train, images.y_train)
    assert metrics == expected
    assert_same_bits(state(mine), state(theirs))

    x, y, order = images.x_train, images.y_train, epoch_order(TRAIN, 5, 1)
    plain = TrainingLoop(compiled(user_models.perceptron), x, y, BATCH)
    own = TrainingLoop(compiled(user_models.own_loss), x, y, BATCH)
    of_batches = plain.train(order, 0, STEPS)[1]
    # It reports, as Keras' guide does, the mean since the epoch's start, here over the batches.
    means = np.cumsum(of_batches) / np.arange(1, STEPS + 1)
    np.testing.assert_allclose(own.train(order, 0, STEPS)[1], means, rtol=1e-6)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_float_data_equals_fit(images: Dataset, dtype: str) -> None:
    """Data that is scaled already, in any float type."""
    x = (images.x_train / 255).astype(dtype)
    mine, metrics = trained_by_loop(user_models.perceptron, x, images.y_train, epochs=1)
    theirs, expected = trained_by_fit(user_models.perceptron, x, images.y_train, epochs=1)
    assert metrics == expected
    assert_same_bits(state(mine), state(theirs))


def test_one_hot_labels_equal_fit(images: Dataset) -> None:
    """Labels of more than one number each, in float64."""
    labels = np.eye(10)[images.y_train]
    loss = "categorical_crossentropy"
    mine, metrics = trained_by_loop(user_models.perceptron, images.x_train, labels, 1, loss)
    theirs, expected = trained_by_fit(user_models.perceptron, images.x_train, labels, 1, loss)
    assert metrics == expected
    assert_same_bits(state(mine), state(theirs))


def test_a_model_of_integers_gets_integers(images: Dataset) -> None:
    """An Embedding's input keeps its type: as floats, numbers above 2**24 would run together."""
    seen = []

    class Watched(keras.Model):
        def train_step(self, data: Any) -> Any:
            seen.append(data[0].dtype)
            return super().train_step(data)

    def build() -> keras.Model:
        inputs = keras.Input((28,), dtype="int64")
        hidden = keras.layers.GlobalAveragePooling1D()(keras.layers.Embedding(256, 4)(inputs))
        return Watched(inputs, keras.layers.Dense(10, activation="softmax")(hidden))

    tokens = images.x_train[:, 14, :].astype("int64")
    mine, metrics = trained_by_loop(build, tokens, images.y_train, epochs=1)
    assert seen == [tf.int64]
    theirs, expected = trained_by_fit(build, tokens, images.y_train, epochs=1)
    assert metrics == expected
    assert_same_bits(state(mine), state(theirs))


@pytest.mark.parametrize(
    ("policy", "rate", "gamma"),
    [
        ("triangular", TriangularCyclicalLearningRate(1e-4, 0.3, 7), 1.0),
        ("triangular2", Triangular2CyclicalLearningRate(1e-4, 0.3, 7), 1.0),
        ("exp_range", ExponentialCyclicalLearningRate(1e-4, 0.3, 7, gamma=0.97), 0.97),
        ("constant", 1e-4, 1.0),
    ],
    ids=["triangular", "triangular2", "exp_range", "constant"],
)
def test_the_rate_of_every_step(images: Dataset, policy: str, rate: Any, gamma: float) -> None:
    """Each recorded rate is the formula's at that very step, not at the next one."""
    loop = TrainingLoop(
        compiled(user_models.perceptron, rate), images.x_train, images.y_train, BATCH
    )
    rates = [loop.train(epoch_order(TRAIN, 5, e), 0, STEPS)[0] for e in range(10)]
    expected = policies.learning_rate(
        np.arange(10 * STEPS), policy=policy, init_lr=1e-4, max_lr=0.3, step_size=7, gamma=gamma
    )
    np.testing.assert_array_equal(
        np.concatenate(rates), np.asarray(expected).astype("float32"), strict=True
    )


def test_the_loss_of_every_step(images: Dataset) -> None:
    """Each recorded loss is its own batch's before the update; the last batch is a smaller one."""
    x, y = images.x_train, images.y_train
    model = compiled(user_models.perceptron)
    order = epoch_order(TRAIN, 5, 1)
    _, losses = TrainingLoop(model, x, y, BATCH).train(order, 0, STEPS)

    stepwise = compiled(user_models.perceptron)
    sizes, expected = [], []
    for index in range(STEPS):
        rows = order[index * BATCH : (index + 1) * BATCH]
        sizes.append(len(rows))
        predicted = stepwise(x[rows].astype("float32"))
        expected.append(float(stepwise.compute_loss(y=y[rows], y_pred=predicted)))
        stepwise.train_on_batch(x[rows], y[rows])
    assert sizes == [64, 64, 64, 8]
    np.testing.assert_allclose(losses, expected, rtol=1e-6)


def test_the_penalty_on_weights_is_in_the_loss(images: Dataset) -> None:
    """The recorded loss of a single step is the loss that Keras reports for it."""
    model = compiled(user_models.regularised)
    loop = TrainingLoop(model, images.x_train, images.y_train, BATCH)
    _, losses = loop.train(epoch_order(TRAIN, 5, 1), 0, 1)
    assert losses[0] == pytest.approx(loop.take_metrics()["loss"], rel=1e-6)


def test_chunks_equal_one_call(images: Dataset) -> None:
    """However an epoch is cut into calls, rates, losses, metrics and weights are the same."""
    found = []
    for cuts in ([0, 4], [0, 1, 2, 3, 4], [0, 3, 4]):
        model = compiled(user_models.regularised)
        loop = TrainingLoop(model, images.x_train, images.y_train, BATCH)
        order = epoch_order(TRAIN, 5, 1)
        parts = [loop.train(order, a, b) for a, b in pairwise(cuts)]
        rates, losses = (np.concatenate(arrays) for arrays in zip(*parts, strict=True))
        found.append(([rates, losses, *state(model)], loop.take_metrics()))
    for arrays, metrics in found[1:]:
        assert metrics == found[0][1]
        assert_same_bits(arrays, found[0][0])


def test_evaluation_leaves_no_trace(images: Dataset) -> None:
    """Evaluating changes no weight, statistic or seed generator, nor the training after it."""
    watched, alone = (compiled(user_models.regularised) for _ in range(2))
    loops = [TrainingLoop(m, images.x_train, images.y_train, BATCH) for m in (watched, alone)]
    order = epoch_order(TRAIN, 5, 1)
    for loop in loops:
        loop.train(order, 0, 2)
    before = state(watched)
    loops[0].evaluate(HELD_OUT)
    loops[0].evaluate_on(images.x_test, images.y_test)
    assert_same_bits(state(watched), before)
    for loop in loops:
        loop.train(order, 2, STEPS)
    assert_same_bits(state(watched), state(alone))


def test_evaluate_on_other_data(images: Dataset) -> None:
    """Other data gives what `evaluate` of Keras gives, and of the same data the same."""
    model = compiled(user_models.perceptron)
    loop = TrainingLoop(model, images.x_train[:2], images.y_train[:2], 2)
    found = loop.evaluate_on(images.x_test, images.y_test)
    expected = model.evaluate(
        images.x_test, images.y_test, batch_size=1000, verbose=0, return_dict=True
    )
    assert found == expected
    whole = TrainingLoop(model, images.x_test, images.y_test, BATCH)
    assert whole.evaluate(np.arange(len(images.x_test), dtype="int32")) == found


def test_evaluation_in_several_batches(monkeypatch: pytest.MonkeyPatch, images: Dataset) -> None:
    """More rows than an evaluation's batch: every row counts once, the last part too."""
    monkeypatch.setattr("clr_sweep.training.loop.EVALUATION_BATCH", 50)
    model = compiled(user_models.perceptron)
    loop = TrainingLoop(model, images.x_train, images.y_train, BATCH)
    expected = model.evaluate(
        images.x_train[HELD_OUT], images.y_train[HELD_OUT], batch_size=50, verbose=0,
        return_dict=True,
    )  # fmt: skip
    assert loop.evaluate(HELD_OUT) == expected


def test_evaluation_does_not_enter_the_epochs_metrics(images: Dataset) -> None:
    """Metrics count from the last time they were taken."""
    model = compiled(user_models.perceptron)
    loop = TrainingLoop(model, images.x_train, images.y_train, BATCH)
    first = loop.evaluate(HELD_OUT)
    assert loop.evaluate(HELD_OUT) == first
    loop.train(epoch_order(TRAIN, 5, 1), 0, STEPS)
    metrics = loop.take_metrics()
    again = compiled(user_models.perceptron)
    only_training = TrainingLoop(again, images.x_train, images.y_train, BATCH)
    only_training.train(epoch_order(TRAIN, 5, 1), 0, STEPS)
    assert only_training.take_metrics() == metrics


def test_the_model_is_left_as_it_was(images: Dataset) -> None:
    """Listening to compute_loss leaves nothing on the model, which is saved afterwards."""
    model = compiled(user_models.own_step)
    before = type(model).compute_loss
    loop = TrainingLoop(model, images.x_train, images.y_train, BATCH)
    loop.train(epoch_order(TRAIN, 5, 1), 0, 1)
    assert "compute_loss" not in vars(model)
    assert model.compute_loss.__func__ is before


def test_the_order_of_an_epoch() -> None:
    """It holds every row once and follows from the seed and the epoch alone."""
    rows = np.array([3, 5, 8, 13, 21, 34, 55, 89], dtype="int32")
    order = epoch_order(rows, 4, 2)
    assert order.dtype == np.int32
    assert sorted(order.tolist()) == rows.tolist()
    assert order.tolist() == epoch_order(rows, 4, 2).tolist()
    orders = {tuple(epoch_order(rows, seed, epoch)) for seed in (4, 5) for epoch in (1, 2, 3)}
    assert len(orders) == 6
    # The numbers of every stored study hang on this order.
    assert order.tolist() == [21, 3, 8, 34, 13, 5, 55, 89]


def heard(step: Callable[..., Any], calls: list[str]) -> Callable[..., Any]:
    """The same step, which notes when Python runs it: when it is traced."""

    def noting(*arguments: Any) -> Any:
        calls.append(step.__name__)
        return step(*arguments)

    return noting


def test_graphs_traced_beforehand_are_those_that_run(images: Dataset) -> None:
    """Nothing is traced twice, and every number stays the same."""
    found = []
    for ahead in (True, False):
        traced: list[str] = []
        model = compiled(user_models.regularised)
        for name in ("train_step", "test_step"):
            setattr(model, name, heard(getattr(model, name), traced))
        loop = TrainingLoop(model, images.x_train, images.y_train, BATCH)
        order = epoch_order(TRAIN, 5, 1)
        if ahead:
            loop.graphs(order, HELD_OUT)
        curve = loop.train(order, 0, 3)
        metrics = loop.take_metrics() | loop.evaluate(HELD_OUT)
        loop.train(epoch_order(TRAIN, 5, 2), 0, STEPS)
        loop.evaluate(HELD_OUT)
        found.append(((metrics, sorted(traced)), [*curve, *state(model)]))
    (seen, arrays), (expected_seen, expected) = found
    assert {"train_step", "test_step"} == set(seen[1])
    assert seen == expected_seen
    assert_same_bits(arrays, expected)

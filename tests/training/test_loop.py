"""What the training loop records of every step, its evaluations, and the graphs it runs."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import keras
import numpy as np
import pytest
import user_models
from compiled_models import (
    BATCH,
    HELD_OUT,
    STEPS,
    TRAIN,
    assert_same_bits,
    compiled,
    loop_of,
    state,
)  # fmt: skip

from clr_sweep.common.errors import InputError
from clr_sweep.schedules import policies
from clr_sweep.schedules.keras import (
    ExponentialCyclicalLearningRate,
    Triangular2CyclicalLearningRate,
    TriangularCyclicalLearningRate,
)
from clr_sweep.training.data.materialized import Dataset
from clr_sweep.training.data.splits import epoch_order
from clr_sweep.training.loop import TrainingLoop

pytestmark = pytest.mark.usefixtures("deterministic_ops")


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
    loop = loop_of(compiled(user_models.perceptron, rate), images)
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
    _, losses = loop_of(model, images).train(order, 0, STEPS)

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
    loop = loop_of(compiled(user_models.regularised), images)
    _, losses = loop.train(epoch_order(TRAIN, 5, 1), 0, 1)
    assert losses[0] == pytest.approx(loop.take_metrics()["loss"], rel=1e-6)


def test_chunks_equal_one_call(images: Dataset) -> None:
    """However an epoch is cut into calls, rates, losses, metrics and weights are the same."""
    found = []
    for cuts in ([0, 4], [0, 1, 2, 3, 4], [0, 3, 4]):
        model = compiled(user_models.regularised)
        loop = loop_of(model, images)
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
    loops = [loop_of(m, images) for m in (watched, alone)]
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
    loop = loop_of(model, images)
    expected = model.evaluate(
        images.x_train[HELD_OUT], images.y_train[HELD_OUT], batch_size=50, verbose=0,
        return_dict=True,
    )  # fmt: skip
    assert loop.evaluate(HELD_OUT) == expected


def test_evaluation_does_not_enter_the_epochs_metrics(images: Dataset) -> None:
    """Metrics count from the last time they were taken."""
    loop = loop_of(compiled(user_models.perceptron), images)
    first = loop.evaluate(HELD_OUT)
    assert loop.evaluate(HELD_OUT) == first
    loop.train(epoch_order(TRAIN, 5, 1), 0, STEPS)
    metrics = loop.take_metrics()
    only_training = loop_of(compiled(user_models.perceptron), images)
    only_training.train(epoch_order(TRAIN, 5, 1), 0, STEPS)
    assert only_training.take_metrics() == metrics


def test_the_model_is_left_as_it_was(images: Dataset) -> None:
    """Listening to compute_loss leaves nothing on the model, which is saved afterwards."""
    model = compiled(user_models.own_step)
    before = type(model).compute_loss
    loop = loop_of(model, images)
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
        loop = loop_of(model, images)
        order = epoch_order(TRAIN, 5, 1)
        if ahead:
            loop.graphs()
        curve = loop.train(order, 0, 3)
        metrics = loop.take_metrics() | loop.evaluate(HELD_OUT)
        loop.train(epoch_order(TRAIN, 5, 2), 0, STEPS)
        loop.evaluate(HELD_OUT)
        found.append(((metrics, sorted(traced)), [*curve, *state(model)]))
    (seen, arrays), (expected_seen, expected) = found
    assert {"train_step", "test_step"} == set(seen[1])
    assert seen == expected_seen
    assert_same_bits(arrays, expected)


class OneBatch(keras.Model):
    """Steps that return what they found in this batch, under some names."""

    returned: Any = None

    def train_step(self, data: Any) -> Any:
        return super().train_step(data) if self.returned is None else self.returned

    def test_step(self, data: Any) -> Any:
        found = super().test_step(data)
        return {"loss": found["loss"]} if self.returned is None else self.returned


@pytest.mark.parametrize(
    ("returned", "got"),
    [({"loss": 1.0, "error": 2.0}, "error, loss"), ({}, "nothing"), (0.5, "a float")],
)
def test_what_no_metric_has_gathered_is_refused(images: Dataset, returned: Any, got: str) -> None:
    """`fit` would show the last batch's, or nothing."""
    model = compiled(lambda: user_models._as(OneBatch))
    model.returned = returned
    with pytest.raises(InputError) as caught:
        loop_of(model, images)
    assert str(caught.value).startswith(
        f"the model's test_step must return what its metrics (loss, accuracy) have gathered over "
        f"the epoch, got {got}: update a keras.metrics.Metric in it"
    )


class OwnName(keras.Model):
    """A metric of its own, under some name."""

    called = ""

    def build(self, _: Any) -> None:
        self.own = keras.metrics.Mean(name=self.called)

    def compute_metrics(self, x: Any, y: Any, y_pred: Any, sample_weight: Any = None) -> Any:
        self.own.update_state(1.0)
        return super().compute_metrics(x, y, y_pred, sample_weight)


@pytest.mark.parametrize(
    ("name", "why"),
    [("recall@5", "'recall@5' is no name for a metric: MLflow"), ("cpu_seconds", "a meaning of")],
)
def test_a_models_own_metric_needs_a_name_that_can_be_told(
    images: Dataset, name: str, why: str
) -> None:
    """MLflow would refuse it with all that is told beside it, or it would be taken for ours."""

    class Called(OwnName):
        called = name

    with pytest.raises(InputError, match=f"^what the model's test_step reports: .*{why}"):
        loop_of(compiled(lambda: user_models._as(Called)), images)


def test_what_a_step_does_not_report_is_no_metric(images: Dataset) -> None:
    """As in the history of `fit`: a metric that nobody updates would be 0 for ever."""
    loop = loop_of(compiled(lambda: user_models._as(OneBatch)), images)
    loop.train(epoch_order(TRAIN, 5, 1), 0, STEPS)
    assert set(loop.take_metrics()) == {"loss", "accuracy"}
    assert set(loop.evaluate(HELD_OUT)) == set(loop.metrics) == {"loss"}

"""Models of several inputs and outputs: the same numbers as `fit`, whatever reads the examples."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import two_of_each
from compiled_models import BATCH, HELD_OUT, STEPS, TRAIN, assert_same_bits, state
from interrupted_trials import Interrupted, train_anew
from small_trials import small_config

from clr_sweep.definition.sweep import Objective
from clr_sweep.definition.training_config import TrainingConfig
from clr_sweep.schedules.keras import TriangularCyclicalLearningRate
from clr_sweep.training.compiled_loss import compiled_losses
from clr_sweep.training.data.materialized import materialize
from clr_sweep.training.data.memory import stacked
from clr_sweep.training.data.named import rows
from clr_sweep.training.data.splits import epoch_order
from clr_sweep.training.folder import TrialFolder
from clr_sweep.training.loop import TrainingLoop

pytestmark = pytest.mark.usefixtures("deterministic_ops")

X, Y = two_of_each.parts()
LISTED = functools.partial(two_of_each.functional, listed=True)


def compiled(build: Any) -> Any:
    """A compiled model, the same at each call."""
    keras.utils.set_random_seed(11)
    model = build()
    model.compile(
        optimizer=keras.optimizers.SGD(TriangularCyclicalLearningRate(0.01, 0.1, 3), momentum=0.5),
        loss=two_of_each.LOSSES,
        loss_weights=two_of_each.WEIGHTS,
        metrics=two_of_each.METRICS,
        jit_compile=False,
    )
    return model


def by_loop(build: Any, weights: Any = None) -> tuple[Any, list[dict[str, float]]]:
    """The model, and the metrics of each epoch."""
    model = compiled(build)
    loop = TrainingLoop(model, X, Y, BATCH, weights=weights)
    found = []
    for epoch in (1, 2):
        loop.train(epoch_order(TRAIN, 5, epoch), 0, STEPS)
        metrics = loop.take_metrics()
        checked = loop.evaluate(HELD_OUT)
        found.append(metrics | {f"val_{name}": value for name, value in checked.items()})
    return model, found


def by_fit(build: Any, weights: Any = None) -> tuple[Any, list[dict[str, float]]]:
    """The same by `fit`, on dicts of arrays in the order of the epoch."""
    model = compiled(build)
    found = []
    for epoch in (1, 2):
        order = epoch_order(TRAIN, 5, epoch)
        history = model.fit(
            rows(X, order),
            rows(Y, order),
            batch_size=BATCH,
            shuffle=False,
            verbose=0,
            sample_weight=None if weights is None else weights[order],
            validation_data=(rows(X, HELD_OUT), rows(Y, HELD_OUT)),
            validation_batch_size=len(HELD_OUT),
        ).history
        found.append({name: values[0] for name, values in history.items()})
    return model, found


@pytest.mark.parametrize(
    ("build", "weighed"),
    [(two_of_each.functional, True), (LISTED, False), (two_of_each.subclassed, False)],
    ids=["dict of inputs, weighed", "list of inputs", "subclassed"],
)
def test_equals_fit_to_the_bit(build: Any, weighed: bool) -> None:
    """All that is learned, and each metric of each output in training and validation."""
    weights = two_of_each.weigh(X, Y).astype("float32") if weighed else None
    (mine, metrics), (theirs, expected) = by_loop(build, weights), by_fit(build, weights)
    assert metrics == expected
    assert {"loss", "age_loss", "sex_loss", "age_mae", "sex_accuracy", "val_sex_accuracy"} <= set(
        metrics[0]
    )
    assert_same_bits(state(mine), state(theirs))


@pytest.mark.heavy
def test_an_interrupted_trial_ends_with_the_same_numbers(tmp_path: Path) -> None:
    """Gone on with after its first epoch: reports, weights and value are those of one piece."""
    config = small_config("triangular", model="two_of_each:functional", epochs=2, max_lr=0.05)
    training = TrainingConfig.model_validate(
        {
            **config.training.model_dump(exclude={"loss", "metrics"}),
            "loss": {"outputs": two_of_each.LOSSES, "weights": two_of_each.WEIGHTS},
            "metrics": two_of_each.METRICS,
            "sample_weight": "two_of_each:weigh",
        }
    )
    objective = Objective(metric="val_sex_accuracy", direction="maximize")
    config = config.model_copy(update={"training": training, "objective": objective})
    data, ended = two_of_each.dataset(), []
    for name, stops in (("whole", False), ("interrupted", True)):
        folder = TrialFolder(tmp_path / name)
        if stops:
            with pytest.raises(Interrupted):
                train_anew(config, data, folder, on_epoch=interrupt)
        result = train_anew(config, data, folder)
        weights = keras.models.load_model(folder.model_file, compile=False).get_weights()
        metrics = [report.metrics for report in folder.reports()]
        ended.append((result.value, result.metrics, metrics, weights))
    assert ended[0][:3] == ended[1][:3]
    assert ended[0][0] == ended[0][1]["val_sex_accuracy"]
    assert_same_bits(ended[0][3], ended[1][3])


def interrupt(_: Any) -> bool:
    """As the end of the process does, in the first epoch's report."""
    raise Interrupted


def test_streamed_it_is_the_same(tmp_path: Path) -> None:
    """From files, stretch by stretch, validated on the test part: as from memory, to the bit."""
    data = materialize(two_of_each.dataset(), tmp_path / "data")
    assert set(data.arrays()) == {
        f"{kind}_{part}.{name}"
        for kind, names in (("x", ("image", "meta")), ("y", ("age", "sex")))
        for part in ("train", "test")
        for name in names
    }
    x, y = stacked(data.x_train, data.x_test), stacked(data.y_train, data.y_test)
    held_out = np.arange(240, 300, dtype="int32")
    found = []
    for streamed in (False, True):
        model = compiled(two_of_each.functional)
        loop = TrainingLoop(model, x, y, BATCH, streamed=streamed)
        loop.train(epoch_order(TRAIN, 5, 1), 0, STEPS)
        metrics = [loop.take_metrics(), loop.evaluate(held_out)]
        assert loop.evaluate_on(data.x_test, data.y_test) == loop.evaluate(held_out)
        found.append((metrics, state(model)))
    assert found[0][0] == found[1][0]
    assert_same_bits(found[0][1], found[1][1])


@pytest.mark.parametrize(
    ("inputs", "outputs"),
    [(("image", "meta"), ("sex",)), (("meta",), ("age", "sex")), (("meta",), ("age",))],
)
def test_names_are_those_that_keras_reports(
    inputs: tuple[str, ...], outputs: tuple[str, ...]
) -> None:
    """What a sweep says is measured is what the model measures, of however many ends."""
    heads = {"age": keras.layers.Dense(1), "sex": keras.layers.Dense(2, activation="softmax")}
    ends = {name: keras.Input(X[name].shape[1:], name=name) for name in inputs}
    flat = [keras.layers.Flatten()(end) for end in ends.values()]
    hidden = keras.layers.Concatenate()(flat) if len(flat) > 1 else flat[0]
    model = keras.Model(ends, {name: heads[name](hidden) for name in outputs})
    training = TrainingConfig.model_validate(
        {
            "epochs": 1,
            "loss": {"outputs": {name: two_of_each.LOSSES[name] for name in outputs}},
            "metrics": {name: two_of_each.METRICS[name] for name in outputs},
        }
    )
    model.compile(
        loss=compiled_losses(training.outputs, ()),
        metrics={one.name: list(one.metrics) for one in training.outputs},
    )
    x, y = ({name: part[name] for name in names} for part, names in ((X, inputs), (Y, outputs)))
    assert set(TrainingLoop(model, x, y, BATCH).metrics) == {"loss", *training.measured}

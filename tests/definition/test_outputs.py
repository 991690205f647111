"""Losses and metrics of several outputs, as a sweep file has them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from written_sweeps import written

from clr_sweep.common.errors import InputError
from clr_sweep.definition.loading import load_sweep
from clr_sweep.definition.own_modules import own_modules
from clr_sweep.definition.sweep import Sweep

LOSS = {"outputs": {"age": "mse", "sex": "sparse_categorical_crossentropy"}, "weights": {"age": 2}}


def sweep(folder: Path, metric: str = "val_loss", direction: Any = None, **training: Any) -> Sweep:
    """A sweep file with this training, as every command reads it."""
    objective = {"metric": metric} | ({} if direction is None else {"direction": direction})
    training = {"epochs": 16, "loss": LOSS, **training}
    return load_sweep(written(folder, {"training": training, "objective": objective}))


@pytest.mark.parametrize(
    ("metric", "direction"),
    [
        ("val_loss", "minimize"),
        ("val_age_loss", "minimize"),
        ("age_mae", "minimize"),
        ("val_sex_accuracy", "maximize"),
    ],
)
def test_an_objective_is_what_keras_reports(tmp_path: Path, metric: str, direction: str) -> None:
    """Of an output, by its name; which is better follows from the metric."""
    found = sweep(tmp_path, metric, metrics={"age": ["mae"], "sex": ["accuracy"]})
    assert found.objective.direction == direction
    assert found.training.measured == {
        "age_mae": "mae", "sex_accuracy": "accuracy", "age_loss": "loss", "sex_loss": "loss",
    }  # fmt: skip
    assert Sweep.from_json(found.model_dump(mode="json", by_alias=True)) == found


def test_what_is_left_out(tmp_path: Path) -> None:
    """Accuracy of outputs that classify, as with one; of a single output Keras tells no name."""
    assert sweep(tmp_path).training.metrics == {"sex": ("accuracy",)}
    assert str(sweep(tmp_path).training.loss) == (
        "mse of age (weight 2), sparse_categorical_crossentropy of sex"
    )
    alone = sweep(tmp_path, loss={"outputs": {"age": "mse"}}, metrics={"age": ["mae"]})
    assert alone.training.measured == {"mae": "mae"}


def test_own_modules_of_outputs(tmp_path: Path) -> None:
    """A loss and a metric of one's own are found, to be sent along."""
    (tmp_path / "mine.py").write_text("def loss(a, b): ...\ndef gap(a, b): ...\n")
    found = sweep(
        tmp_path,
        loss={"outputs": {"age": "mine:loss", "sex": "mse"}},
        metrics={"sex": ["mine:gap"]},
    )
    assert own_modules(found, [tmp_path]) == (tmp_path / "mine.py",)


@pytest.mark.parametrize(
    ("training", "metric", "problem"),
    [
        ({"loss": {"outputs": {"age": "msee"}}}, "val_loss",
         "training.loss.outputs.age: must be the name of a Keras loss"),
        ({"loss": {"outputs": {"age": {"name": "huber", "arguments": {"delt": 1}}}}}, "val_loss",
         "training.loss.outputs.age.arguments.delt: unknown argument of the loss huber 'delt'"),
        ({"loss": {**LOSS, "weights": {"agee": 1}}}, "val_loss",
         "training.loss.weights.agee: unknown output 'agee' - did you mean 'age'?"),
        ({"loss": {**LOSS, "weights": {"age": -1}}}, "val_loss",
         "training.loss.weights.age: must be a finite number, 0 or more, got -1"),
        ({"loss": {**LOSS, "weights": {"age": 0, "sex": 0}}}, "val_loss",
         "training.loss.weights: must leave the loss of one output a weight above 0"),
        ({"loss": {**LOSS, "name": "mse"}}, "val_loss",
         "training.loss.name: is not taken: outputs has the loss of each output"),
        ({"loss": {"outputs": {}}}, "val_loss",
         "training.loss.outputs: must be a loss for each output"),
        ({"loss": {"weights": {"age": 1}}}, "val_loss", "training.loss.outputs: is required"),
        ({"loss": {"outputs": {"val": "mse", "b": "mse"}}}, "val_loss",
         "training.loss.outputs.val: val_loss has a meaning of its own here"),
        ({"loss": {"outputs": {"a/b": "mse"}}}, "val_loss",
         "training.loss.outputs.a/b: must be named by letters, digits, - and _"),
        ({"metrics": ["accuracy"]}, "val_loss",
         "training.metrics: must be lists by the names of the outputs, such as {age: [...], "),
        ({"metrics": {"sexx": ["accuracy"]}}, "val_loss",
         "training.metrics.sexx: unknown output 'sexx' - did you mean 'sex'?"),
        ({"metrics": {"sex": ["acuracy"]}}, "val_loss",
         "training.metrics.sex: unknown metric 'acuracy' - did you mean 'accuracy'?"),
        ({"metrics": {"sex": "accuracy"}}, "val_loss",
         "training.metrics.sex: must be a list of metrics"),
        ({"loss": "mse", "metrics": {"sex": ["accuracy"]}}, "val_loss",
         "training.metrics: must be a list, since training.loss is of one output"),
        ({"loss": {"outputs": {"a": "mse", "a_b": "mse"}}, "metrics": {"a": ["mine:b_mae"],
                                                                       "a_b": ["mae"]}},
         "val_loss", "training.metrics.a_b: a_b_mae is a metric of the output a too"),
        ({"loss": {"outputs": {"a": "mse", "a_b": "mse"}}, "metrics": {"a": ["mine:b_loss"]}},
         "val_loss", "training.metrics: a_b_loss is a metric of the output a too"),
        ({"class_weight": {0: 2}}, "val_loss",
         "training.class_weight: is for a model of one output, as under fit"),
        ({}, "val_sex_acuracy",
         "objective.metric: unknown metric 'val_sex_acuracy' - did you mean 'val_sex_accuracy'?"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told_with_its_place(
    tmp_path: Path, training: dict[str, Any], metric: str, problem: str
) -> None:
    """One sentence each, with the nearest name."""
    (tmp_path / "mine.py").write_text("def b_mae(a, b): ...\ndef b_loss(a, b): ...\n")
    with pytest.raises(InputError) as raised:
        sweep(tmp_path, metric, **training)
    assert len(raised.value.problems) == 1, raised.value.problems
    assert problem in raised.value.problems[0]


def test_a_direction_against_the_metric(tmp_path: Path) -> None:
    """As of a metric of a single output."""
    with pytest.raises(InputError, match=r"objective\.direction: must be maximize for the metric"):
        sweep(tmp_path, "val_sex_accuracy", "minimize")

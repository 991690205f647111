"""Names and shapes of several inputs and outputs, held against data and losses before a step."""

from __future__ import annotations

import functools
from typing import Any

import keras
import numpy as np
import pytest
import two_of_each
from small_trials import small_config

from clr_sweep.common.errors import InputError
from clr_sweep.definition.outputs import OutputLosses
from clr_sweep.definition.training_config import TrainingConfig
from clr_sweep.training.checks.labels_for_metrics import batch_check
from clr_sweep.training.checks.model_inputs import check_inputs
from clr_sweep.training.compiling import data_facts, loss_weights
from clr_sweep.training.data.materialized import Dataset, in_memory
from clr_sweep.training.example_weights import example_weights
from clr_sweep.training.model_ends import input_dtypes, reported


def training(metrics: Any = None, **outputs: str) -> TrainingConfig:
    """With these losses, those of the data where none are given."""
    loss = {"outputs": outputs or two_of_each.LOSSES}
    more = {} if metrics is None else {"metrics": metrics}
    return TrainingConfig.model_validate({"epochs": 1, "loss": loss, **more})


def data(**others: Any) -> Dataset:
    """The data set with other arrays, `__` for the dot; None leaves one out."""
    arrays = dict(two_of_each.dataset().arrays())
    arrays |= {key.replace("__", "."): array for key, array in others.items()}
    return in_memory("people", {k: a for k, a in arrays.items() if a is not None}, "here")


def renamed(part: str, old: str, new: str | None) -> Dataset:
    """The data set with an array of examples or labels under another name, or without it."""
    others: dict[str, Any] = {}
    for key in (f"{part}_train", f"{part}_test"):
        array = two_of_each.dataset().arrays()[f"{key}.{old}"]
        others[f"{key}.{old}"] = None
        if new is not None:
            others[f"{key}.{new}"] = array
    return data(**others)


def refused(model: Any, found: Dataset, config: TrainingConfig) -> tuple[str, ...]:
    """The problems of model, data and losses."""
    with pytest.raises(InputError) as raised:
        check_inputs(model, found, config.outputs)
    return raised.value.problems


def test_those_that_fit_are_taken() -> None:
    """A dict of inputs, a list of named ones, and a model that tells nothing beforehand."""
    for build in (
        two_of_each.functional,
        functools.partial(two_of_each.functional, listed=True),
        two_of_each.subclassed,
    ):
        check_inputs(build(), data(), training().outputs)
    assert input_dtypes(two_of_each.functional()) == {"x.image": "float32", "x.meta": "float32"}
    assert input_dtypes(two_of_each.subclassed()) == {}


def test_all_is_told_at_once() -> None:
    """Inputs and outputs, each with the nearest name."""
    found = renamed("x", "image", "imag")
    assert refused(two_of_each.functional(), found, training(age="mse", sexx="bce")) == (
        "x_train.imag: the model has no such input - did you mean 'image'? (it has meta, image); "
        "leave it out, or take it in the model",
        "x_train.image: is missing, which the model takes - did you mean 'imag'?",
        "y_train.sex: has no loss in training.loss.outputs (age, sexx) - did you mean 'sexx'?; "
        "give it one, or leave it out",
        "training.loss.outputs.sexx: there are no labels y_train.sexx - did you mean 'sex'? "
        "(there are age, sex)",
        "the model's output 'sex': has no loss in training.loss.outputs (age, sexx) - did you "
        "mean 'sexx'?; give it one, or leave it out",
        "training.loss.outputs.sexx: the model has no output 'sexx' - did you mean 'sex'? (there "
        "are sex, age)",
    )


def test_shapes_of_inputs() -> None:
    """By name."""
    found = data(x_train__meta=np.zeros((240, 4), "float32"), x_test__meta=np.zeros((60, 4), "f4"))
    (problem,) = refused(two_of_each.functional(), found, training())
    assert problem.startswith("x_train.meta: must have the shape (n, 3) that the model takes, got")


def test_outputs_and_labels_without_names() -> None:
    """Lists are none, as under `fit` with labels by name; and one array is not several."""
    inputs = keras.Input((3,), name="meta")
    layers = keras.layers
    model = keras.Model({"meta": inputs}, [layers.Dense(1)(inputs), layers.Dense(2)(inputs)])
    (problem,) = refused(model, renamed("x", "image", None), training())
    assert problem == (
        "the model: must return its outputs by name, as keras.Model(inputs, {'age': ..., 'sex': "
        "...}) does, since training.loss has losses by name, got 2 without names"
    )
    arrays = dict(two_of_each.dataset().arrays())
    one = {key: arrays[f"{key}.meta"] for key in ("x_train", "x_test")}
    one |= {key: arrays[f"{key}.sex"] for key in ("y_train", "y_test")}
    single = in_memory("one", one, "here")
    problems = refused(two_of_each.functional(), single, training())
    assert [problem.partition(":")[0] for problem in problems] == ["x_train", "y_train"]
    assert "the model has 2 inputs (meta, image)" in problems[0]
    assert "must be labels by the names of the outputs" in problems[1]


def test_one_loss_for_several_outputs() -> None:
    """Is refused with the form that there is for them."""
    config = TrainingConfig(epochs=1)
    (problem,) = refused(two_of_each.functional(), data(), config)
    assert problem == (
        "training.loss: must have a loss for each of the labels, {outputs: {age: ..., sex: ...}}, "
        "got sparse_categorical_crossentropy alone"
    )


@pytest.mark.parametrize(
    ("config", "problem"),
    [
        (training(age="mse", sex="categorical_crossentropy"),
         "y_train.sex: must be numbers, one for each output, of the shape (n, 2), as "
         "training.loss.outputs.sex categorical_crossentropy takes them"),
        (training(age="sparse_categorical_crossentropy", sex="mse"),
         "training.loss.outputs.age sparse_categorical_crossentropy is the same whatever it"),
        (training({"age": ["accuracy"]}, age="mse", sex="sparse_categorical_crossentropy"),
         "leave accuracy out of training.metrics.age"),
    ],
)  # fmt: skip
def test_labels_are_held_against_the_loss_of_their_output(
    config: TrainingConfig, problem: str
) -> None:
    """With the place in the sweep file and the key of the labels."""
    found = data()
    predicted = {"age": np.zeros((2, 1)), "sex": np.zeros((2, 2))}
    labels = {name: array[:2] for name, array in two_of_each.parts()[1].items()}
    with pytest.raises(InputError) as raised:
        batch_check(config, found)(labels, predicted)
    assert any(problem in text for text in raised.value.problems), raised.value.problems


def test_facts_weights_and_class_weights() -> None:
    """Shapes and classes by name; an output that is not weighed counts 1."""
    facts = data_facts(data())
    assert facts["input_shape"] == {"image": (6, 5), "meta": (3,)}
    assert facts["classes"]["sex"] == 2
    loss = OutputLosses.model_validate({"outputs": two_of_each.LOSSES, "weights": {"sex": 3}})
    assert loss_weights(loss) == {"age": 1.0, "sex": 3.0}
    rows = np.arange(240, dtype="int32")
    weighed = small_config().training.model_copy(update={"sample_weight": "two_of_each:weigh"})
    found = example_weights(weighed, data(), rows, ())
    assert found is not None
    assert found.shape == (240,)
    balanced = small_config().training.model_copy(update={"class_weight": "balanced"})
    with pytest.raises(InputError, match=r"training\.class_weight: is for a model of one output"):
        example_weights(balanced, data(), rows, ())


def test_the_metric_behind_a_name_that_a_model_reports() -> None:
    """Of the output that it begins with, of two the longer; a single one is not named."""
    inputs = keras.Input((3,), name="x")
    ends = {name: keras.layers.Dense(1, name=name)(inputs) for name in ("age", "age_mean")}
    of_one = keras.Model(inputs, ends["age"])
    for model in (keras.Model(inputs, ends), keras.Model(inputs, list(ends.values()))):
        assert reported(model, "age_mae") == ("age_mae", "mae", "age")
        assert reported(model, "age_mean_loss") == ("age_mean_loss", "loss", "age_mean")
        assert reported(model, "loss") == ("loss", "loss", None)
    assert reported(of_one, "age_mae") == ("age_mae", "age_mae", None)
    assert reported(two_of_each.subclassed(), "sex_accuracy").direction is None

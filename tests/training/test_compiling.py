"""What a trial's configuration and data become: a compiled model."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import keras
import numpy as np
import pytest
from small_trials import few_images, small_config

from clr_sweep.common.errors import InputError
from clr_sweep.definition.sweep import ModelConfig
from clr_sweep.schedules.keras import (
    ExponentialCyclicalLearningRate,
    Triangular2CyclicalLearningRate,
    TriangularCyclicalLearningRate,
)
from clr_sweep.training.compiling import compiled_model, data_facts, schedule
from clr_sweep.training.data.materialized import Dataset
from clr_sweep.training.models import build_model


def test_data_facts() -> None:
    """What a model's function is told: the shape of an example and the number of classes."""
    plain, hot = few_images(), few_images(one_hot=True)
    assert data_facts(plain) == {"input_shape": (28, 28), "classes": 10}
    assert data_facts(hot) == {"input_shape": (28, 28), "classes": 10}
    column = dataclasses.replace(plain, y_train=plain.y_train[:, None])
    assert data_facts(column) == {"input_shape": (28, 28), "classes": 10}


def relabelled(change: Callable[[np.ndarray], np.ndarray]) -> Dataset:
    """The images with changed training labels."""
    plain = few_images()
    return dataclasses.replace(plain, y_train=change(np.asarray(plain.y_train)))


def test_a_number_of_classes_that_nobody_tells() -> None:
    """A function that requires it, and labels that number no classes."""
    facts = data_facts(relabelled(lambda y: y / 10))
    with pytest.raises(InputError, match=r"^model.arguments.classes: is required by .*:needs_cl"):
        build_model(ModelConfig(name=f"{__name__}:needs_classes"), facts, [])
    config = ModelConfig(name=f"{__name__}:needs_classes", arguments={"classes": 3})
    assert build_model(config, facts, []).output_shape == (None, 3)


@pytest.mark.parametrize("dtype", ["int64", "uint64", "float64"])
def test_ids_of_classes_are_no_class_numbers(dtype: str) -> None:
    """A model with an output for each number below them would be too large to be built."""
    data = relabelled(lambda y: y.astype(dtype) + np.array(2**62, dtype))
    with pytest.raises(InputError) as refused:
        build_model(ModelConfig(name=f"{__name__}:needs_classes"), data_facts(data), [])
    # 62 bits and a digit more are no float.
    found = "1 different label, the highest 4.6" if dtype == "float64" else "10 different labels, t"
    assert found in str(refused.value)
    assert str(refused.value).endswith(
        "; where they are classes, number them from 0 on, those of all parts at once: "
        "np.unique(labels, return_inverse=True)"
    )


def test_classes_may_be_missing_in_the_training_part() -> None:
    """A few of a thousand, and one in a hundred of many."""
    assert data_facts(relabelled(lambda y: np.where(y > 4, 999, 0)))["classes"] == 1000
    assert data_facts(relabelled(lambda y: np.arange(len(y)) * 99))["classes"] == 319 * 99 + 1


def needs_classes(classes: int) -> keras.Model:
    """A model whose function has no number of classes of its own."""
    return build_model(
        ModelConfig(name="user_models:perceptron", arguments={"classes": classes}), {}, []
    )


def test_an_unknown_loss(images: Dataset) -> None:
    """It is refused before the first step, with its place, the value and what is allowed."""
    with pytest.raises(InputError) as caught:
        compiled_model(small_config(loss="crossentropie"), images, ())
    (problem,) = caught.value.problems
    assert problem.startswith("training.loss: must be the name of a Keras loss, such as sparse_")
    assert problem.endswith("got 'crossentropie' - did you mean 'binary_crossentropy'?")


def test_a_schedule_of_each_policy() -> None:
    """The configuration's values arrive in the schedule that the optimizer gets."""
    for policy, cls in (
        ("triangular", TriangularCyclicalLearningRate),
        ("triangular2", Triangular2CyclicalLearningRate),
        ("exp_range", ExponentialCyclicalLearningRate),
    ):
        made = schedule(small_config(policy, gamma=0.9).schedule)
        assert type(made) is cls
        values = made.get_config()
        assert (values["initial_learning_rate"], values["maximal_learning_rate"]) == (0.01, 0.2)
        assert values["step_size"] == 8
        assert values.get("gamma", 0.9) == 0.9
    assert schedule(small_config("constant", init_lr=0.5).schedule) == 0.5

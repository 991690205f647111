"""What a trial's configuration and data become: a compiled model."""

from __future__ import annotations

import dataclasses

import pytest
from small_trials import few_images, small_config

from clr_sweep.common.errors import InputError
from clr_sweep.schedules.keras import (
    ExponentialCyclicalLearningRate,
    Triangular2CyclicalLearningRate,
    TriangularCyclicalLearningRate,
)
from clr_sweep.training.compiling import compiled_model, data_facts, schedule
from clr_sweep.training.data.materialized import Dataset


def test_data_facts() -> None:
    """What a model's function is told: the shape of an example and the number of classes."""
    plain, hot = few_images(), few_images(one_hot=True)
    assert data_facts(plain) == {"input_shape": (28, 28), "classes": 10}
    assert data_facts(hot) == {"input_shape": (28, 28), "classes": 10}
    column = dataclasses.replace(plain, y_train=plain.y_train[:, None])
    assert data_facts(column) == {"input_shape": (28, 28), "classes": 10}


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

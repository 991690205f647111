"""Defaults of model and optimizer, as they are kept with a trial."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from small_trials import few_images, small_config

from clr_sweep.definition.optimizers import CLIPPING, KERAS_CLASSES, OPTIMIZERS
from clr_sweep.definition.trial_config import TrialConfig
from clr_sweep.training.argument_defaults import argument_defaults
from clr_sweep.training.folder import TrialFolder
from clr_sweep.training.trial import train

HERE = (Path(__file__).parent,)


def of_optimizer(config: TrialConfig) -> dict[str, Any]:
    found = argument_defaults(config, HERE)
    return {key: value for key, value in found.items() if not key.startswith("model.")}


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_keras_has_one_for_each_argument(name: str) -> None:
    """As it makes the optimizer; with None, which is no number, as 0, which does the same."""
    found = of_optimizer(small_config(optimizer=name))
    assert set(OPTIMIZERS[name]) - set(found) <= {"exclude_layers"}
    made = getattr(keras.optimizers, KERAS_CLASSES[name])().get_config()
    for key, value in found.items():
        assert value == (made[key] or 0)


@pytest.mark.parametrize("key", ["weight_decay", *CLIPPING])
def test_none_of_keras_is_0(key: str) -> None:
    """To the bit, in what the optimizer makes of a variable."""
    ends = []
    for value in (None, 0.0):
        variable = keras.Variable([0.3, -0.7])
        optimizer = keras.optimizers.SGD(0.1, momentum=0.9, **{key: value})
        for step in range(3):
            optimizer.apply([keras.ops.convert_to_tensor([0.1 * step, 2.0])], [variable])
        ends.append(np.asarray(variable))
    assert np.array_equal(*ends)


def test_what_is_given_has_none_and_the_data_gives_some() -> None:
    """Arguments of the configuration are no defaults, nor is what the data says."""
    config = small_config(model="tutorial_cnn", optimizer_arguments={"momentum": 0.9})
    found = argument_defaults(config, HERE)
    assert "momentum" not in found
    assert {key: found[key] for key in found if key.startswith("model.")} == {
        "model.dropout": 0.2,
        "model.spatial": True,
    }


def test_functions_of_ones_own() -> None:
    """A class, a function, one that trains; what cannot be asked has none, and is no error."""
    assert of_optimizer(small_config(optimizer="own_optimizers:SignDescent")) == {"keep": 0.5}
    muon = of_optimizer(small_config(optimizer="own_optimizers:focused_muon"))
    assert muon == {"excluded": "dense_1"}
    assert of_optimizer(small_config(optimizer="own_optimizers:missing")) == {}
    config = small_config()
    training = config.training.model_copy(update={"function": "own_trainings:in_float16"})
    found = argument_defaults(config.model_copy(update={"training": training}), ())
    assert (found["model.scale"], found["momentum"]) == (300, 0)


def test_a_trial_keeps_them(tmp_path: Path) -> None:
    """In its folder too."""
    folder = TrialFolder(tmp_path)
    result = train(small_config(epochs=2), few_images(), folder, HERE)
    assert result.defaults is not None
    assert result.defaults["momentum"] == 0
    assert folder.result() == result

"""Defects of TensorFlow Addons' classes and of torch's that the Keras schedules do not have."""

from __future__ import annotations

import inspect
import json
import re
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras_schedules import CLASSES, schedules, unregistered

from clr_sweep.schedules import policies
from clr_sweep.schedules.keras import (
    CyclicalLearningRate,
    ExponentialCyclicalLearningRate,
    Triangular2CyclicalLearningRate,
)


def test_tfa_2380_2728_lambda_cannot_be_reloaded() -> None:
    """A lambda trains, but saving is refused with the cure, instead of a file nobody can load."""
    for scale_fn in (lambda x: 1 / (2.0 ** (x - 1)), unregistered):
        schedule = CyclicalLearningRate(0.25, 1.25, 2, scale_fn)
        assert float(schedule(6)) == 0.75
        with pytest.raises(ValueError, match=r"scale_fn: .* cannot be saved") as caught:
            schedule.get_config()
        assert "@keras.saving.register_keras_serializable(package=" in str(caught.value)
        with pytest.raises(ValueError, match=r"scale_fn: .* cannot be saved"):
            keras.saving.serialize_keras_object(keras.optimizers.SGD(schedule))


def test_tfa_model_with_a_lambda_schedule_is_not_saved_in_silence(tmp_path: Path) -> None:
    """`model.save` of a model that trains with a lambda raises the same clear error."""
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
    model.compile(keras.optimizers.SGD(CyclicalLearningRate(0.1, 1, 2, lambda x: 1.0)), loss="mse")
    model.fit(np.ones((2, 1)), np.ones((2, 1)), verbose=0)
    with pytest.raises(ValueError, match=r"scale_fn: .* cannot be saved"):
        model.save(tmp_path / "model.keras")


def test_tfa_get_config_drops_name() -> None:
    """The config holds every argument, JSON holds the config, and both build the same again."""
    for schedule in schedules():
        config = json.loads(json.dumps(schedule.get_config()))
        assert set(config) == set(inspect.signature(type(schedule)).parameters)
        again = type(schedule).from_config(config)
        assert again.name == schedule.name
        assert again.get_config() == schedule.get_config()
        np.testing.assert_array_equal(again(np.arange(40)), schedule(np.arange(40)))


def test_tfa_save_and_load_was_never_tested() -> None:
    """Keras serializes an optimizer with each schedule and reads it back in safe mode."""
    for schedule in schedules():
        stored = json.dumps(keras.saving.serialize_keras_object(keras.optimizers.SGD(schedule)))
        assert f"clr_sweep>{type(schedule).__name__}" in stored
        optimizer = keras.saving.deserialize_keras_object(json.loads(stored), safe_mode=True)
        loaded = optimizer._learning_rate
        assert type(loaded) is type(schedule)
        assert loaded.get_config() == schedule.get_config()


def test_tfa_2593_2799_gamma_to_the_int64_crashes() -> None:
    """gamma**t takes the optimizer's int64 counter, in "iterations" mode, for user lambdas too."""
    step = tf.Variable(3, dtype=tf.int64)
    assert float(ExponentialCyclicalLearningRate(0, 1, 3, gamma=0.5)(step)) == 0.125
    mine = CyclicalLearningRate(0, 1, 3, lambda t: 0.5**t, scale_mode="iterations")
    assert float(mine(step)) == 0.125


@pytest.mark.parametrize("mode", ["iteration", "Cycle", "", None, 1])
def test_tfa_scale_mode_is_not_validated(mode: Any) -> None:
    """Any other mode is refused by every class, instead of meaning "iterations"."""
    message = f'scale_mode: must be "cycle" or "iterations", got {mode!r}'
    for cls in CLASSES.values():
        with pytest.raises(ValueError, match=re.escape(message)):
            cls(0.1, 1.0, 40, scale_mode=mode)


def test_tfa_triangular2_with_iterations_halves_at_every_step() -> None:
    """The combination is refused, by class and by name, and the error names the cure."""
    with pytest.raises(ValueError, match=r"triangular2.* halve .*ExponentialCyclicalLearningRate"):
        Triangular2CyclicalLearningRate(0.1, 1.0, 40, "iterations")  # TFA's fourth position
    for scale_fn in ("triangular2", policies.triangular2):
        with pytest.raises(ValueError, match=r"triangular2.* halve"):
            CyclicalLearningRate(0.1, 1.0, 40, scale_fn, "iterations")


def test_tfa_2181_2286_step_size_is_half_a_cycle() -> None:
    """The peak is at step_size and the trough at twice it, and the docstrings say half."""
    for cls in CLASSES.values():
        schedule = cls(0.25, 1.0, 40)
        assert float(schedule(40)) == 1.0
        assert float(schedule(80)) == 0.25
        assert re.search(r"step_size: HALF a cycle", inspect.getdoc(cls) or "")


def test_torch_52989_triangular2_overflows_in_long_runs() -> None:
    """After 10**12 steps the rate is the lower bound: finite, and no NaN from 0 times infinity."""
    schedule = Triangular2CyclicalLearningRate(0.25, 1.0, 2)
    assert float(schedule(10**12 + 1)) == 0.25
    assert float(tf.function(schedule)(tf.constant(10**12 + 1, tf.int64))) == 0.25

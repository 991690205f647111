"""The further Keras schedules: equal to the planned rates to the bit, and saved with a model."""

from __future__ import annotations

import inspect
import re
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st
from keras_schedules import written_arguments

from clr_sweep import (
    CosineLearningRate,
    ExponentialBoundsCyclicalLearningRate,
    LinearLearningRate,
    OneCycleLearningRate,
)
from clr_sweep.schedules import policies

RATES = st.floats(1e-5, 10)


@settings(deadline=None, max_examples=25)
@given(
    st.sampled_from(["linear", "cosine", "one_cycle", "exp_range_bounds"]),
    RATES,
    st.integers(3, 3000),
    st.floats(0.999, 1),
)
def test_equals_the_plan_to_the_bit(policy: str, rate: float, steps: int, gamma: float) -> None:
    """In a graph, at every step and past the end: the float64 formula rounded to float32 once."""
    schedule: Any = {
        "linear": LinearLearningRate(rate, steps),
        "cosine": CosineLearningRate(rate, steps),
        "one_cycle": OneCycleLearningRate(rate, steps),
        "exp_range_bounds": ExponentialBoundsCyclicalLearningRate(0.1 * rate, rate, steps, gamma),
    }[policy]
    lowest = 0.1 * rate if policy == "exp_range_bounds" else policies.lowest_rate(policy, rate)
    t = np.arange(steps + 10)
    planned = policies.learning_rate(
        t, policy=policy, init_lr=lowest, max_lr=rate, step_size=steps, steps=steps, gamma=gamma
    )
    actual = tf.function(schedule)(tf.constant(t))
    np.testing.assert_array_equal(actual, planned.astype("float32"), strict=True)


@pytest.mark.parametrize(
    ("cls", "expected"),
    [
        (LinearLearningRate, "initial_learning_rate, decay_steps"),
        (CosineLearningRate, "initial_learning_rate, decay_steps"),
        (
            OneCycleLearningRate,
            "max_lr, total_steps, pct_start=0.3, div_factor=25.0, final_div_factor=10000.0",
        ),
        (
            ExponentialBoundsCyclicalLearningRate,
            "initial_learning_rate, maximal_learning_rate, step_size, gamma=1.0",
        ),
    ],
)
def test_arguments_and_what_is_saved_of_them(cls: Any, expected: str) -> None:
    """Each argument is an attribute of its name, is saved, and makes the same schedule again."""
    assert written_arguments(cls) == f"{expected}, name='{cls.__name__}'"
    given_first = (0.1, 1.0, 40) if "Bounds" in cls.__name__ else (0.5, 40)
    schedule = cls(*given_first)
    config = schedule.get_config()
    assert set(config) == set(inspect.signature(cls).parameters)
    assert all(getattr(schedule, name) == value for name, value in config.items())
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(schedule))
    assert type(again) is cls
    np.testing.assert_array_equal(again(np.arange(50)), schedule(np.arange(50)))


def test_shares_of_one_cycle() -> None:
    """Where the peak is, where it starts and where it ends follow from the three factors."""
    schedule = OneCycleLearningRate(1.0, 21, pct_start=0.5, div_factor=4, final_div_factor=8)
    rates = np.asarray(schedule(np.arange(0.0, 25.0, 0.5)))
    assert rates[0] == 0.25
    assert rates.argmax() == 19  # 0.5 * 21 - 1 = 9.5 steps
    assert rates[19] == 1.0
    np.testing.assert_array_equal(rates[40:], np.full(10, np.float32(1 / 32)))


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: LinearLearningRate(-1, 9), ValueError, "initial_learning_rate: must be a finite"),
        (lambda: CosineLearningRate(1, 0), ValueError, "decay_steps: must be a finite number > 0"),
        (lambda: LinearLearningRate(1e39, 9), ValueError, "initial_learning_rate: must be at most"),
        (lambda: OneCycleLearningRate(1e39, 9), ValueError, "max_lr: must be at most 3.4"),
        (lambda: CosineLearningRate(1, 1e-320), ValueError, "decay_steps: must be from 1e-18 to"),
        (lambda: CosineLearningRate(1, 9, name=3), TypeError, "name: must be a string, got 3"),
        (lambda: OneCycleLearningRate("1", 9), TypeError, "max_lr: must be a finite number"),
        (lambda: OneCycleLearningRate(1, 9, 1), ValueError, "pct_start: must be below 1, got 1.0"),
        (lambda: OneCycleLearningRate(1, 9, 0.3, 0.5), ValueError, "div_factor: must be a finite"),
        (
            lambda: OneCycleLearningRate(1, 9, final_div_factor=0),
            ValueError,
            "final_div_factor: must be a finite number >= 1.0, got 0.0",
        ),
        (
            lambda: ExponentialBoundsCyclicalLearningRate(0.1, 1, 9, gamma=2),
            ValueError,
            "gamma: must be a finite number > 0.0 and <= 1.0, got 2.0",
        ),
    ],
)
def test_wrong_arguments_are_refused(make: Any, error: type[Exception], message: str) -> None:
    """Each is named, with what is allowed and what was found."""
    with pytest.raises(error, match=re.escape(message)):
        make()


@pytest.mark.parametrize(
    "schedule",
    [LinearLearningRate(0.1, 10), CosineLearningRate(0.1, 10), OneCycleLearningRate(0.1, 10)],
    ids=lambda schedule: type(schedule).__name__,
)
@pytest.mark.parametrize(
    ("step", "error", "message"),
    [
        (-5, ValueError, "step: must be >= 0, got -5"),
        (-0.5, ValueError, "step: must be >= 0, got -0.5"),
        (np.array([0, -1]), ValueError, "step: must be >= 0 everywhere"),
        (np.int64(-1), ValueError, "step: must be >= 0 everywhere"),
        (float("nan"), ValueError, "step: must be >= 0, got nan"),
        (True, TypeError, "step: must be a number, got True"),
        ("5", TypeError, "step: must be a number, an array, a tensor or a variable, got '5' (str)"),
        (None, TypeError, "step: must be a number, an array, a tensor or a variable, got None"),
    ],
    ids=lambda value: str(value)[:20],
)
def test_wrong_steps_are_refused(
    schedule: Any, step: Any, error: type[Exception], message: str
) -> None:
    """As the arithmetic refuses them: before the first step these rates would be far too high."""
    with pytest.raises(error, match=re.escape(message)):
        schedule(step)

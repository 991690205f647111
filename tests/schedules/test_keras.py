"""The Keras schedules: the formula, TensorFlow Addons' values, steps of any kind, arguments."""

from __future__ import annotations

import inspect
import json
import re
from collections.abc import Callable
from math import inf, nan
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st
from keras_schedules import CLASSES, inverse_cycle, schedules, unregistered, written_arguments

from clr_sweep.schedules import policies
from clr_sweep.schedules.keras import (
    CyclicalLearningRate,
    ExponentialCyclicalLearningRate,
    Triangular2CyclicalLearningRate,
    TriangularCyclicalLearningRate,
)

REFERENCE = json.loads(
    (Path(__file__).parents[1] / "data" / "tfa_cyclical_values.json").read_text()
)["cases"]


@pytest.mark.parametrize("case", REFERENCE, ids=lambda case: str(case["policy"]))
@pytest.mark.parametrize("in_graph", [False, True], ids=["eager", "tf.function"])
def test_equals_tensorflow_addons(case: dict[str, Any], in_graph: bool) -> None:
    """Called as TensorFlow Addons' class was, each class gives its values."""
    arguments = dict(case["arguments"])
    if "gamma" in arguments:  # TFA rounded it to float32, which by itself is a drift of 1e-4
        arguments["gamma"] = np.float32(arguments["gamma"])
    schedule = CLASSES[case["policy"]](**arguments)
    call = tf.function(schedule) if in_graph else schedule
    steps = tf.constant([int(step) for step in case["values"]], tf.int64)
    np.testing.assert_allclose(
        call(steps),
        list(case["values"].values()),
        rtol=0,
        atol=2e-6 * case["arguments"]["maximal_learning_rate"],
    )


@pytest.mark.parametrize(
    ("cls", "expected"),
    [
        (CyclicalLearningRate, "scale_fn, scale_mode='cycle'"),
        (TriangularCyclicalLearningRate, "scale_mode='cycle'"),
        (Triangular2CyclicalLearningRate, "scale_mode='cycle'"),
        (ExponentialCyclicalLearningRate, "scale_mode='iterations', gamma=1.0"),
    ],
)
def test_constructor_is_that_of_tensorflow_addons(cls: type, expected: str) -> None:
    """Arguments, order and defaults are TFA 0.23's, and each is an attribute of that name."""
    first = "initial_learning_rate, maximal_learning_rate, step_size"
    assert written_arguments(cls) == f"{first}, {expected}, name='{cls.__name__}'"
    extra = {"scale_fn": "triangular"} if cls is CyclicalLearningRate else {}
    schedule = cls(0.1, 1.0, 40, **extra)
    for name in inspect.signature(cls).parameters:
        assert hasattr(schedule, name)


@settings(deadline=None, max_examples=60)
@given(
    st.lists(st.integers(0, 10**12), min_size=5, max_size=5),
    st.one_of(st.integers(1, 10**6), st.floats(0.5, 1e6)),
    st.sampled_from(["triangular", "triangular2", "exp_range"]),
    st.floats(0.99, 1),
)
def test_agrees_with_the_arithmetic(
    steps: list[int], step_size: float, policy: str, gamma: float
) -> None:
    """Tensors give the float64 formula's values, rounded to float32 once."""
    extra = {"gamma": gamma} if policy == "exp_range" else {}
    schedule = CLASSES[policy](0.001, 0.1, step_size, **extra)
    exact = policies.learning_rate(
        np.array(steps),
        policy=policy,
        init_lr=0.001,
        max_lr=0.1,
        step_size=step_size,
        gamma=gamma,
    )
    np.testing.assert_allclose(schedule(np.array(steps)), exact, rtol=6e-8, atol=0)


@pytest.mark.parametrize(
    "convert",
    [
        int,
        float,
        np.int32,
        np.uint8,
        np.float16,
        np.array,
        lambda step: tf.constant(step, tf.int32),
        lambda step: tf.constant(step, tf.int64),
        lambda step: tf.constant(step, tf.uint32),
        lambda step: tf.constant(step, tf.float16),
        lambda step: tf.constant(step, tf.float32),
        lambda step: tf.constant(step, tf.float64),
        lambda step: tf.Variable(step, dtype=tf.int64),
        lambda step: keras.Variable(step, dtype="int64"),
    ],
)
def test_any_kind_of_step(convert: Callable[[int], Any]) -> None:
    """Numbers, arrays, tensors and variables of every type give the same float32 rate."""
    step = convert(6)
    schedule = ExponentialCyclicalLearningRate(0.25, 1.25, 4, gamma=0.5)
    in_graph: Any = tf.function(lambda: schedule(step))
    for rate in (schedule(step), in_graph()):
        assert rate.dtype == tf.float32
        assert rate.shape == ()
        assert float(rate) == 0.25 + 0.5 * 0.5**6


def test_an_array_of_steps_keeps_its_shape() -> None:
    """A whole curve can be computed at once, as for a plot."""
    rates = TriangularCyclicalLearningRate(0, 1, 2)(np.arange(6).reshape(2, 3))
    np.testing.assert_array_equal(rates, [[0, 0.5, 1], [0.5, 0, 0.5]])


@pytest.mark.parametrize("first", [2**24, 2**31, 2**53 - 8], ids=["2**24", "2**31", "2**53"])
def test_steps_beyond_float32_stay_exact(first: int) -> None:
    """Neighbouring steps keep apart where float32 and int32 no longer can; also under XLA."""
    schedule = TriangularCyclicalLearningRate(0.0, 1.0, 4)
    steps = tf.range(first, first + 8, dtype=tf.int64)
    expected = [0, 0.25, 0.5, 0.75, 1, 0.75, 0.5, 0.25]
    np.testing.assert_array_equal(schedule(steps), expected)
    np.testing.assert_array_equal(tf.function(schedule, jit_compile=True)(steps), expected)
    for number in (int, float):
        rates = [schedule(number(step)) for step in range(first, first + 8)]
        np.testing.assert_array_equal(rates, expected)


# --- Arguments -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changed", "error", "message"),
    [
        ({"initial_learning_rate": -1}, ValueError, "initial_learning_rate: must be a finite"),
        ({"initial_learning_rate": nan}, ValueError, "initial_learning_rate: must be a finite"),
        ({"initial_learning_rate": True}, TypeError, "initial_learning_rate: must be a finite"),
        ({"initial_learning_rate": "0.1"}, TypeError, "initial_learning_rate: must be a finite"),
        (
            {"maximal_learning_rate": 0.01},
            ValueError,
            "maximal_learning_rate: must be a finite number >= initial_learning_rate (0.1), "
            "got 0.01",
        ),
        ({"maximal_learning_rate": inf}, ValueError, "maximal_learning_rate: must be a finite"),
        (
            {"maximal_learning_rate": keras.optimizers.schedules.ExponentialDecay(1.0, 1, 0.9)},
            TypeError,
            "maximal_learning_rate: must be a finite number",
        ),
        ({"step_size": 0}, ValueError, "step_size: must be a finite number > 0.0, got 0.0"),
        ({"step_size": nan}, ValueError, "step_size: must be a finite number > 0.0, got nan"),
        ({"step_size": tf.constant(True)}, TypeError, "step_size: must be a finite number > 0.0"),
        ({"step_size": tf.constant([4.0])}, TypeError, "step_size: must be a finite number > 0.0"),
        (
            {"maximal_learning_rate": 1e308},
            ValueError,
            "maximal_learning_rate: must be at most 3.4",
        ),
        ({"step_size": 1e-320}, ValueError, "step_size: must be from 1e-18 to 1e+36 steps, got"),
        ({"step_size": 1e308}, ValueError, "step_size: must be from 1e-18 to 1e+36 steps, got"),
        ({"gamma": 0.0}, ValueError, "gamma: must be a finite number > 0.0 and <= 1.0, got 0.0"),
        ({"gamma": 1.01}, ValueError, "gamma: must be a finite number > 0.0 and <= 1.0, got 1.01"),
        ({"gamma": nan}, ValueError, "gamma: must be a finite number > 0.0 and <= 1.0, got nan"),
        ({"name": None}, TypeError, "name: must be a string, got None"),
    ],
)
def test_wrong_arguments_are_refused(
    changed: dict[str, Any], error: type[Exception], message: str
) -> None:
    """Every wrong argument is named, with what is allowed and what was found."""
    arguments: dict[str, Any] = {
        "initial_learning_rate": 0.1,
        "maximal_learning_rate": 1.0,
        "step_size": 4,
        "gamma": 0.9,
    }
    ExponentialCyclicalLearningRate(**arguments)
    with pytest.raises(error, match=re.escape(message)):
        ExponentialCyclicalLearningRate(**(arguments | changed))


@pytest.mark.parametrize(
    ("scale_fn", "error", "message"),
    [
        ("exp_range", ValueError, "use ExponentialCyclicalLearningRate"),
        ("triangular3", ValueError, 'must be "triangular", "triangular2", a function'),
        ("clr_sweep>CyclicalLearningRate", ValueError, "must be"),
        (1.0, TypeError, "must be a name or a function, got 1.0 (float)"),
        (keras.layers.Dense, TypeError, "must be a name or a function"),
    ],
)
def test_wrong_scales_are_refused(scale_fn: Any, error: type[Exception], message: str) -> None:
    """A scale is a function or the name of one; classes and unknown names are refused."""
    with pytest.raises(error, match=re.escape(message)):
        CyclicalLearningRate(0.1, 1.0, 4, scale_fn)


def test_numbers_may_be_scalars_of_numpy_and_tensorflow() -> None:
    """What TFA took as a number is taken, and stored as a float that JSON holds."""
    schedule = TriangularCyclicalLearningRate(
        np.float32(0.25), tf.constant(1.0), tf.Variable(40, dtype=tf.int64)
    )
    config = schedule.get_config()
    assert json.loads(json.dumps(config)) == config
    assert float(schedule(40)) == 1.0


def test_scale_by_registered_name_and_from_custom_objects() -> None:
    """A registered function goes by its name; one in a custom object scope by the scope's."""
    by_name = CyclicalLearningRate(0, 1, 2, "clr_sweep_tests>inverse_cycle")
    assert by_name.scale_fn is inverse_cycle
    assert by_name.get_config()["scale_fn"] == "clr_sweep_tests>inverse_cycle"
    with keras.saving.custom_object_scope({"unregistered": unregistered}):
        config = CyclicalLearningRate(0, 1, 2, unregistered).get_config()
        assert CyclicalLearningRate.from_config(config).scale_fn is unregistered
    with pytest.raises(ValueError, match="its module imported first"):
        CyclicalLearningRate.from_config(config)


def test_scale_functions_may_answer_in_any_float_type() -> None:
    """A scale that returns a Python number or a float32 tensor, as TFA's did, works."""
    for scale_fn in (
        lambda x: 0.5,
        lambda x: tf.constant(0.5),
        lambda x: tf.cast(x, tf.float32) * 0.5,
        lambda x: keras.ops.sin(x) * 0.0 + 0.5,
    ):
        assert float(CyclicalLearningRate(0, 1, 2, scale_fn)(2)) == 0.5


def test_its_text_is_the_call_that_makes_it() -> None:
    """With all that decides the rates, and no address; where it cannot be saved too."""
    assert [repr(one) for one in schedules()[3:7]] == [
        "CyclicalLearningRate(initial_learning_rate=0.001, maximal_learning_rate=0.1, "
        "step_size=4.0, scale_mode='cycle', scale_fn=triangular2)",
        "CyclicalLearningRate(initial_learning_rate=0.001, maximal_learning_rate=0.1, "
        "step_size=4.0, scale_mode='cycle', scale_fn=inverse_cycle)",
        "ExponentialBoundsCyclicalLearningRate(initial_learning_rate=0.001, "
        "maximal_learning_rate=0.1, step_size=4.0, gamma=0.9)",
        "LinearLearningRate(initial_learning_rate=0.1, decay_steps=17.0)",
    ]
    for one in (*schedules(), CyclicalLearningRate(0.1, 0.2, 4, unregistered)):
        assert repr(one).startswith(f"{type(one).__name__}(")
        assert " at 0x" not in repr(one)

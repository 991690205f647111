"""The Keras schedules: the formula, TensorFlow Addons' values and defects, saving and loading."""

from __future__ import annotations

import inspect
import json
import os
import re
import subprocess
import sys
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

from clr_sweep.schedules import policies
from clr_sweep.schedules.keras import (
    CyclicalLearningRate,
    ExponentialCyclicalLearningRate,
    Triangular2CyclicalLearningRate,
    TriangularCyclicalLearningRate,
)
from clr_sweep.schedules.keras_bounds import ExponentialBoundsCyclicalLearningRate
from clr_sweep.schedules.keras_decays import (
    CosineLearningRate,
    LinearLearningRate,
    OneCycleLearningRate,
)

# Keras 3.15 reads TensorFlow's variables by an __array__ that NumPy 2.4 wants changed.
pytestmark = pytest.mark.filterwarnings(
    "ignore:__array__ implementation doesn't accept a copy:DeprecationWarning"
)

REFERENCE = json.loads(
    (Path(__file__).parents[1] / "data" / "tfa_cyclical_values.json").read_text()
)["cases"]
CLASSES = {
    "triangular": TriangularCyclicalLearningRate,
    "triangular2": Triangular2CyclicalLearningRate,
    "exp_range": ExponentialCyclicalLearningRate,
}


def inverse_cycle(cycle: Any) -> Any:
    """A user's scale, registered: the amplitude shrinks as 1, 1/2, 1/3, ..."""
    return 1.0 / cycle


keras.saving.register_keras_serializable(package="clr_sweep_tests")(inverse_cycle)


def unregistered(cycle: Any) -> Any:
    """A user's scale that Keras does not know."""
    return 1.0 / cycle


def schedules() -> list[Any]:
    """One schedule of each kind that can be saved, none with a default where one may differ."""
    return [
        TriangularCyclicalLearningRate(0.001, 0.1, 4, scale_mode="iterations", name="a"),
        Triangular2CyclicalLearningRate(0.001, 0.1, 4.5, name="b"),
        ExponentialCyclicalLearningRate(0.001, 0.1, 4, scale_mode="cycle", gamma=0.9, name="c"),
        CyclicalLearningRate(0.001, 0.1, 4, "triangular2", name="d"),
        CyclicalLearningRate(0.001, 0.1, 4, inverse_cycle, name="e"),
        ExponentialBoundsCyclicalLearningRate(0.001, 0.1, 4, gamma=0.9, name="f"),
        LinearLearningRate(0.1, 17, name="g"),
        CosineLearningRate(0.1, 17, name="h"),
        OneCycleLearningRate(0.1, 17, 0.4, 10, 100, name="i"),
    ]


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
        (
            CyclicalLearningRate,
            "initial_learning_rate, maximal_learning_rate, step_size, scale_fn, "
            "scale_mode='cycle', name='CyclicalLearningRate'",
        ),
        (
            TriangularCyclicalLearningRate,
            "initial_learning_rate, maximal_learning_rate, step_size, "
            "scale_mode='cycle', name='TriangularCyclicalLearningRate'",
        ),
        (
            Triangular2CyclicalLearningRate,
            "initial_learning_rate, maximal_learning_rate, step_size, "
            "scale_mode='cycle', name='Triangular2CyclicalLearningRate'",
        ),
        (
            ExponentialCyclicalLearningRate,
            "initial_learning_rate, maximal_learning_rate, step_size, "
            "scale_mode='iterations', gamma=1.0, name='ExponentialCyclicalLearningRate'",
        ),
    ],
)
def test_constructor_is_that_of_tensorflow_addons(cls: type, expected: str) -> None:
    """Arguments, order and defaults are TFA 0.23's, and each is an attribute of that name."""
    parameters = inspect.signature(cls).parameters.values()
    written = [p.name if p.default is p.empty else f"{p.name}={p.default!r}" for p in parameters]
    assert ", ".join(written) == expected
    extra = {"scale_fn": "triangular"} if cls is CyclicalLearningRate else {}
    schedule = cls(0.1, 1.0, 40, **extra)
    for parameter in parameters:
        assert hasattr(schedule, parameter.name)


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


# --- Defects of TensorFlow Addons' class, one test each --------------------------------------


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


# --- With Keras' optimizers ------------------------------------------------------------------


def test_gradient_accumulation_does_not_speed_up_the_cycle() -> None:
    """Keras hands the schedule batches: a cycle of 2 * step_size batches, accumulated or not."""
    schedule = TriangularCyclicalLearningRate(0.0, 1.0, 4)
    seen: dict[int | None, list[float]] = {}
    for accumulated in (None, 2):
        optimizer = keras.optimizers.SGD(schedule, gradient_accumulation_steps=accumulated)
        weight = keras.Variable(0.0)
        optimizer.build([weight])
        seen[accumulated] = []
        for _ in range(8):
            seen[accumulated].append(float(optimizer.learning_rate))
            optimizer.apply([tf.constant(1.0)])
        assert float(optimizer.learning_rate) == 0.0
    assert seen[2] == seen[None] == [0, 0.25, 0.5, 0.75, 1, 0.75, 0.5, 0.25]
    # The counter of updates is not the schedule's step: it would be half way here.
    assert int(optimizer.iterations) == 4
    # Every second batch updates, at the rate of that batch: 1/4 + 3/4 + 3/4 + 1/4.
    assert float(weight) == -2.0


@pytest.fixture(scope="module")
def interrupted(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Trains for 7 batches, saves, trains on; and trains on from the file in a fresh process."""
    folder = tmp_path_factory.mktemp("models")
    x = np.linspace(-1, 1, 40, dtype="float32").reshape(20, 2)
    y = x.sum(axis=1, keepdims=True)
    result: dict[str, Any] = {"here": {}}
    for schedule in schedules():
        keras.utils.set_random_seed(1)
        model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
        model.compile(keras.optimizers.SGD(schedule, momentum=0.9), loss="mse")
        model.fit(x[:14], y[:14], batch_size=2, shuffle=False, verbose=0)
        model.save(folder / f"{schedule.name}.keras")
        rates: list[float] = []
        callback = keras.callbacks.LambdaCallback(
            on_train_batch_begin=lambda batch, logs, model=model, rates=rates: rates.append(
                float(model.optimizer.learning_rate)
            )
        )
        model.fit(x, y, batch_size=2, shuffle=False, verbose=0, callbacks=[callback])
        result["here"][schedule.name] = {
            "rates": rates,
            "weights": np.concatenate([w.ravel() for w in model.get_weights()]).tolist(),
            "name": schedule.name,
        }
    process = subprocess.run(
        [sys.executable, str(Path(__file__).with_name("train_on.py")), str(folder)],
        capture_output=True,
        text=True,
        timeout=300,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(p for p in sys.path if p)},
        check=False,
    )
    assert process.returncode == 0, process.stderr
    result.update(json.loads(process.stdout.splitlines()[-1]))
    return result


def test_a_fresh_process_trains_on_at_the_same_rates(interrupted: dict[str, Any]) -> None:
    """Loaded in safe mode elsewhere, training goes on as if it had never been interrupted."""
    assert interrupted["here"]["b"]["rates"][0] == pytest.approx(
        policies.learning_rate(7, policy="triangular2", init_lr=0.001, max_lr=0.1, step_size=4.5)
    )
    for name, here in interrupted["here"].items():
        there = interrupted["there"][name]
        assert there["name"] == name
        assert there["rates"] == here["rates"]
        np.testing.assert_allclose(there["weights"], here["weights"], rtol=1e-5)


def test_a_process_without_clr_sweep(interrupted: dict[str, Any]) -> None:
    """Before the class is imported Keras names it as missing; the weights load all the same."""
    assert "Could not locate class 'TriangularCyclicalLearningRate'" in interrupted["refusal"]
    assert interrupted["loaded_uncompiled"] is True


def test_the_schedules_import_neither_optuna_nor_mlflow(interrupted: dict[str, Any]) -> None:
    """Whoever uses the schedules alone pays for Keras alone."""
    assert "clr_sweep.schedules.keras" in interrupted["modules"]
    assert not {"optuna", "mlflow", "pydantic", "click"} & set(interrupted["modules"])

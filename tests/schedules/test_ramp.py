"""The ramp of a range test: its values, in NumPy and in Keras, and its way through saving."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clr_sweep.schedules.keras import RampLearningRate
from clr_sweep.schedules.ramp import RAMPS, ramp


def test_values() -> None:
    """By hand, and held past the end."""
    steps = np.arange(6)
    linear = ramp(steps, low=0.25, high=1.0, steps=4, kind="linear")
    assert linear.tolist() == [0.25, 0.5, 0.75, 1.0, 1.0, 1.0]
    exponential = ramp(steps, low=1e-3, high=10.0, steps=5)
    assert exponential == pytest.approx([1e-3, 1e-2, 0.1, 1.0, 10.0, 10.0], rel=1e-14)


@given(
    low=st.floats(1e-12, 1e3),
    ratio=st.floats(1.01, 1e12),
    steps=st.integers(2, 10**7),
    kind=st.sampled_from(RAMPS),
)
def test_it_rises_from_low_to_high(low: float, ratio: float, steps: int, kind: str) -> None:
    """The ends are the bounds, and between them it never falls."""
    high = low * ratio
    at = np.unique(np.linspace(0, steps + 3, 40).astype(int))
    rates = ramp(at, low=low, high=high, steps=steps, kind=kind)
    assert rates[0] == low
    assert rates[-1] == pytest.approx(high, rel=1e-12)
    assert (np.diff(rates) >= 0).all()


@pytest.mark.parametrize("kind", RAMPS)
def test_keras_gives_the_same(kind: str) -> None:
    """In float32, from the int64 counter of the optimizer."""
    schedule = RampLearningRate(1e-5, 10, steps=2500, kind=kind)
    steps = np.array([0, 1, 1249, 2498, 2499, 9999])
    wanted = ramp(steps, low=1e-5, high=10, steps=2500, kind=kind).astype("float32")
    found = keras.ops.convert_to_numpy(schedule(keras.ops.convert_to_tensor(steps, "int64")))
    assert found.dtype == np.float32
    # XLA-free kernels of TensorFlow and NumPy may round the last bit of a power otherwise.
    np.testing.assert_allclose(found, wanted, rtol=2e-7)


def test_it_can_be_saved(tmp_path: Any) -> None:
    """A model that was compiled with it comes back from a file, its schedule the same."""
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
    schedule = RampLearningRate(1e-3, 1.0, steps=7, kind="linear", name="test")
    model.compile(optimizer=keras.optimizers.SGD(schedule), loss="mse")
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert loaded.optimizer._learning_rate.get_config() == schedule.get_config()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"low": 0}, r"low: must be a finite number > 0\.0, got 0\.0"),
        ({"high": 1e-4}, r"high: must be a finite number > low"),
        ({"high": 1e39}, r"high: must be at most 3\.4"),
        ({"steps": 1}, r"steps: must be a finite number >= 2"),
        ({"kind": "cosine"}, r"kind: must be one of exponential, linear, got 'cosine'"),
    ],
)
def test_wrong_arguments_are_refused(changes: dict[str, Any], message: str) -> None:
    """Each with its name, its value and what is allowed."""
    arguments = {"low": 1e-3, "high": 1.0, "steps": 5, **changes}
    with pytest.raises(ValueError, match=message):
        RampLearningRate(**arguments)
    with pytest.raises(ValueError, match=message):
        ramp(0, **arguments)

"""The shapes as arithmetic, against TensorFlow Addons' values, tables and wrong arguments."""

from __future__ import annotations

import json
import re
from fractions import Fraction
from math import inf, nan
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from clr_sweep.schedules import policies

REFERENCE = json.loads(
    (Path(__file__).parents[1] / "data" / "tfa_cyclical_values.json").read_text()
)["cases"]
SMITHS: dict[str, Any] = {"init_lr": 0.001, "max_lr": 0.006, "step_size": 2000, "gamma": 0.99994}


@pytest.mark.parametrize("case", REFERENCE, ids=lambda case: str(case["policy"]))
def test_equals_tensorflow_addons(case: dict[str, Any]) -> None:
    """Every value that TensorFlow Addons 0.23 computed is met within 2e-6 of the maximum."""
    arguments = case["arguments"]
    for step, expected in case["values"].items():
        rate = policies.learning_rate(
            int(step),
            policy=case["policy"],
            init_lr=arguments["initial_learning_rate"],
            max_lr=arguments["maximal_learning_rate"],
            step_size=arguments["step_size"],
            # TFA rounded gamma to float32. In .99994**10000 that alone is 1.001e-4 of the maximum.
            gamma=float(np.float32(arguments.get("gamma", 1.0))),
        )
        assert rate == pytest.approx(
            expected, rel=0, abs=2e-6 * arguments["maximal_learning_rate"]
        ), step


def test_gamma_is_not_rounded_to_float32() -> None:
    """exp_range follows the decimal gamma, from which TensorFlow Addons' float32 one drifts."""
    rate = policies.learning_rate(10_000, policy="exp_range", **SMITHS)
    exact = Fraction(1, 1000) + Fraction(5, 1000) * Fraction(99994, 100000) ** 10_000
    assert rate == pytest.approx(float(exact), rel=1e-12)
    assert float(np.float32(rate)) != REFERENCE[3]["values"]["10000"]


@pytest.mark.parametrize(
    ("policy", "expected"),
    [
        ("triangular", [1, 2, 3, 2, 1, 2, 3, 2, 1, 2, 3, 2, 1]),
        ("triangular2", [1, 2, 3, 2, 1, 1.5, 2, 1.5, 1, 1.25, 1.5, 1.25, 1]),
        ("exp_range", [1, 1.5, 1.5, 1.125, 1, 1.03125, 1.03125, 1.0078125, 1]),
        ("exp_range_bounds", [1, 1, 0.75, 0.25, 0.0625, 0.0625, 0.046875, 0.015625]),
        ("constant", [1, 1, 1, 1, 1, 1, 1, 1]),
    ],
)
def test_value_table(policy: str, expected: list[float]) -> None:
    """Each policy gives the values worked out by hand, over several cycles."""
    rates = [
        policies.learning_rate(t, policy=policy, init_lr=1, max_lr=3, step_size=2, gamma=0.5)
        for t in range(len(expected))
    ]
    assert rates == expected


@pytest.mark.parametrize(
    ("policy", "peak", "trough"),
    [("exp_range", 0.0054346, 0.001), ("exp_range_bounds", 0.0053215, 9.07e-5)],
)
def test_both_meanings_of_exp_range(policy: str, peak: float, trough: float) -> None:
    """With Smith's numbers: the libraries decay the amplitude, the paper each boundary."""
    rates = [policies.learning_rate(step, policy=policy, **SMITHS) for step in (2000, 40_000)]
    assert rates[0] == pytest.approx(peak, rel=1e-5)
    assert rates[1] == pytest.approx(trough, rel=1e-3)


def test_step_size_of_the_founding_tutorial() -> None:
    """9,380 steps of step size 2 * 937 end at the third peak, of a quarter of the amplitude."""
    rate = policies.learning_rate(
        9370, policy="triangular2", init_lr=1e-4, max_lr=1e-2, step_size=1874
    )
    assert rate == pytest.approx(1e-4 + 0.0099 / 4, rel=1e-15)


@pytest.mark.parametrize(
    "dtype", ["int8", "uint8", "int32", "uint32", "int64", "uint64", "float16", "float32"]
)
def test_any_type_of_step(dtype: str) -> None:
    """Steps of every integer and float type are worked on in float64."""
    rates = policies.learning_rate(
        np.array([[1, 100]], dtype=dtype),
        policy="exp_range",
        init_lr=0.0,
        max_lr=1.0,
        step_size=300,
        gamma=0.99,
    )
    assert rates.dtype == np.float64
    np.testing.assert_allclose(rates, [[0.99 / 300, 0.99**100 / 3]], rtol=1e-14)


def test_python_in_python_out() -> None:
    """Python numbers give Python floats, not NumPy's."""
    for step in (3, 3.0, Fraction(3)):
        rate = policies.learning_rate(
            step, policy="triangular", init_lr=0, max_lr=1, step_size=np.float32(4)
        )
        assert type(rate) is float
        assert rate == 0.75


def test_long_runs_do_not_overflow() -> None:
    """triangular2 fades to init_lr after thousands of cycles (PyTorch raised, #52989)."""
    rate = policies.learning_rate(
        10**12 + 1, policy="triangular2", init_lr=0.001, max_lr=0.1, step_size=2
    )
    assert rate == 0.001
    assert policies.triangular2(np.int64(5000)) == 0.0


@pytest.mark.parametrize(
    ("changed", "error", "message"),
    [
        ({"policy": "sine"}, ValueError, "policy: must be one of triangular, triangular2"),
        ({"policy": "cosine"}, TypeError, "steps: must be given with policy 'cosine'"),
        ({"policy": "linear", "steps": 0}, ValueError, "steps: must be a finite number > 0.0"),
        ({"init_lr": -0.1}, ValueError, "init_lr: must be a finite number >= 0.0, got -0.1"),
        ({"init_lr": nan}, ValueError, "init_lr: must be a finite number >= 0.0, got nan"),
        ({"max_lr": inf}, ValueError, "max_lr: must be a finite number >= init_lr (0.1), got inf"),
        ({"max_lr": 0.05}, ValueError, "max_lr: must be a finite number >= init_lr (0.1)"),
        ({"max_lr": None}, TypeError, "max_lr: must be given with policy 'exp_range'"),
        ({"max_lr": "1"}, TypeError, "max_lr: must be a finite number"),
        ({"step_size": None}, TypeError, "step_size: must be given with policy 'exp_range'"),
        ({"step_size": 0}, ValueError, "step_size: must be a finite number > 0.0, got 0.0"),
        ({"step_size": True}, TypeError, "step_size: must be a finite number > 0.0, got True"),
        ({"gamma": 1.1}, ValueError, "gamma: must be a finite number > 0.0 and <= 1.0, got 1.1"),
        ({"gamma": 0}, ValueError, "gamma: must be a finite number > 0.0"),
        ({"step": -1}, ValueError, "step: must be >= 0, got -1"),
        ({"step": nan}, ValueError, "step: must be >= 0, got nan"),
        ({"step": np.array([0, -1])}, ValueError, "step: must be >= 0 everywhere"),
        ({"step": [1, 2]}, TypeError, "step: must be a number, a NumPy array"),
        ({"step": "3"}, TypeError, "step: must be a number, a NumPy array"),
        ({"step": True}, TypeError, "step: must be a number, got True"),
        ({"step": np.array([True])}, TypeError, "step: must be a number"),
    ],
)
def test_wrong_arguments_are_refused(
    changed: dict[str, Any], error: type[Exception], message: str
) -> None:
    """Every wrong argument is named, with what is allowed and what was found."""
    arguments: dict[str, Any] = {
        "step": 1,
        "policy": "exp_range",
        "init_lr": 0.1,
        "max_lr": 1.0,
        "step_size": 4,
        "gamma": 0.9,
    }
    policies.learning_rate(**arguments)
    with pytest.raises(error, match=re.escape(message)):
        policies.learning_rate(**(arguments | changed))

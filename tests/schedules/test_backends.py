"""The schedules on each of Keras' backends: in `fit`, saved in one process, loaded in another."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from own_process import modules, python

from clr_sweep.schedules import cycles, decays, policies

BOUNDS: dict[str, Any] = {"init_lr": 0.001, "max_lr": 0.1}


def plan(steps: Any) -> dict[str, Any]:
    """The rates of `keras_schedules.schedules()`, by the arithmetic, in float64."""

    def rate(policy: str, **arguments: Any) -> Any:
        return policies.learning_rate(steps, policy=policy, **{**BOUNDS, **arguments})

    cycle = cycles.cycle(steps, 4)
    position = cycles.position(steps, 4)
    return {
        "a": rate("triangular", step_size=4),
        "b": rate("triangular2", step_size=4.5),
        "c": policies.interpolate(0.001, 0.1, position * 0.9**cycle),
        "d": rate("triangular2", step_size=4),
        "e": policies.interpolate(0.001, 0.1, position / cycle),
        "f": rate("exp_range_bounds", step_size=4, gamma=0.9),
        "g": rate("linear", init_lr=0.0, steps=17),
        "h": rate("cosine", init_lr=0.0, steps=17),
        "i": decays.one_cycle_rate(
            steps, 17, start_lr=0.01, max_lr=0.1, end_lr=0.01 / 100, pct_start=0.4
        ),
    }


BACKENDS = [
    pytest.param("tensorflow", {}, 0.0, id="tensorflow", marks=pytest.mark.heavy),
    pytest.param("jax", {}, 1e-6, id="jax"),
    pytest.param(
        "jax", {"JAX_ENABLE_X64": "1"}, 0.0, id="jax with float64", marks=pytest.mark.heavy
    ),
    pytest.param("torch", {}, 0.0, id="torch", marks=pytest.mark.torch),
]


def in_a_process(
    act: str, folder: Path, backend: str, environment: dict[str, str]
) -> dict[str, Any]:
    """Runs `fit_on_backend.py`, in which a warning is an error where it is about our arithmetic."""
    strict = ("-W", "error:Explicitly requested dtype:UserWarning")
    done = python(
        *strict, Path(__file__).with_name("fit_on_backend.py"), act, folder,
        timeout=600, KERAS_BACKEND=backend, PYTHONPATH=modules(), **environment,
    )  # fmt: skip
    report: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    assert report["backend"] == backend
    return report


@pytest.mark.heavy
@pytest.mark.timeout(1300)  # two processes, each of which compiles nine models
@pytest.mark.parametrize(("backend", "environment", "tolerance"), BACKENDS)
def test_each_schedule_is_as_planned(
    tmp_path: Path, backend: str, environment: dict[str, str], tolerance: float
) -> None:
    """Each step of a training has the rate of the table, before and after saving.

    To the bit where the backend computes in float64; on JAX, which does not unless it is told to,
    within a few roundings of float32.
    """
    trained = in_a_process("train", tmp_path, backend, environment)
    loaded = in_a_process("load", tmp_path, backend, environment)
    planned = plan(np.arange(12))
    assert trained["rates"].keys() == loaded["rates"].keys() == planned.keys()

    def same(found: list[float], wanted: Any, name: str) -> None:
        wanted = np.asarray(wanted, dtype="float32")
        # JAX's cosine near its end is worked out from a small difference: absolute, in parts of
        # the highest rate.
        np.testing.assert_allclose(
            np.asarray(found, dtype="float32"),
            wanted,
            rtol=0,
            atol=tolerance * float(wanted.max()),
            err_msg=name,
        )

    for name, wanted in planned.items():
        same(trained["rates"][name] + loaded["rates"][name], wanted, name)
        for report in (trained, loaded):
            same(report["planned"][name], wanted, name)
    wanted = policies.learning_rate(
        np.arange(8), policy="exp_range", init_lr=0.25, max_lr=1.25, step_size=4, gamma=0.5
    )
    assert len(trained["kinds"]) >= 5
    for kind, rates in trained["kinds"].items():
        same(rates, wanted, kind)
    # Beyond 2**24 float32 no longer counts single steps.
    counts = trained["far"] == [1.0, 0.75, 0.5, 0.25, 0.0, 0.25, 0.5, 0.75]
    assert counts == (tolerance == 0.0), trained["far"]

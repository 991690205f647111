"""The policies and the cycled momentum, against the values that torch.optim's schedulers gave."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from clr_sweep.schedules import policies
from clr_sweep.schedules.momentum import momentum

REFERENCE = json.loads((Path(__file__).parents[1] / "data" / "torch_schedules.json").read_text())
CASES = REFERENCE["cases"]
POLICY_OF = {"OneCycleLR": "one_cycle", "CosineAnnealingLR": "cosine", "LinearLR": "linear"}


def as_ours(case: dict[str, Any]) -> dict[str, Any]:
    """The arguments of `policies.learning_rate` for a scheduler of PyTorch's."""
    arguments = case["arguments"]
    if case["scheduler"] == "CyclicLR":
        return {
            "policy": arguments["mode"],
            "init_lr": arguments["base_lr"],
            "max_lr": arguments["max_lr"],
            "step_size": arguments["step_size_up"],
            "gamma": arguments["gamma"],
        }
    policy = POLICY_OF[case["scheduler"]]
    max_lr = arguments.get("max_lr", REFERENCE["initial"])
    steps = arguments.get("total_steps", arguments.get("T_max", arguments.get("total_iters")))
    return {
        "policy": policy,
        "init_lr": policies.lowest_rate(policy, max_lr),
        "max_lr": max_lr,
        "steps": steps,
    }


def named(case: dict[str, Any]) -> str:
    ours = as_ours(case)
    return f"{ours['policy']}-{ours.get('steps', '')}-{case['optimizer']}"


def test_the_reference_has_what_it_should() -> None:
    """All policies that PyTorch has, over several cycles or past both phases, in both families."""
    assert {as_ours(case)["policy"] for case in CASES} == set(policies.POLICIES) - {
        "constant",
        "exp_range_bounds",
    }
    cycled = [case for case in CASES if case["momenta"]]
    assert {case["optimizer"] for case in cycled} == {"SGD", "Adam"}
    assert all(min(case["momenta"]) < 0.9 < max(case["momenta"]) <= 0.95 for case in cycled[:7])
    assert len(CASES[0]["rates"]) > 4 * 2 * CASES[0]["arguments"]["step_size_up"]


@pytest.mark.parametrize("case", CASES, ids=named)
def test_rates_are_those_of_torch(case: dict[str, Any]) -> None:
    """At every step, to a rounding error of the highest rate."""
    ours = as_ours(case)
    rates = policies.learning_rate(np.arange(len(case["rates"])), **ours)
    np.testing.assert_allclose(rates, case["rates"], rtol=1e-12, atol=1e-15 * ours["max_lr"])


@pytest.mark.parametrize("case", [case for case in CASES if case["momenta"]], ids=named)
def test_momenta_are_those_of_torch(case: dict[str, Any]) -> None:
    """CyclicLR's and OneCycleLR's `cycle_momentum`, of SGD's momentum and Adam's first beta."""
    ours = {key: value for key, value in as_ours(case).items() if not key.endswith("_lr")}
    momenta = momentum(np.arange(len(case["momenta"])), low=0.85, high=0.95, **ours)
    np.testing.assert_allclose(momenta, case["momenta"], rtol=1e-12)


@pytest.mark.parametrize("policy", ["constant", "linear", "cosine", "staircase"])
def test_policies_without_a_rise_have_no_cycled_momentum(policy: str) -> None:
    """There is nothing to mirror: refused, with those that have."""
    with pytest.raises(ValueError, match=r"policy: must be one of triangular.*one_cycle, got"):
        momentum(0, policy=policy, low=0.85, high=0.95, step_size=4, steps=10)


@pytest.mark.parametrize(("low", "high"), [(-0.1, 0.9), (0.9, 0.8), (0.9, 1.1)])
def test_wrong_bounds_of_momentum_are_refused(low: float, high: float) -> None:
    """0 <= low <= high <= 1."""
    with pytest.raises(ValueError, match="must be a finite number"):
        momentum(0, policy="triangular", low=low, high=high, step_size=4)

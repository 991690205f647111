"""The exact rate at which trials end, in numbers and in terms of what is sampled."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from written_sweeps import sweep

from clr_sweep.definition.final_rate import final_rates
from clr_sweep.definition.search_space import SearchSpace
from clr_sweep.definition.trial_plan import plan_trial
from clr_sweep.schedules import policies

SAMPLED = {"init_lr": {"low": 0.001, "high": 0.01}, "max_lr": {"low": 0.1, "high": 1.0}}


def space(**changes: Any) -> SearchSpace:
    given = {f"search_space.{key}": value for key, value in {**SAMPLED, **changes}.items()}
    return sweep(given).search_space


def test_at_a_trough_it_is_init_lr() -> None:
    """Whatever the policy, whether sampled or fixed."""
    plan = plan_trial(5, 844, 16, "cycle_end")
    every = ("triangular", "triangular2", "exp_range")
    assert final_rates(space(), plan) == dict.fromkeys(every, "init_lr")
    assert final_rates(space(init_lr=0.003), plan) == dict.fromkeys(every, "0.003")
    ratio = {"ratio": {"low": 3, "high": 10}}
    assert final_rates(space(init_lr=ratio, policy="triangular"), plan) == {"triangular": "init_lr"}


@pytest.mark.parametrize(
    ("factor", "epochs", "expected"),
    [
        # 1.25 cycles: half way up in the second
        (
            2, 5,
            ["init_lr + 0.5 x (max_lr - init_lr)", "init_lr + 0.25 x (max_lr - init_lr)",
             "init_lr + 0.5 x gamma^500 x (max_lr - init_lr)"],
        ),
        # a third of the way down from the first peak
        (
            3, 4,
            ["init_lr + 2/3 x (max_lr - init_lr)", "init_lr + 2/3 x (max_lr - init_lr)",
             "init_lr + 2/3 x gamma^400 x (max_lr - init_lr)"],
        ),
        # the tutorial's third peak
        (
            2, 10,
            ["max_lr", "init_lr + 0.25 x (max_lr - init_lr)",
             "init_lr + gamma^1000 x (max_lr - init_lr)"],
        ),
    ],
)  # fmt: skip
def test_in_mid_cycle_it_is_an_expression(factor: float, epochs: int, expected: list[str]) -> None:
    """Exact heights, as decimals where these are short; each policy has its own decay."""
    plan = plan_trial(factor, 100, epochs, "final")
    gamma = {"low": 0.99, "high": 1.0}
    assert list(final_rates(space(gamma=gamma), plan).values()) == expected
    fixed = final_rates(space(gamma=0.99994), plan)["exp_range"]
    assert fixed == expected[2].replace("gamma", "0.99994")
    assert final_rates(space(gamma=1), plan)["exp_range"] == expected[0]


@given(
    factor=st.floats(0.1, 20),
    epochs=st.integers(1, 30),
    steps_per_epoch=st.integers(10, 1000),
    low=st.floats(0, 0.09),
    high=st.floats(0.1, 3),
    gamma=st.floats(0.99, 1),
)
def test_the_expressions_have_the_schedules_values(
    factor: float, epochs: int, steps_per_epoch: int, low: float, high: float, gamma: float
) -> None:
    """With the bounds put in, an expression is the rate of the schedule; so is the number."""
    plan = plan_trial(factor, steps_per_epoch, epochs, "final")
    sampled = final_rates(space(gamma={"low": 0.5, "high": 1.0}, policy=policies.CYCLICAL), plan)
    one = space(init_lr=low, max_lr=(high,), gamma=gamma, policy=policies.CYCLICAL)
    fixed = final_rates(one, plan)
    for policy in policies.CYCLICAL:
        exact = policies.learning_rate(
            plan.steps, policy=policy, init_lr=low, max_lr=high, step_size=plan.step_size,
            gamma=gamma,
        )  # fmt: skip
        assert float(fixed[policy]) == pytest.approx(exact, rel=1e-8, abs=1e-300)
        python = sampled[policy].replace(" x ", " * ").replace("^", "**")
        names = {"init_lr": low, "max_lr": high, "gamma": gamma}
        assert eval(python, names) == pytest.approx(exact, rel=1e-9, abs=1e-12)

"""A trial's values in another search space: what fits is carried, as it is."""

from __future__ import annotations

from typing import Any

import pytest
from written_sweeps import ABSENT, sweep

from clr_sweep.definition.carried_values import Carried, carried

TRIAL: dict[str, Any] = {
    "policy": "triangular", "max_lr": 0.3, "init_lr": 0.001, "step_size_factor": 4,
    "batch_size": 32, "optimizer": "sgd", "momentum": 0.9,
}  # fmt: skip
ALL = {"policy": "triangular", "max_lr": 0.3, "init_lr": 0.001, "step_size_factor": 4}


def fitted(changes: dict[str, Any], searched: tuple[str, ...] = (), **values: Any) -> Carried:
    made = sweep(changes)
    space = {**made.search_space.dimensions, "when": made.search_space.when}
    trial = {key: value for key, value in {**TRIAL, **values}.items() if value is not ABSENT}
    return carried(trial, searched, space, made.training.optimizer, cycles_momentum=False)


def test_the_same_space_takes_all_of_it() -> None:
    """What is fixed in the space as it was in the trial needs no word."""
    found = fitted({"search_space.batch_size": 32})
    assert (found.given, dict(found.sampled), found.differing) == (ALL, {}, ())
    assert type(found.given["step_size_factor"]) is int


def test_what_was_fixed_there_is_carried_too() -> None:
    found = fitted({"search_space.momentum": {"low": 0.5, "high": 0.99}})
    assert found.given == {**ALL, "momentum": 0.9}


@pytest.mark.parametrize(
    ("changes", "name", "why"),
    [
        ({"max_lr": {"low": 0.5, "high": 1.0}}, "max_lr", "0.3 is not within 0.5 to 1.0"),
        ({"max_lr": [0.1, 0.2]}, "max_lr", "0.3 is none of 0.1, 0.2"),
        (
            {"max_lr": {"low": 0.1, "high": 0.5, "step": 0.08}},
            "max_lr",
            "0.3 is not within 0.1 to 0.5 in steps of 0.08",
        ),
        (
            {"step_size_factor": {"low": 5, "high": 8}},
            "step_size_factor",
            "4 is not within 5 to 8 in whole numbers",
        ),
        ({"policy": ["exp_range", "cosine"]}, "policy", "triangular is none of exp_range, cosine"),
        ({"rho": {"low": 0.5, "high": 0.9}, "optimizer": "adadelta"}, "rho", "that trial has none"),
    ],
    ids=lambda case: "" if isinstance(case, dict) else case,
)
def test_what_does_not_fit_is_sampled(changes: dict[str, Any], name: str, why: str) -> None:
    """By itself; the others are given, and nothing is moved to a bound."""
    found = fitted({f"search_space.{key}": value for key, value in changes.items()})
    assert found.sampled[name] == why
    rest = {key: value for key, value in ALL.items() if key != name}
    if name == "policy":  # without a cycle there is neither
        rest = {"max_lr": 0.3}
        no_cycle = dict.fromkeys(("init_lr", "step_size_factor"), "whether it is there is sampled")
        assert found.sampled == {name: why, **no_cycle}
    assert found.given == rest


def test_steps_are_met_as_floats_meet_them() -> None:
    """0.1 + 2 * 0.1 is what a sampler gives, and what it would give again."""
    grid = {"search_space.max_lr": {"low": 0.1, "high": 0.5, "step": 0.1}}
    assert fitted(grid, max_lr=0.1 + 2 * 0.1).given["max_lr"] == 0.1 + 2 * 0.1


def test_a_rate_becomes_a_ratio_and_back() -> None:
    """The same init_lr to the bit; without its max_lr a ratio would be another rate."""
    ratio = {"search_space.init_lr": {"ratio": {"low": 3, "high": 1000, "log": True}}}
    found = fitted(ratio)
    assert 0.3 / found.given["init_lr_ratio"] == 0.001
    assert found.differing == ()
    assert fitted(ratio, init_lr_ratio=300.0).given["init_lr_ratio"] == 300.0
    assert fitted({}, ("init_lr_ratio",), init_lr_ratio=300.0).given == ALL
    narrow = {**ratio, "search_space.max_lr": {"low": 0.5, "high": 1.0}}
    assert fitted(narrow).sampled["init_lr_ratio"] == "max_lr is another"
    assert fitted(narrow, init_lr_ratio=300.0).given["init_lr_ratio"] == 300.0
    assert fitted(ratio, init_lr=0).sampled["init_lr_ratio"] == "that trial has none"


def test_conditions_are_respected() -> None:
    """What hangs on a value that is not given cannot be given; what is never there needs none."""
    changes = {
        "search_space.optimizer": ["sgd", "adam"],
        "search_space.momentum": {"low": 0.5, "high": 0.99},
        "search_space.beta_1": {"low": 0.5, "high": 0.99},
        "search_space.when": {
            "momentum": {"optimizer": ["sgd"]}, "beta_1": {"optimizer": ["adam"]},
        },
    }  # fmt: skip
    found = fitted(changes)
    assert found.given == {**ALL, "optimizer": "sgd", "momentum": 0.9}
    assert found.sampled == {}
    found = fitted(changes, optimizer="rmsprop")
    assert found.given == ALL
    assert found.sampled == {
        "optimizer": "rmsprop is none of sgd, adam",
        "momentum": "whether it is there is sampled",
        "beta_1": "that trial has none",
    }


def test_values_that_do_not_go_together() -> None:
    """Each lies in its range; an init_lr that a sampled max_lr could meet is sampled as well."""
    assert fitted({}, init_lr=0.01).given == {**ALL, "init_lr": 0.01}
    found = fitted({}, init_lr=0.01, max_lr=5.0)
    assert found.given == {"policy": "triangular", "step_size_factor": 4}
    assert found.sampled["max_lr"] == "5 is not within 0.01 to 1.0"
    assert found.sampled["init_lr"].startswith("must lie above init_lr")


def test_what_differs_here_is_said() -> None:
    """Fixed at another value, or not searched at all."""
    changes = {"search_space.policy": "triangular2", "search_space.batch_size": 64}
    found = fitted(changes, ("momentum",))
    assert found.differing == (
        "policy triangular is triangular2 here",
        "batch_size 32 is 64 here",
        "momentum 0.9 is not searched here",
    )
    assert found.given == {key: value for key, value in ALL.items() if key != "policy"}

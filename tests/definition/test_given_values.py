"""Values of `study.start_with`, held against the search space."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from written_sweeps import FROM_RANGE_TEST, problems, written

from clr_sweep.definition.given_values import as_sampled
from clr_sweep.definition.loading import load_sweep

SPACE: dict[str, Any] = {
    "search_space.policy": ["triangular", "exp_range", "cosine"],
    "search_space.batch_size": {"low": 32, "high": 128, "step": 32},
    "search_space.momentum": {"low": 0.0, "high": 0.9, "step": 0.3},
    "search_space.rho": 0.9,
    "training.optimizer": "rmsprop",
}
ELSE = "has an effect with triangular, exp_range alone: give the policy too, one of these"


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ({"max_rl": 1}, "max_rl: unknown hyperparameter 'max_rl' - did you mean 'max_lr'?"),
        ({"max_lr": 5}, "max_lr: must be within its range in the search space, 0.01 to 1.0 (real"),
        ({"max_lr": "a"}, "max_lr: must be a number, got 'a'"),
        ({"max_lr": True}, "max_lr: must be a number, got true"),
        ({"momentum": 0.5}, "momentum: must be 0.0 and a whole number of steps of 0.3, got 0.5"),
        ({"batch_size": 40}, "batch_size: must be 32 and a whole number of steps of 32, got 40"),
        ({"batch_size": 32.5}, "batch_size: must be a whole number, got 32.5"),
        ({"policy": "linear"}, "policy: must be one of 'triangular', 'exp_range', 'cosine', got"),
        ({"rho": 0.8}, "rho: is 0.9 in every trial, got 0.8"),
        ({"init_lr": 0.001}, f"init_lr: {ELSE}"),
        ({"step_size_factor": 2}, f"step_size_factor: {ELSE}"),
        ({"init_lr": 0.001, "policy": "cosine"}, "init_lr: has no effect with the policy cosine"),
        ({"init_lr_ratio": 5}, "init_lr_ratio: unknown hyperparameter"),
        (
            {"init_lr": 0.01, "max_lr": 0.01, "policy": "triangular"},
            "max_lr: must lie above init_lr, got max_lr from 0.01 and init_lr up to 0.01",
        ),
    ],
)
def test_what_is_not_in_the_space(given: dict[str, Any], problem: str, tmp_path: Path) -> None:
    """Each in words, with its place."""
    file = written(tmp_path, {**SPACE, "study.start_with": [{"max_lr": 0.1}, given]})
    (found,) = problems(file)
    assert found.startswith(f"study.start_with.1.{problem}")


def test_all_that_is_wrong_is_told(tmp_path: Path) -> None:
    """Of every trial, with what is wrong elsewhere, and none of that a second time."""
    changes = {
        "study.start_with": [{"max_lr": 5, "momentun": 1}, {"policy": "cosin"}],
        "search_space.clipnorm": 1.0,
        "search_space.clipvalue": 1.0,
    }
    found = [text.split(":")[0] for text in problems(written(tmp_path, changes))]
    assert sorted(found) == [
        "search_space",
        "study.start_with.0.max_lr",
        "study.start_with.0.momentun",
        "study.start_with.1.policy",
    ]


@pytest.mark.parametrize("name", ["init_lr", "max_lr"])
def test_rates_of_a_range_test(name: str, tmp_path: Path) -> None:
    """Their ranges are not known yet; what else there is can be given."""
    trials = [{name: 0.01}, {"step_size_factor": 4}]
    (found,) = problems(written(tmp_path, {**FROM_RANGE_TEST, "study.start_with": trials}))
    assert found.startswith(f"study.start_with.0.{name}: must be left out: the range test gives")


def test_a_ratio_is_given_as_one(tmp_path: Path) -> None:
    """Under the name that it has in a trial."""
    ratio = {"search_space.init_lr": {"ratio": {"low": 3, "high": 100, "log": True}}}
    made = load_sweep(written(tmp_path, {**ratio, "study.start_with": [{"init_lr_ratio": 10}]}))
    assert made.study.start_with == ({"init_lr_ratio": 10},)
    (found,) = problems(written(tmp_path, {**ratio, "study.start_with": [{"init_lr": 0.01}]}))
    assert found.startswith("study.start_with.0.init_lr: is sampled as a part of max_lr: give init")


def test_values_as_the_sampler_would_give_them(tmp_path: Path) -> None:
    """A real number is a float, however it is written; a choice is the one in the list."""
    space = load_sweep(written(tmp_path, SPACE)).search_space.dimensions
    assert repr(as_sampled("max_lr", 1, space["max_lr"])) == "1.0"
    assert repr(as_sampled("batch_size", 64.0, space["batch_size"])) == "64"
    assert repr(as_sampled("momentum", 0, (0.0, 0.9))) == "0.0"
    assert repr(as_sampled("nesterov", True, (1, True))) == "True"


def test_a_policy_alone_where_others_have_a_gamma(tmp_path: Path) -> None:
    """What such a trial does not have stands in nobody's way."""
    gamma = {"search_space.gamma": {"low": 0.99, "high": 1.0}}
    file = written(tmp_path, {**gamma, "study.start_with": [{"policy": "triangular"}]})
    assert load_sweep(file).study.start_with == ({"policy": "triangular"},)

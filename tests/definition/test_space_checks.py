"""Combinations that a search space must not hold: refused with their place and a cure."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from written_sweeps import content, problems, written

from clr_sweep.common.errors import InputError
from clr_sweep.definition.loading import load_sweep
from clr_sweep.definition.sweep import Sweep


def test_arguments_have_to_suit_every_optimizer_searched(tmp_path: Path) -> None:
    """An argument given once, or searched, goes to each of the optimizers."""
    changes = {
        "training.optimizer": {"name": "sgd", "arguments": {"nesterov": True}},
        "search_space.optimizer": ["sgd", "adam"],
        "search_space.momentum": {"low": 0, "high": 1},
        "search_space.clipnorm": 1,
        "search_space.clipvalue": 1,
    }
    found = problems(written(tmp_path, changes))
    assert [text.split(" - ")[0].split(" (known")[0] for text in found] == [
        "search_space.optimizer: training.optimizer gives the argument nesterov to all: unknown "
        "argument of the optimizer adam 'nesterov'",
        "search_space.momentum: unknown argument of the optimizer adam 'momentum'",
        "search_space: only one of clipnorm, clipvalue, global_clipnorm may be given, got clipnorm "
        "and clipvalue",
    ]


ALL_HAVE_IT = {
    "training.optimizer": {"name": "sgd", "arguments": {"momentum": 0.9}},
    "search_space.optimizer": ["sgd", "adam"],
}
OF_SGD = {"momentum": {"optimizer": ["sgd"]}}


@pytest.mark.parametrize(
    ("changes", "cure"),
    [
        (
            {},
            "take it out of training.optimizer and let search_space give it to sgd, momentum: 0.9 "
            "with when: {momentum: {optimizer: [sgd]}}; the baseline then has its optimizer's "
            "default",
        ),
        (
            {"search_space.momentum": {"low": 0.5, "high": 0.99}, "search_space.when": OF_SGD},
            "take it out of training.optimizer; the baseline then has its optimizer's default",
        ),
    ],
)
def test_an_argument_given_to_all_that_some_have(
    changes: dict[str, Any], cure: str, tmp_path: Path
) -> None:
    """The cure is told, and is one."""
    (found,) = problems(written(tmp_path, ALL_HAVE_IT | changes))
    assert found.startswith(
        "search_space.optimizer: training.optimizer gives the argument momentum"
    )
    assert found.endswith(f"; {cure}")
    cured = {"search_space.momentum": 0.9, "search_space.when": OF_SGD} | changes
    load_sweep(written(tmp_path, ALL_HAVE_IT | cured | {"training.optimizer": "sgd"}))


def test_gamma_is_searched_only_where_it_is_used(tmp_path: Path) -> None:
    """A search of gamma without exp_range would waste trials; a fixed value harms nobody."""
    gamma = {"low": 0.999, "high": 0.9999}
    changes = {"search_space.policy": ["triangular"], "search_space.gamma": gamma}
    (found,) = problems(written(tmp_path, changes))
    assert found.startswith("search_space.gamma: must be a single value, or left out, where policy")
    for right in (
        {"search_space.policy": "exp_range"},
        {"search_space.policy": ["linear", "exp_range_bounds"]},
        {"search_space.gamma": 0.9},
    ):
        load_sweep(written(tmp_path, changes | right))


@pytest.mark.parametrize(
    ("changes", "messages"),
    [
        ({}, []),
        ({"search_space.policy": ["triangular", "one_cycle"]}, []),
        ({"search_space.optimizer": ["sgd", "adam"]}, []),
        ({"baseline.policy": "cosine"}, []),
        (
            {"search_space.policy": ["triangular", "cosine", "constant"]},
            [
                "search_space.policy: cannot be searched with training.cycle_momentum: the rate of "
                "cosine, constant has no rise that momentum could mirror (that of triangular, "
                "triangular2, exp_range, exp_range_bounds, one_cycle has)"
            ],
        ),
        (
            {"search_space.momentum": [0.8, 0.9]},
            [
                "search_space.momentum: does not go with training.cycle_momentum, which gives "
                "momentum at every step, so momentum cannot be given too: take it out of the "
                "optimizer's arguments and of the search space"
            ],
        ),
        (
            {"search_space.optimizer": ["sgd", "adagrad"]},
            [
                "search_space.optimizer: does not go with training.cycle_momentum, which needs an "
                "optimizer with momentum or beta_1 (sgd, rmsprop, adam, adamw, nadam, adamax, "
                "lion, lamb), got adagrad"
            ],
        ),
        (
            {"training.optimizer": "adadelta"},
            [
                "training.cycle_momentum: needs an optimizer with momentum or beta_1 (sgd, "
                "rmsprop, adam, adamw, nadam, adamax, lion, lamb), got adadelta"
            ],
        ),
        (
            {"training.optimizer": {"name": "adam", "arguments": {"beta_1": 0.8}}},
            [
                "training.cycle_momentum: gives beta_1 at every step, so beta_1 cannot be given "
                "too: take it out of the optimizer's arguments and of the search space"
            ],
        ),
        (
            {"training.cycle_momentum": {"low": 0.9, "high": 0.9}},
            ["training.cycle_momentum.high: must be above low (0.9), got 0.9"],
        ),
        (
            {"training.cycle_momentum": {"low": 0.9, "high": 1}},
            ["training.cycle_momentum.high: must be a number from 0 to below 1, got 1"],
        ),
    ],
)
def test_what_goes_with_cycled_momentum(
    tmp_path: Path, changes: dict[str, Any], messages: list[str]
) -> None:
    """Optimizers and policies that have no such thing, and momentum given twice, are refused."""
    file = written(tmp_path, {"training.cycle_momentum": {}, **changes})
    if messages:
        assert problems(file) == messages
    else:
        made = load_sweep(file).training.cycle_momentum
        assert made is not None
        assert (made.low, made.high) == (0.85, 0.95)


LOW = {"low": 1e-4, "high": 1e-2}
HIGH = {"low": 1e-2, "high": 1.0}


@pytest.mark.parametrize(
    ("init_lr", "max_lr", "right"),
    [
        (LOW, HIGH, True),
        ({**LOW, "step": 0.0099}, HIGH, False),  # its last step is the common bound
        ({"low": 1e-4, "high": 0.1}, HIGH, False),
        (LOW, {"low": 0.0099, "high": 1}, False),
        (0.01, HIGH, False),
        (0.0099, HIGH, True),
        ([1e-4, 1e-2], HIGH, False),
        (LOW, 0.01, True),
        (LOW, [1, 0.01], True),
        (0.5, 0.5, False),
        (0.5, 0.4, False),
        (0, 0.5, True),
        ({"low": 0, "high": 1}, {"low": 1, "high": 2}, True),
        # apart in float64, the same in float32, where Keras holds a rate
        (0.01, 0.010000000001, False),
        ({"low": 1e-4, "high": 0.01}, {"low": 0.010000000001, "high": 1}, True),
        ({"low": 0.0099999999, "high": 0.01}, HIGH, False),
        ({"ratio": {"low": 3, "high": 100, "log": True}}, {"low": 1e-4, "high": 1}, True),
    ],
)
def test_init_lr_and_max_lr_never_meet(
    tmp_path: Path, init_lr: Any, max_lr: Any, right: bool
) -> None:
    """Ranges that overlap are refused, with what to do about it; they may touch."""
    file = written(tmp_path, {"search_space.init_lr": init_lr, "search_space.max_lr": max_lr})
    if right:
        load_sweep(file)
        return
    (found,) = problems(file)
    assert found.startswith("search_space.max_lr: must lie above init_lr, got max_lr from ")
    assert "make the two disjoint, or give init_lr as a part of max_lr (init_lr: {ratio" in found


# ---- cycles that do not fit into the budget

SHORT = (
    "must be at least 16, two times the largest step_size_factor (8), so that every trial "
    "finishes a whole cycle, got 10: give more epochs, a step_size_factor of at most 5, or "
    "objective.at: final, with which a trial ends wherever its cycle stands"
)


@pytest.mark.parametrize("at", ["cycle_end", "best"])
def test_a_factor_that_cannot_finish_a_cycle_is_refused(tmp_path: Path, at: str) -> None:
    """The place, the value, the epochs needed and the cures; each of the cures is one."""
    short = {"training.epochs": 10, "objective": {"at": at}}
    assert problems(written(tmp_path, short)) == [f"training.epochs: {SHORT}"]
    for cure in (
        {"training.epochs": 16},
        {"search_space.step_size_factor": {"low": 2, "high": 5}},
        {"objective": {"at": "final"}},
    ):
        assert load_sweep(written(tmp_path, {**short, **cure}))


def test_epochs_from_the_command_line_are_held_against_the_factors(tmp_path: Path) -> None:
    """The option is named where it stands in place of the file's value; it mends that too."""
    assert problems(written(tmp_path), {"training.epochs": "10"}) == [f"--epochs: {SHORT}"]
    assert load_sweep(written(tmp_path, {"training.epochs": 10}), {"training.epochs": "16"})


@pytest.mark.parametrize(
    ("factor", "needed"),
    [
        (5.01, 11), ([2, 8.5], 17), ({"low": 2.0, "high": 5.5}, 11), ({"low": 3, "high": 6}, 12),
        ({"low": 1.0, "high": 64.0, "log": True}, 128),
    ],
)  # fmt: skip
def test_the_largest_factor_decides(tmp_path: Path, factor: Any, needed: int) -> None:
    """Of real numbers, of lists and of steps; the epochs named are enough and none too many."""
    key = "search_space.step_size_factor"
    with pytest.raises(InputError, match=f"training.epochs: must be at least {needed}, two"):
        load_sweep(written(tmp_path, {"training.epochs": 10, key: factor}))
    with pytest.raises(InputError, match=f"must be at least {needed}, two"):
        load_sweep(written(tmp_path, {"training.epochs": needed - 1, key: factor}))
    assert load_sweep(written(tmp_path, {"training.epochs": needed, key: factor}))


def test_a_budget_too_short_is_told_with_all_other_problems(tmp_path: Path) -> None:
    """It hides none and none hides it, but for those that leave it without an answer."""
    wrong = {"training.epochs": 10, "study.trials": 0, "model.name": "nothing"}
    found = problems(written(tmp_path, wrong))
    assert len(found) == 3
    assert f"training.epochs: {SHORT}" in found
    wrong = {"training.epochs": 10, "search_space.step_size_factor": "long"}
    assert "cycle" not in "".join(problems(written(tmp_path, wrong)))


def test_a_stored_definition_may_hold_what_is_refused_now() -> None:
    """A study of an older version is read, shown and exported as it is."""
    old = content({"training.epochs": 10})
    assert Sweep.model_validate_json(json.dumps(old)).training.epochs == 10

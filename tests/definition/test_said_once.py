"""What is wrong in a search space is said where it is, and not again of what hangs on it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from written_sweeps import problems, written

OPTIMIZERS: dict[str, Any] = {
    "search_space.optimizer": ["sgd", "adam"],
    "search_space.momentum": [0.8, 0.9],
}
STARTED = {"study.start_with": [{"optimizer": "sgd", "momentum": 0.9}]}
WHEN = {"search_space.when": {"momentum": {"optimizer": ["sgd"]}}}


def when(condition: Any) -> dict[str, Any]:
    return {**OPTIMIZERS, **STARTED, "search_space.when": {"momentum": condition}}


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        # a hyperparameter that there is not, beside a start that has nothing to do with it
        (
            {**OPTIMIZERS, **WHEN, "search_space.units": [8], "study.start_with": [{"max_lr": 0.1}]}
            | {"model.name": "mine:build"},
            "search_space.units: unknown hyperparameter 'units' - did you mean 'model.units'?",
        ),
        (
            {"search_space.units": [8, 16], "model.name": "mine:build"}
            | {"study.start_with": [{"model.units": 8}]},
            "search_space.units: unknown hyperparameter 'units' - did you mean 'model.units'?",
        ),
        # conditions
        (
            when({"optimizer": ["SGD"]}),
            "search_space.when.momentum.optimizer: is never 'SGD' in the search space, but 'sgd', "
            "'adam' - did you mean 'sgd'?",
        ),
        (
            when({"optimiser": ["sgd"]}),
            "search_space.when.momentum.optimiser: unknown hyperparameter 'optimiser' - did you",
        ),
        (
            {**OPTIMIZERS, **STARTED, "search_space.when": {"momentun": {"optimizer": "sgd"}}},
            "search_space.when.momentun: unknown hyperparameter 'momentun' - did you mean 'momen",
        ),
        (when("sgd"), "search_space.when.momentum: must be a mapping such as"),
        (
            {**OPTIMIZERS, "search_space.nesterov": [True, False]}
            | {"study.start_with": [{"optimizer": "sgd", "momentum": 0.9, "nesterov": True}]}
            | {"search_space.when": {
                "momentum": {"optimizer": "SGD"}, "nesterov": {"momentum": 0.9},
            }},
            "search_space.when.momentum.optimizer: is never 'SGD'",
        ),
        # dimensions that cannot be read, or are wrong themselves
        (
            {**OPTIMIZERS, **WHEN, **STARTED, "search_space.momentum": {"low": "a", "high": 1}},
            "search_space.momentum.low: must be a finite number, got 'a'",
        ),
        (
            {**OPTIMIZERS, **WHEN, **STARTED, "search_space.optimizer": {"low": 1}},
            "search_space.optimizer.high: is required",
        ),
        (
            {**OPTIMIZERS, **WHEN, **STARTED, "search_space.optimizer": ["sgdd", "adam"]},
            "search_space.optimizer: unknown optimizer 'sgdd' - did you mean 'sgd'?",
        ),
        (
            {"search_space.policy": ["sine"], "study.start_with": [{"policy": "triangular"}]},
            "search_space.policy: must be one of triangular,",
        ),
        (
            {"search_space.max_lr": None, "study.start_with": [{"max_lr": 0.1}]},
            "search_space: must give max_lr a value, or `from: range_test`",
        ),
    ],
)  # fmt: skip
def test_once(changes: dict[str, Any], problem: str, tmp_path: Path) -> None:
    """One problem for one fault, with the cure of that fault."""
    source = "def build(input_shape, classes, units=8): ...\n"
    (tmp_path / "mine.py").write_text(source, encoding="utf-8")
    (found,) = problems(written(tmp_path, changes))
    assert found.startswith(problem)


def test_what_does_not_hang_on_it_is_said_too(tmp_path: Path) -> None:
    """A value that is wrong whatever the condition says; a start with another fault."""
    changes = {
        **when({"optimizer": "SGD"}),
        "search_space.momentum": [0.8, 2.0],
        "study.start_with": [{"optimizer": "sdg"}, {"max_lr": 9}],
    }
    found = problems(written(tmp_path, changes))
    assert [text.split(":")[0] for text in found] == [
        "search_space.when.momentum.optimizer",
        "search_space.momentum",
        "study.start_with.0.optimizer",
        "study.start_with.1.max_lr",
    ]
    assert found[2].endswith("must be one of 'sgd', 'adam', got 'sdg' - did you mean 'sgd'?")


def test_a_misplaced_key_is_no_hyperparameter(tmp_path: Path) -> None:
    """It is named, and nothing of it is judged as a dimension; an argument of one's own is one."""
    (tmp_path / "mine.py").write_text("def sgd(learning_rate, seed=1): ...\n", encoding="utf-8")
    changes = {"search_space.seed": [1, 2], "search_space.start_with": [{"max_lr": 0.1}]}
    found = problems(written(tmp_path, changes))
    assert sorted(text.split(":")[0] for text in found) == [
        "search_space.seed",
        "search_space.start_with",
    ]
    optimizer = {"name": "mine:sgd", "arguments": {"seed": 1}}
    (found_own,) = problems(written(tmp_path, {**changes, "training.optimizer": optimizer}))
    assert found_own.endswith("'start_with' - did you mean 'study.start_with'?")

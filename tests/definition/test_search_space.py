"""The search space: further hyperparameters, whole numbers, and where the rates come from."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from json_schemas import SWEEP_SCHEMA, allows
from written_sweeps import ABSENT, FROM_RANGE_TEST, content, problems, sweep, written

from clr_sweep.definition.dimensions import Range
from clr_sweep.definition.search_space import SCHEDULE_KEYS, SearchSpace, in_whole_numbers
from clr_sweep.definition.sweep import Sweep


def test_further_hyperparameters_stand_beside_the_schedule() -> None:
    """Any other key is a further hyperparameter, in the file and in what is stored."""
    further = {"momentum": [0, 0.9], "model.units": {"low": 8, "high": 64}, "further": 1}
    space = sweep({f"search_space.{key}": value for key, value in further.items()}).search_space
    assert space.further == {
        "momentum": (0, 0.9),
        "model.units": Range(low=8, high=64),
        "further": 1,
    }
    assert list(space.dimensions) == [*SCHEDULE_KEYS, *further]
    assert list(space.model_dump()) == ["from", *SCHEDULE_KEYS, "when", *further]


@pytest.mark.parametrize(
    ("key", "dimension", "whole"),
    [
        ("step_size_factor", Range(low=2, high=8), True),
        ("batch_size", Range(low=16, high=64), True),
        ("model.units", Range(low=16, high=64), True),
        ("model.dropout", Range(low=0.0, high=1), False),
        ("momentum", Range(low=0, high=1), False),
        ("max_lr", Range(low=1, high=2), False),
        ("step_size_factor", (2, 4), False),
    ],
)
def test_where_whole_numbers_are_sampled(key: str, dimension: Any, whole: bool) -> None:
    """0 to 1 means two batch sizes, but any momentum between them."""
    assert in_whole_numbers(key, dimension) is whole


def test_a_dimension_of_the_space_may_have_any_name() -> None:
    """A name that the record itself uses is a hyperparameter like any other."""
    space = SearchSpace.model_validate(
        {"init_lr": 0.1, "max_lr": 1, "dimensions": 3, "model_fields": 4}
    )
    assert space.further == {"dimensions": 3, "model_fields": 4}
    assert SearchSpace.model_validate(space.model_dump()) == space


def test_a_range_test_gives_the_rates() -> None:
    """With `from: range_test` they are left out; what is stored comes back, past the schema too."""
    made = sweep({**FROM_RANGE_TEST, "range_test": {"seeds": 2}})
    space = made.search_space
    assert (space.awaits_range_test, space.init_lr, space.max_lr) == (True, None, None)
    assert list(space.dimensions) == ["step_size_factor", "policy", "gamma"]
    assert (made.range_test.low, made.range_test.high, made.range_test.seeds) == (1e-5, 10, 2)
    stored = json.loads(made.model_dump_json())
    assert stored["search_space"]["from"] == "range_test"
    assert Sweep.model_validate(stored) == made
    assert allows(SWEEP_SCHEMA, stored)
    assert allows(SWEEP_SCHEMA, content(FROM_RANGE_TEST))
    assert not sweep().search_space.awaits_range_test


@pytest.mark.parametrize(
    ("changes", "messages"),
    [
        (
            {"search_space.init_lr": ABSENT, "search_space.max_lr": ABSENT},
            [
                "search_space: must give init_lr and max_lr a value, or `from: range_test` instead "
                "of init_lr and max_lr: then a range test gives both"
            ],
        ),
        (
            {"search_space.max_lr": ABSENT},
            [
                "search_space: must give max_lr a value, or `from: range_test` instead of init_lr "
                "and max_lr: then a range test gives both"
            ],
        ),
        (
            {"search_space.from": "range_test"},
            [
                f"search_space.{key}: must be left out with `from: range_test`, which gives it"
                for key in ("init_lr", "max_lr")
            ],
        ),
        (
            {"search_space.from": "a_test"},
            ["search_space.from: must be range_test, got 'a_test' - did you mean 'range_test'?"],
        ),
        (
            {"range_test": {"high": 1e-5, "rule": "smiths", "seeds": 0}},
            [
                "range_test.rule: must be one of smith, quarter, steepest, valley or minimum, got "
                "'smiths' - did you mean 'smith'?",
                "range_test.seeds: must be at least 1, got 0",
                "range_test.high: must be at least ten times low, which is 1e-05, got 1e-05",
            ],
        ),
        (
            {"range_test": {"high": 5e-5}},
            ["range_test.high: must be at least ten times low, which is 1e-05, got 5e-05"],
        ),
    ],
)
def test_where_the_rates_come_from(
    tmp_path: Path, changes: dict[str, Any], messages: list[str]
) -> None:
    """The file gives both, or a range test does: never one of them, never both ways."""
    assert sorted(problems(written(tmp_path, changes))) == sorted(messages)
    if not any("ten times" in message for message in messages):
        assert not allows(SWEEP_SCHEMA, content(changes))

"""`search_space.when`: hyperparameters that only some trials have."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from json_schemas import SWEEP_SCHEMA, allows
from written_sweeps import content, problems, written

from clr_sweep.definition.conditions import holds, parents_first, whole_condition
from clr_sweep.definition.loading import load_sweep

SPACE: dict[str, Any] = {
    "search_space.optimizer": ["sgd", "adam", "rmsprop"],
    "search_space.momentum": {"low": 0.0, "high": 0.9},
    "search_space.beta_1": [0.8, 0.9],
    "search_space.weight_decay": {"low": 1e-6, "high": 1e-3, "log": True},
}
WHEN: dict[str, Any] = {
    "momentum": {"optimizer": ["sgd", "rmsprop"]},
    "beta_1": {"optimizer": "adam"},
}


def space(when: Any, changes: dict[str, Any] | None = None) -> dict[str, Any]:
    return {**SPACE, "search_space.when": when, **(changes or {})}


def test_arguments_of_some_optimizers_alone(tmp_path: Path) -> None:
    """Valid with their conditions, in words in check; refused without, with the way to write it."""
    made = load_sweep(written(tmp_path, space(WHEN))).search_space
    assert made.when == {
        "momentum": {"optimizer": ("sgd", "rmsprop")},
        "beta_1": {"optimizer": ("adam",)},
    }
    assert made.describe("beta_1") == "one of 0.8, 0.9, where optimizer is adam"
    assert made.describe("momentum").endswith(", where optimizer is sgd or rmsprop")
    assert "where" not in made.describe("weight_decay")
    found = problems(written(tmp_path, SPACE))
    assert [text.split(":")[0] for text in found] == [
        "search_space.momentum",
        "search_space.beta_1",
    ]
    assert found[0].endswith(
        "if it is searched with sgd, rmsprop alone, search_space.when says so: "
        "{momentum: {optimizer: [sgd, rmsprop]}}"
    )


@pytest.mark.parametrize(
    ("when", "place", "problem"),
    [
        (5, "", "must be a mapping of keys to values, got 5"),
        ({"momentum": "sgd"}, ".momentum", "must be a mapping such as {optimizer: [sgd]}"),
        ({"momentum": {}}, ".momentum", "must be a mapping such as {optimizer: [sgd]}"),
        ({"momentum": {"optimizer": []}}, ".momentum.optimizer", "must be a list with at least"),
        ({"momentun": {"optimizer": "sgd"}}, ".momentun", "unknown hyperparameter 'momentun'"),
        ({"momentum": {"optimiser": "sgd"}}, ".momentum.optimiser", "unknown hyperparameter"),
        ({"momentum": {"optimizer": "lion"}}, ".momentum.optimizer", "is never 'lion' in the"),
        ({"momentum": {"weight_decay": 1e-4}}, ".momentum.weight_decay", "must have its values"),
        ({"max_lr": {"optimizer": "sgd"}}, ".max_lr", "cannot hang on another"),
        ({"optimizer": {"policy": "triangular"}}, ".optimizer", "cannot hang on another"),
        ({"beta_1": {"beta_1": 0.8}}, ".beta_1", "hangs on itself"),
        (
            {"weight_decay": {"optimizer": ["sgd", "adam", "rmsprop"]}},
            ".weight_decay",
            "always holds: leave it out",
        ),
        (
            {"weight_decay": {"beta_1": 0.8, "optimizer": "sgd"}, "beta_1": {"optimizer": "adam"}},
            ".weight_decay",
            "never holds: what it hangs on is there with other values of optimizer",
        ),
    ],
)
def test_what_is_refused(when: Any, place: str, problem: str, tmp_path: Path) -> None:
    """Each with its place."""
    found = problems(written(tmp_path, space(when)))
    assert any(text.startswith(f"search_space.when{place}: {problem}") for text in found), found


def test_clipping_by_one_optimizer_each(tmp_path: Path) -> None:
    """Two that exclude each other may be searched where no trial has both."""
    changes = {"search_space.clipnorm": [1.0, 2.0], "search_space.clipvalue": [0.1, 0.2]}
    apart = {**WHEN, "clipnorm": {"optimizer": "sgd"}, "clipvalue": {"optimizer": "adam"}}
    load_sweep(written(tmp_path, space(apart, changes)))
    together = {**WHEN, "clipnorm": {"optimizer": "sgd"}}
    (found,) = problems(written(tmp_path, space(together, changes)))
    assert found.startswith("search_space: only one of clipnorm, clipvalue")


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ({"optimizer": "sgd", "momentum": 0.5}, ""),
        ({"optimizer": "adam"}, ""),
        ({"optimizer": "adam", "momentum": 0.5}, "has no effect with the optimizer adam: leave"),
        ({"momentum": 0.5}, "has an effect with sgd, rmsprop alone: give the optimizer too, one"),
    ],
)
def test_given_trials_have_what_their_condition_lets_them(
    given: dict[str, Any], problem: str, tmp_path: Path
) -> None:
    """`study.start_with` gives nothing that its trial would not have."""
    file = written(tmp_path, space(WHEN, {"study.start_with": [given]}))
    if not problem:
        assert load_sweep(file).study.start_with == (given,)
        return
    (found,) = problems(file)
    assert found.startswith(f"study.start_with.0.momentum: {problem}")


def test_what_hangs_on_what_hangs() -> None:
    """The whole condition holds all of it; who is hung on comes first, else the order stays."""
    when = {"a": {"b": (1,)}, "b": {"c": ("x", "y")}, "d": {"c": ("y",), "b": (1,)}}
    assert whole_condition("a", when) == {"b": (1,), "c": ("x", "y")}
    assert whole_condition("d", when) == {"c": ("y",), "b": (1,)}
    assert parents_first(dict.fromkeys("zadbc"), when) == ["z", "c", "b", "a", "d"]
    assert parents_first(dict.fromkeys("zxy"), {}) == ["z", "x", "y"]
    assert holds({"b": (1,)}, {"b": 1})
    assert not holds({"b": (1,)}, {"b": True})
    assert not holds({"b": (1,)}, {})


def test_the_schema_takes_conditions() -> None:
    """A list, or a value by itself."""
    assert allows(SWEEP_SCHEMA, content(space(WHEN)))
    assert not allows(SWEEP_SCHEMA, content(space({"momentum": {}})))
    assert not allows(SWEEP_SCHEMA, content(space({"momentum": ["sgd"]})))

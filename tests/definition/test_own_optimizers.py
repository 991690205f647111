"""Optimizers of the user's own in a sweep file, and those of Keras' that none trains with."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from written_sweeps import problems, written

from clr_sweep.definition.loading import load_sweep
from clr_sweep.definition.own_modules import own_modules

SOURCE = """
raise ValueError("imported")
def made(learning_rate, kind="adam", keep=0.5): ...
def still(kind): ...
def needing(learning_rate, kind): ...
def any(learning_rate, **more): ...
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a module of functions that make optimizers."""
    (tmp_path / "own.py").write_text(SOURCE)
    return tmp_path


def test_an_optimizer_of_ones_own(folder: Path) -> None:
    """Its arguments can be searched; its module goes where the sweep is trained."""
    optimizer = {"name": "own:made", "arguments": {"kind": "adam", "keep": 0.5}}
    changes = {"training.optimizer": optimizer, "search_space.keep": {"low": 0.1, "high": 0.9}}
    changes["search_space.kind"] = ["adam", "sgd"]
    sweep = load_sweep(written(folder, changes))
    assert sweep.training.optimizer.is_own
    assert own_modules(sweep, [folder]) == (folder / "own.py",)


@pytest.mark.parametrize(
    ("changes", "found"),
    [
        ({"training.optimizer": "absent:made"},
         ["training.optimizer: there is no module 'absent' (looked in "]),
        ({"training.optimizer": "own:still"},
         ["training.optimizer: must take the argument learning_rate, which own:still does not",
          "training.optimizer.arguments.kind: is required by own:still: give it a value here"]),
        ({"training.optimizer": {"name": "own:needing", "arguments": {"kindd": "sgd"}}},
         ["training.optimizer.arguments.kindd: unknown argument of own:needing 'kindd' - did you "
          "mean 'kind'? (known: learning_rate, kind)",
          "training.optimizer.arguments.kind: is required by own:needing: give it a value here"]),
        ({"training.optimizer": {"name": "own:made", "arguments": {"learning_rate": 1}}},
         ["training.optimizer.arguments.learning_rate: is given by the schedule"]),
        ({"training.optimizer": "own:made", "training.cycle_momentum": {}},
         ["training.cycle_momentum: needs an optimizer with momentum or beta_1 ("]),
        ({"training.optimizer": "own:made", "search_space.keep": {"low": 0.1, "high": 0.9}},
         ["search_space.keep: unknown hyperparameter 'keep' "]),
        ({"search_space.optimizer": ["sgd", "own:made"]},
         ["search_space.optimizer: cannot be own:made: Keras' optimizers alone are searched"]),
        ({"training.optimizer": {"name": "own:any", "arguments": {"a@b": 1}},
          "model": {"name": "own:any", "arguments": {"": 1}}},
         ["model.arguments.: '' is no name for an argument: MLflow takes letters",
          "training.optimizer.arguments.a@b: 'a@b' is no name for an argument: MLflow takes"]),
        ({"training.metrics": [f"own:{'x' * 201}"]},
         ["training.metrics: 'xxx"]),
        ({"objective": {"metric": "val_recall@5", "direction": "maximize"}},
         ["objective.metric: 'val_recall@5' is no name for a metric: MLflow takes letters"]),
        ({"training.optimizer": "adafactor"},
         ["training.optimizer: cannot be adafactor: it takes no rate above 1/sqrt(step)"]),
        ({"search_space.optimizer": ["sgd", "schedule_free_adamw"]},
         ["search_space.optimizer: cannot be schedule_free_adamw: it is made to train without"]),
        ({"training.optimizer": {"name": "muon", "arguments": {"ns_steps": 2.5}}},
         ["training.optimizer.arguments.ns_steps: must be a whole number above 0, got 2.5"]),
        ({"training.optimizer": {"name": "muon", "arguments": {"exclude_layers": "("}}},
         ["training.optimizer.arguments.exclude_layers: must be a regular expression, as a text"]),
        ({"training.optimizer": "muon", "search_space.ns_steps": {"low": 2, "high": 6}},
         ["search_space.ns_steps: must be a value or a list of values, got a range"]),
        ({"training.optimizer": "muon", "training.cycle_momentum": {}},
         ["training.cycle_momentum: needs an optimizer with momentum or beta_1 ("]),
        ({"training.optimizer": {"name": "ftrl", "arguments": {"learning_rate_power": 1}}},
         ["training.optimizer.arguments.learning_rate_power: must be at most 0 for the optimizer "
          "ftrl, got 1"]),
    ],
)  # fmt: skip
def test_what_is_refused(folder: Path, changes: dict[str, Any], found: list[str]) -> None:
    """With its place, before anything is imported; the way around where there is one."""
    listed = problems(written(folder, changes))
    assert len(listed) == len(found), listed
    assert all(text.startswith(start) for text, start in zip(listed, found, strict=True)), listed

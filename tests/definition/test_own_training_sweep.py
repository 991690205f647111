"""A sweep file whose trials a function trains: what it fills in, and what has no effect there."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from json_schemas import SWEEP_SCHEMA, allows
from written_sweeps import ABSENT, content, problems, written

from clr_sweep.commands.check import describe_plan
from clr_sweep.common.errors import InputError
from clr_sweep.definition.loading import load_sweep
from clr_sweep.definition.own_modules import own_modules
from clr_sweep.definition.sweep import Sweep

OWN: dict[str, Any] = {
    "model": ABSENT,
    "dataset": {"examples": 640},
    "training.function": "mine:train",
}
CODE = "def train(trial, units=3): ...\ndef evaluate(trial): ...\n"


def file_of(folder: Path, **changes: Any) -> Path:
    """A sweep file beside the module that it names."""
    (folder / "mine.py").write_text(CODE, encoding="utf-8")
    return written(folder, OWN | changes)


def test_the_function_stands_for_model_and_data(tmp_path: Path) -> None:
    """Their names are its own, nothing is held out, the loss is its own; stored, it is the same."""
    sweep = load_sweep(file_of(tmp_path, **{"training.evaluate": "mine:evaluate"}))
    assert sweep.model.name == sweep.dataset.name == "mine:train"
    assert sweep.dataset.held_out(640) == 0
    assert (sweep.training.loss.name, sweep.training.metrics) == ("the function's own", ())
    assert Sweep.model_validate(json.loads(sweep.model_dump_json())) == sweep
    assert [path.name for path in own_modules(sweep, (tmp_path,))] == ["mine.py"]


def test_check_says_what_is_done_without(tmp_path: Path) -> None:
    """What such a sweep does not have stands in its plan; `--measure` is refused."""
    file = file_of(tmp_path)
    plan = describe_plan(file)
    assert ", trial.optimizer() is sgd, " in plan  # whether it is asked for shows in a trial
    assert "data: mine:train, its own, 640 examples an epoch, 10 steps per epoch" in plan
    assert "an interrupted trial starts over; single steps are not recorded" in plan
    assert "no test set: training.evaluate would" in plan
    assert "labels:" not in plan
    tested = file_of(tmp_path, **{"training.evaluate": "mine:evaluate"})
    assert "no test set" not in describe_plan(tested)
    with pytest.raises(InputError, match="--measure"):
        describe_plan(file, measure=True)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("training.loss", "mean_squared_error"),
        ("training.loss", "sparse_categorical_crossentropy"),
        ("training.metrics", ["accuracy"]),
        ("training.class_weight", "balanced"),
        ("training.sample_weight", "mine:evaluate"),
        ("training.precision", "float32"),
        ("training.cycle_momentum", {"low": 0.8}),
        ("training.early_stopping", {"patience": 2}),
        ("model", {"name": "tutorial_cnn"}),
        ("dataset", {"examples": 640, "validation": 0.1}),
        ("range_test", {"seeds": 2}),
    ],
)
def test_what_has_no_effect_is_refused(key: str, value: Any, tmp_path: Path) -> None:
    """Even where it is what would stand there anyhow."""
    (found,) = problems(file_of(tmp_path, **{key: value}))
    assert found.startswith(key)
    assert "has no effect with training.function" in found
    assert found.endswith("leave it out")


def test_a_folder_for_data_of_its_own(tmp_path: Path) -> None:
    """It is told once, as of every function that loads data."""
    (found,) = problems(file_of(tmp_path, dataset={"examples": 640, "folder": "here"}))
    assert found.startswith("dataset.folder: has no effect on ")
    assert found.endswith("which finds its data itself: leave it out")


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"objective": {"at": "best"}}, "objective.at: must be cycle_end or final"),
        ({"comparison": {}}, "comparison: needs training.evaluate"),
        (
            {"search_space": {"from": "range_test"}},
            "search_space.from: must be left out with training.function",
        ),
        ({"training.function": "mein:train"}, "training.function: there is no module 'mein'"),
        ({"training.evaluate": "train"}, "training.evaluate: must be module:function"),
        ({"search_space.model.unit": 3}, "search_space.model.unit: unknown argument"),
        ({"search_space.model.trial": 3}, "search_space.model.trial: unknown argument"),
        ({"model": {"arguments": {"trial": 3}}}, "model.arguments.trial: unknown argument"),
        ({"training.batch_size": 700}, "training.batch_size: must be at most the 640 examples"),
        (
            {"dataset": {"examples": 640, "name": "fashion_mnist"}},
            "dataset.examples: has no effect beside dataset.name",
        ),
        ({"dataset": ABSENT}, "dataset: is required"),
        ({"dataset": {"examples": None}}, "dataset.name: is required"),
        ({"dataset": {"examples": 640, "name": 5}}, "dataset.name: must be text"),
    ],
)
def test_what_does_not_go_with_a_function(
    changes: dict[str, Any], text: str, tmp_path: Path
) -> None:
    """It is refused with its place and the cure."""
    found = problems(file_of(tmp_path, **changes))
    assert any(each.startswith(text) for each in found), found


def test_what_is_for_a_function_alone(tmp_path: Path) -> None:
    """Without one neither examples nor an evaluation mean anything."""
    changes = {"dataset.examples": 640, "training.evaluate": "mine:evaluate"}
    (tmp_path / "mine.py").write_text(CODE, encoding="utf-8")
    found = problems(written(tmp_path, changes))
    assert [each.split(":")[0] for each in found] == ["dataset.examples", "training.evaluate"]
    found = problems(written(tmp_path, {"dataset": {"examples": 640}}))
    assert [each.split(":")[0] for each in found] == ["dataset.name", "dataset.examples"]


def test_all_problems_are_named_at_once(tmp_path: Path) -> None:
    """Those of the function beside those of the rest."""
    found = problems(
        file_of(tmp_path, **{"training.loss": "mse", "study.trials": 0, "objective.at": "best"})
    )
    assert {each.split(":")[0] for each in found} >= {"training.loss", "study.trials"}


def test_the_schema_has_it() -> None:
    """An editor takes what `load_sweep` takes, and wants a name where there is no function."""
    own = content(OWN)
    assert allows(SWEEP_SCHEMA, own)
    assert allows(SWEEP_SCHEMA, content())
    assert allows(SWEEP_SCHEMA, content({"model": ABSENT, "training.function": "mine:train"}))
    assert allows(SWEEP_SCHEMA, content(OWN | {"model": {"arguments": {"units": 3}}}))
    for wrong in ({"model": ABSENT}, {"model": {}}, {"dataset": {"examples": 3}}, {"dataset": {}}):
        assert not allows(SWEEP_SCHEMA, content(wrong))
    assert not allows(SWEEP_SCHEMA, content(OWN | {"dataset": {}}))


def test_any_metric_may_be_the_objective(tmp_path: Path) -> None:
    """What the function reports nobody knows before it does."""
    objective = {"metric": "val_distance", "direction": "minimize"}
    assert load_sweep(file_of(tmp_path, objective=objective)).objective.sign == -1

"""What is behind the name that a metric is reported by."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from written_sweeps import ABSENT, content, problems, written

from clr_sweep.definition.comparison import ComparisonConfig
from clr_sweep.definition.loading import load_sweep
from clr_sweep.definition.metrics import KERAS, of_keras
from clr_sweep.definition.reported_metric import ReportedMetric
from clr_sweep.definition.study_config import StopRule
from clr_sweep.definition.sweep import Sweep
from clr_sweep.definition.training_config import TrainingConfig

LOSS = {"outputs": {"mean": "mse", "sex": "sparse_categorical_crossentropy"}}
METRICS = {"mean": ["mae", "mine:squared_error"], "sex": ["acc", "mine:my_accuracy"]}


def of_outputs(**changes: Any) -> dict[str, Any]:
    """What a sweep of two outputs changes in a sweep file."""
    training = {"epochs": 16, "loss": LOSS, "metrics": METRICS}
    return {"training": training, "objective": {"metric": "val_sex_acc"}, **changes}


def file_of(folder: Path, **changes: Any) -> Path:
    """Its file, beside the module that it names."""
    (folder / "mine.py").write_text("def squared_error(a, b): ...\ndef my_accuracy(a, b): ...\n")
    return written(folder, of_outputs(**changes))


def test_units() -> None:
    """Accuracies are shares of the examples, and nothing else is; errors are never below 0."""
    named = ReportedMetric.by_name
    shares = {name for name in KERAS if named(f"val_{name}").is_share}
    assert shares == {name for name in KERAS if "accuracy" in name}
    assert named("test_acc").is_share
    assert not named("val_my_accuracy").is_share
    assert named("val_MSE").is_error
    assert not named("val_poisson").is_error
    assert not named("my_error").is_error
    assert of_keras("IoU") is None


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("val_sex_acc", ("acc", "sex")), ("test_sex_acc", ("acc", "sex")),
        ("sex_my_accuracy", ("mine:my_accuracy", "sex")), ("val_mean_loss", ("loss", "mean")),
        ("val_loss", ("loss", None)),
        # By its name an error of Keras'; it is the user's own, of the output `mean`.
        ("val_mean_squared_error", ("mine:squared_error", "mean")),
        # Of a version that compiled it into every model.
        ("val_accuracy", ("accuracy", None)),
    ],
)  # fmt: skip
def test_the_metric_behind_a_name(name: str, found: tuple[str, str | None]) -> None:
    """As the definition says, whatever the name begins and ends with."""
    training = TrainingConfig.model_validate({"epochs": 1, "loss": LOSS, "metrics": METRICS})
    metric = training.reported(name)
    assert metric == (name, *found)
    assert metric.is_share == (name.endswith(("_acc", "val_accuracy")))
    assert metric.is_loss == name.endswith("loss")
    assert not metric.is_error
    assert training.reported("mean_mae").is_error
    assert metric.on_test_set.name == f"test_{name.removeprefix('val_').removeprefix('test_')}"
    assert metric.on_test_set[1:] == found


def test_of_a_single_output_there_is_no_name() -> None:
    """Keras reports none either."""
    listed = TrainingConfig(epochs=1, metrics=("accuracy", "mine:gap"))
    assert listed.reported("val_gap") == ("val_gap", "mine:gap", None)
    assert listed.reported("val_accuracy") == ("val_accuracy", "accuracy", None)
    alone = {"epochs": 1, "loss": {"outputs": {"age": "mse"}}, "metrics": {"age": ["mae"]}}
    assert TrainingConfig.model_validate(alone).reported("mae") == ("mae", "mae", None)


def test_an_accuracy_of_an_output_has_the_margin_of_one(tmp_path: Path) -> None:
    """Half a point; a metric of the user's own may be in percent."""
    training = load_sweep(file_of(tmp_path)).training
    assert ComparisonConfig().margin_of(training.reported("val_sex_acc")) == 0.005
    for name in ("val_sex_my_accuracy", "val_mean_mae", "val_loss", "val_sex_loss"):
        assert ComparisonConfig().margin_of(training.reported(name)) is None


def test_a_target_of_an_accuracy_of_an_output(tmp_path: Path) -> None:
    """No share is 90; one's own accuracy may be, and a target that can be reached is taken."""
    rule = {"study.stop_when": {"target": 90}}
    assert problems(file_of(tmp_path, **rule)) == [
        "study.stop_when.target: must be from 0 to 1, as val_sex_acc is, got 90"
    ]
    own = {"objective": {"metric": "val_sex_my_accuracy", "direction": "maximize"}}
    assert load_sweep(file_of(tmp_path, **rule, **own)).study.stop_when == StopRule(target=90)
    below = {"study.stop_when": {"target": 0.9}}
    assert load_sweep(file_of(tmp_path, **below)).study.stop_when == StopRule(target=0.9)


def test_a_target_is_told_beside_what_else_is_wrong(tmp_path: Path) -> None:
    """All problems at once: what cannot be read hides nothing of the rest."""
    changes = {"study.stop_when": {"target": 90}, "model": ABSENT}
    found = problems(file_of(tmp_path, **changes))
    assert len(found) == 2
    assert any("must be from 0 to 1, as val_sex_acc is" in text for text in found)


def test_a_stored_sweep_with_such_a_target_stays_readable() -> None:
    """It was taken before it was known what is behind the name."""
    made = Sweep.model_validate(content(of_outputs(**{"study.stop_when": {"target": 90}})))
    assert Sweep.from_json(made.model_dump(mode="json", by_alias=True)) == made

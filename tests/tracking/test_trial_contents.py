"""What a trial's run holds, by its state and by what lies in its folder."""

from __future__ import annotations

import math
import shutil
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
from mlflow.utils.validation import _validate_logged_model_name
from small_studies import write_folder
from small_trials import STEPS_PER_EPOCH, small_config

from clr_sweep.definition.optimizers import OptimizerConfig
from clr_sweep.definition.training_config import TrainingConfig
from clr_sweep.tracking.trial_contents import (
    Point,
    artifacts,
    epoch_points,
    has_model,
    is_whole,
    model_name,
    parameters,
    points,
    run_name,
)
from clr_sweep.training.folder import TrialFolder
from clr_sweep.training.records import TrialRecord
from clr_sweep.training.reports import EpochReport, State, StepPoint


def record(folder: Path, state: State, number: int | None = 3) -> TrialRecord:
    """A trial whose folder is written as a training in this state leaves it."""
    config = small_config()
    ended = write_folder(folder, config, state, 1)
    kind = "baseline" if number is None else "trial"
    return TrialRecord(
        kind,  # type: ignore[arg-type]
        number, state, ended.reason, config, folder,
        reports=TrialFolder(folder).reports(),
        cpu_seconds=3.0, wall_seconds=3.5, test_metrics={"test_loss": 0.5},
    )  # fmt: skip


def test_an_argument_of_an_optimizer_does_not_take_the_place_of_ours(tmp_path: Path) -> None:
    """One of the user's own may have arguments of any name."""
    told = record(tmp_path, "complete")
    own = OptimizerConfig(name="own:made", arguments={"steps": 5, "keep": 0.5})
    training = told.config.training.model_copy(update={"optimizer": own})
    found = parameters(replace(told, config=told.config.model_copy(update={"training": training})))
    assert (found["steps"], found["optimizer.steps"]) == (told.config.steps, 5)
    assert (found["keep"], found["optimizer"]) == (0.5, "own:made")


def test_what_a_function_chooses_is_no_parameter(tmp_path: Path) -> None:
    """Unless the sweep names it: the precision never, the optimizer where it is said."""
    told = record(tmp_path, "complete")

    def found(**changes: object) -> dict[str, object]:
        training = told.config.training.model_copy(update={"function": "own:train", **changes})
        config = told.config.model_copy(update={"training": training})
        return parameters(replace(told, config=config))

    nobodys = TrainingConfig(epochs=1).optimizer
    assert {"optimizer", "precision"} <= parameters(told).keys()
    assert not {"optimizer", "precision"} & found(optimizer=nobodys).keys()
    assert found(optimizer=OptimizerConfig(name="adam"))["optimizer"] == "adam"


FIGURES = [
    "curves/curve.npz",
    "figures/learning_rate.png",
    "figures/loss_by_rate.png",
    "figures/loss.png",
]


@pytest.mark.parametrize(
    ("state", "files", "model", "ended"),
    [
        ("complete", ["config.yaml", *FIGURES], True, True),
        ("pruned", ["config.yaml", *FIGURES], True, True),
        ("diverged", ["config.yaml", *FIGURES], False, True),
        ("failed", ["config.yaml", "figures/loss.png", "log.txt"], False, True),
        ("interrupted", [], False, False),
        ("running", [], False, False),
    ],
)
def test_by_state(tmp_path: Path, state: State, files: list[str], model: bool, ended: bool) -> None:
    """Files, model and times of a trial that has ended; the values of its epochs in any state."""
    made = record(tmp_path / "t", state)
    assert artifacts(made) == files
    assert has_model(made) == model
    found = list(points(made))
    counts = Counter(point.key for point in found)
    assert counts["val_accuracy"] == counts["cpu_seconds"] == 2
    assert counts["learning_rate"] == counts["batch_loss"] == 2 * STEPS_PER_EPOCH
    assert (Point("trial_cpu_seconds", 3.0, 0) in found) == ended
    assert (Point("trial_wall_seconds", 3.5, 0) in found) == ended
    assert found[-1] == Point("test_loss", 0.5, 0)
    assert len({(point.key, point.step) for point in found}) == len(found)
    assert found[0].key == "val_accuracy"  # the objective first


def test_a_trial_that_failed_before_its_first_epoch(tmp_path: Path) -> None:
    """Its configuration alone."""
    made = TrialRecord("trial", 0, "failed", "it broke", small_config(), tmp_path / "none")
    assert artifacts(made) == ["config.yaml"]
    assert [point.key for point in points(made)] == ["trial_cpu_seconds", "trial_wall_seconds"]


def test_names_and_parameters(tmp_path: Path) -> None:
    """The optimizer's and the model's arguments are parameters too."""
    assert run_name(record(tmp_path / "a", "complete", 3)) == "trial-003"
    assert run_name(record(tmp_path / "b", "complete", None)) == "baseline"
    trained = TrialRecord("train", 3, "complete", 0.9, small_config(), tmp_path)
    assert run_name(trained) == "train-003"
    config = small_config(optimizer_arguments={"momentum": 0.9})
    made = TrialRecord("trial", 0, "running", None, config, tmp_path)
    assert parameters(made)["momentum"] == 0.9
    assert parameters(made)["max_lr"] == config.schedule.max_lr
    assert parameters(made)["precision"] == "float32"


@pytest.mark.parametrize("policy", ["triangular", "constant", "cosine", "linear", "one_cycle"])
def test_rates_are_there_by_their_logarithms(tmp_path: Path, policy: str) -> None:
    """For axes that are linear; of a rate of 0, that of the last step, so that no run lacks one."""
    config = small_config(policy)
    made = parameters(TrialRecord("trial", 0, "running", None, config, tmp_path))
    assert made["log10_max_lr"] == math.log10(config.schedule.max_lr)
    lowest = config.schedule.init_lr or config.schedule.learning_rate(config.steps - 1)
    assert made["log10_init_lr"] == math.log10(lowest)
    assert math.isfinite(float(made["log10_init_lr"]))


def test_a_gamma_that_no_trial_can_have(tmp_path: Path) -> None:
    """It would be a column of ones."""
    made = TrialRecord("trial", 0, "running", None, small_config(), tmp_path)
    assert parameters(made)["gamma"] == 1.0
    assert "gamma" not in parameters(made, with_gamma=False)


@pytest.mark.parametrize("study", ["rings", "a.b_c-d", "1.5e-3"])
def test_models_are_named_after_study_and_trial(tmp_path: Path, study: str) -> None:
    """Whatever a study may be called, MLflow takes the name."""
    made = TrialRecord("trial", 7, "complete", None, small_config(), tmp_path)
    name = model_name(study, made)
    _validate_logged_model_name(name)
    assert name == f"{study.replace('.', '-')}-trial-007"
    baseline = replace(made, kind="baseline", number=None)
    assert model_name("rings", baseline) == "rings-baseline"


def test_what_shows_the_cycles(tmp_path: Path) -> None:
    """The cycle of a step is a metric, where there are cycles; so is the deviation, once known."""
    report = EpochReport(1, 9, {}, 2.0, 3.0, (StepPoint(8, 0.1, 2.5, 3),))
    assert Point("system/cycle", 3, 8) in epoch_points(report)
    made = record(tmp_path / "t", "complete")
    assert not [point.key for point in points(made) if "deviation" in point.key]
    ended = replace(made, learning_rate_deviation=0.0)
    assert Point("system/learning_rate_deviation", 0.0, 0) in list(points(ended))
    constant = replace(made, config=small_config("constant"))
    assert "figures/learning_rate.png" in artifacts(constant)
    assert "figures/loss_by_rate.png" not in artifacts(constant)


def test_a_step_without_a_loss() -> None:
    """The step at which the loss was no number has a rate alone."""
    report = EpochReport(2, 9, {"loss": 1.0}, 2.0, 3.0, (StepPoint(8, 0.1, None),))
    assert epoch_points(report) == [
        Point("loss", 1.0, 2),
        Point("cpu_seconds", 2.0, 2),
        Point("learning_rate", 0.1, 8),
    ]


@pytest.mark.parametrize("state", ["complete", "pruned", "diverged", "failed", "interrupted"])
def test_a_folder_that_lost_something(tmp_path: Path, state: State) -> None:
    """A run is made from a folder alone that has what the trial reported."""
    folder = tmp_path / "0003"
    whole = record(folder, state)
    assert is_whole(whole)
    ended = state in ("complete", "pruned", "diverged")
    assert is_whole(replace(whole, reports=whole.reports[:-1])) != ended
    (folder / "result.json").unlink(missing_ok=True)
    assert is_whole(whole) != ended
    shutil.rmtree(folder)
    assert not is_whole(whole)

"""A trial that a function of the user's own trains: what it gets, leaves and may not do."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import keras
import numpy as np
import optuna
import pytest
from own_trainings import EXAMPLES
from small_trials import few_images, stored_in

from clr_sweep.common.errors import InputError, TrialFailedError
from clr_sweep.definition.sweep import Sweep
from clr_sweep.definition.trial_config import TrialConfig
from clr_sweep.search.configurations import baseline_config, suggest
from clr_sweep.training.folder import TrialFolder
from clr_sweep.training.own_training import evaluate_by_function, train_by_function
from clr_sweep.training.reports import EpochReport, TrialResult
from clr_sweep.training.requests import Inspection, TrialJob


def sweep(function: str, evaluate: str | None = None, **changes: Any) -> Sweep:
    """A sweep with nothing left open: 8 steps an epoch, two cycles of 2 epochs."""
    return Sweep.model_validate(
        {
            "name": "own",
            "dataset": {"examples": EXAMPLES},
            "training": {
                "function": f"own_trainings:{function}",
                "evaluate": evaluate and f"own_trainings:{evaluate}",
                "batch_size": 8,
                "epochs": 5,
            },
            "search_space": {
                "init_lr": 0.01,
                "max_lr": 0.2,
                "step_size_factor": 1,
                "policy": "triangular2",
            },
            "objective": {"metric": "val_loss"},
            **changes,
        }
    )


def config_of(definition: Sweep, examples: int = EXAMPLES) -> TrialConfig:
    """Its trial 3."""
    return suggest(optuna.trial.FixedTrial({}), definition, 3, examples)


class Told:
    """What a trial has told; it prunes after an epoch if it is asked to."""

    def __init__(self, prune_after: float = math.inf) -> None:
        self.said: list[Any] = []
        self._prune_after = prune_after

    def __call__(self, said: Any) -> bool:
        self.said.append(said)
        return not (isinstance(said, EpochReport) and said.epoch >= self._prune_after)

    @property
    def epochs(self) -> list[EpochReport]:
        return [each for each in self.said if isinstance(each, EpochReport)]


def job_of(config: TrialConfig, folder: Path, **settings: Any) -> TrialJob:
    """A job that names no data."""
    return TrialJob(config, stored_in(folder / "no data"), folder, (), **settings)


def trained(config: TrialConfig, path: Path, told: Told, **settings: Any) -> TrialResult:
    """Train it here."""
    folder = TrialFolder(path)
    path.mkdir(exist_ok=True)
    return train_by_function(job_of(config, path, **settings), None, folder, told)


def test_a_fit_is_a_trial_with_the_schedule_to_its_last_step(tmp_path: Path) -> None:
    """It ends at the last trough, is reported by epochs, leaves its model, and is repeatable."""
    config = config_of(sweep("by_fit", "evaluate"))
    told = Told()
    result = trained(config, tmp_path / "a", told, inspect=True)
    assert (result.state, result.epochs, result.steps) == ("complete", 4, 32)
    assert isinstance(told.said[0], Inspection)
    assert told.said[0].model is None
    assert [report.step for report in told.epochs] == [8, 16, 24, 32]
    assert set(told.epochs[0].metrics) == {"loss", "mae", "val_loss", "val_mae"}
    assert result.value == result.metrics["val_loss"] == told.epochs[-1].metrics["val_loss"]
    folder = TrialFolder(tmp_path / "a")
    assert folder.reports() == tuple(told.epochs)
    assert folder.result() == result
    assert not result.has_own_optimizer
    model = keras.saving.load_model(folder.model_file)
    assert int(model.optimizer.iterations) == 32
    again = trained(config, tmp_path / "b", Told())
    assert again.metrics == result.metrics
    found = evaluate_by_function(job_of(config, tmp_path / "a"), None, folder)
    assert set(found) == {"test_loss", "test_mae"} == set(folder.test_metrics())


def test_a_trial_that_has_ended_is_not_trained_again_and_another_starts_over(
    tmp_path: Path,
) -> None:
    """After an interruption there is nothing to go on from; what is left is removed."""
    config = config_of(sweep("by_hand"))
    folder, told = TrialFolder(tmp_path), Told()
    folder.start(config)
    (folder.own_files).mkdir()
    (folder.own_files / "half").touch()
    folder.append(EpochReport(1, 8, {"val_loss": 9.0}, 0.0, 0.0))
    result = trained(config, tmp_path, told)
    assert [report.epoch for report in told.epochs] == [1, 2, 3, 4]
    assert not (folder.own_files / "half").exists()
    assert trained(config, tmp_path, Told()) == result
    assert len(told.epochs) == 4
    assert result.has_own_optimizer  # it never asked for trial.optimizer()


def test_the_rates_by_hand_are_those_of_the_schedule(tmp_path: Path) -> None:
    """What needs no Keras gets each step's planned rate; a baseline is trained the same way."""
    definition = sweep("by_hand", "evaluate_kept")
    config = config_of(definition)
    result = trained(config, tmp_path / "trial", Told())
    rates = np.load(tmp_path / "trial" / "own" / "rates.npy")
    np.testing.assert_array_equal(rates, config.schedule.learning_rate(np.arange(32)))
    assert result.value is not None
    assert result.value < 1
    folder = TrialFolder(tmp_path / "trial")
    assert not folder.model_file.exists()
    job = job_of(config, tmp_path / "trial")
    values = evaluate_by_function(job, None, folder)
    assert (values["test_rates"], str(values["test_nan"])) == (32.0, "nan")
    assert folder.test_metrics() == {"test_rates": 32.0}
    trained(baseline_config(definition, EXAMPLES), tmp_path / "baseline", Told())
    constant = np.load(tmp_path / "baseline" / "own" / "rates.npy")
    assert constant.tolist() == [0.01] * 40


def test_arguments_of_the_function_come_from_model(tmp_path: Path) -> None:
    """From `model.arguments`, and from `model.NAME` in the search space."""
    space = {"init_lr": 0.01, "max_lr": 0.2, "step_size_factor": 1, "model.start": 2.0}
    begun = sweep("by_hand", model={"arguments": {"start": 1.5}}).model.arguments
    assert begun == {"start": 1.5}
    definition = sweep("by_hand", search_space={**space, "policy": "triangular"})
    result = trained(config_of(definition), tmp_path, Told())
    assert result.value == 0  # it starts at the solution


@pytest.mark.parametrize("function", ["by_fit", "by_hand", "heedless"])
def test_a_pruned_trial_ends_there(
    function: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Under `fit`, by what is raised, and where that is passed over: nothing more is told."""
    told = Told(prune_after=2)
    result = trained(config_of(sweep(function)), tmp_path, told)
    assert (result.state, result.value) == ("pruned", None)
    assert result.reason == "pruned after epoch 2 of 4"
    assert [report.epoch for report in told.epochs] == [1, 2]
    assert ("passed over: the trial was pruned" in capsys.readouterr().out) == (
        function == "heedless"
    )
    assert TrialFolder(tmp_path).model_file.exists() == (function == "by_fit")


def test_a_loss_that_is_no_number_is_a_divergence(tmp_path: Path) -> None:
    """It is a result, at the step and the rate where the epoch ended."""
    told = Told()
    result = trained(config_of(sweep("diverging")), tmp_path, told)
    assert (result.state, result.value) == ("diverged", None)
    assert result.divergence is not None
    assert (result.divergence.step, result.divergence.epoch) == (15, 2)
    assert result.divergence.phase == 15 / 16
    assert len(told.epochs) == 1  # as of our loop: its end is told with the result
    assert TrialFolder(tmp_path).reports()[-1].metrics == {"mae": 2.0} == result.metrics


@pytest.mark.parametrize(
    ("function", "error", "text"),
    [
        ("with_another_rate", TrialFailedError, r"the rate 0\.123 after 8 steps, .*optimizer\(\)"),
        ("with_other_steps", TrialFailedError, "taken 16 steps .*planned are 8, 8 an epoch of"),
        ("after_another_fit", TrialFailedError, "taken 16 steps .*by one fit"),
        ("giving_up", TrialFailedError, "giving_up returned after 1 of 4 epochs"),
        ("raising", TrialFailedError, "ZeroDivisionError"),
        ("without_objective", InputError, "must report val_loss .*got loss"),
        ("skipping", InputError, "counted from 1 to 4, .*next is epoch 1, got 0"),
        ("with_words", InputError, "trial.report: val_loss must be a number .*got 'low'"),
        (
            "with_a_number_in_words",
            InputError,
            "trial.report: val_loss must be a number .*got '0.5'",
        ),
        ("returning_words", InputError, "must return None or the trained keras.Model, got a str"),
        ("nowhere", InputError, "nowhere|no such name"),
    ],
)
def test_what_a_function_may_not_do(
    function: str, error: type[Exception], text: str, tmp_path: Path
) -> None:
    """It is named, with the cure, and leaves no result."""
    with pytest.raises(error, match=text) as raised:
        trained(config_of(sweep(function)), tmp_path, Told())
    is_traced = "raised an exception" in str(raised.value)
    assert is_traced == ("\n" in str(raised.value)) == (function == "raising")
    assert TrialFolder(tmp_path).result() is None


def test_the_data_of_the_sweep_are_handed_over(tmp_path: Path) -> None:
    """Those that the sweep names, its validation part held out; without a name there are none."""
    data = few_images()
    definition = sweep("of_named_data", dataset={"name": "few.npz", "validation": 72})
    config = config_of(definition, len(data.x_train))
    folder = TrialFolder(tmp_path)
    result = train_by_function(job_of(config, tmp_path), data, folder, Told())
    assert result.steps == 4 * 31
    shapes = np.load(tmp_path / "own" / "shapes.npy").tolist()
    assert shapes == [248, 248, 72, 72, 100, 100]
    with pytest.raises(InputError, match=r"names no data set.*dataset\.name"):
        trained(config_of(sweep("of_named_data")), tmp_path / "none", Told())


def test_the_model_is_known_again_where_it_is_handed_over(tmp_path: Path) -> None:
    """By what `clr-sweep train` compares; without a model there is nothing to know."""
    found = [
        trained(config_of(sweep(name)), tmp_path / str(place), Told()).model
        for place, name in enumerate(
            ("by_fit", "returning_another", "returning_a_whole", "by_hand")
        )
    ]
    assert found[0] == found[1] != found[2]
    assert found[0] is not None
    assert (found[0].parameters, found[3]) == (2, None)

"""Keras' callbacks beside the trial's in a function that trains: what passes, and what is said."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from own_trainings import EXAMPLES
from test_own_training import Told, config_of, sweep, trained

from clr_sweep.common.errors import TrialFailedError
from clr_sweep.definition.trial_config import TrialConfig
from clr_sweep.search.configurations import baseline_config
from clr_sweep.training.folder import TrialFolder


def beside(name: str, is_baseline: bool = False, **arguments: Any) -> TrialConfig:
    """A trial, or the baseline, of a sweep whose function has this callback too."""
    model = {"arguments": {"name": name, **arguments}}
    definition = sweep("with_callback", model=model)
    return baseline_config(definition, EXAMPLES) if is_baseline else config_of(definition)


RESTORING = {"monitor": "val_loss", "mode": "max", "patience": 9, "restore_best_weights": True}


def test_weights_of_another_epoch_are_noticed(tmp_path: Path) -> None:
    """EarlyStopping restores them although it has stopped nothing."""
    assert trained(beside("EarlyStopping", **RESTORING), tmp_path, Told()).has_other_weights
    stored = TrialFolder(tmp_path).result()
    assert stored is not None
    assert stored.has_other_weights


@pytest.mark.parametrize(
    ("function", "is_other"),
    [
        pytest.param("by_fit", False, marks=pytest.mark.heavy),
        pytest.param("by_hand", False, marks=pytest.mark.heavy),
        ("returning_a_part", False),
        pytest.param("returning_a_whole", False, marks=pytest.mark.heavy),
        ("returning_another", True),
        ("changed_before", True),
    ],
)
def test_which_models_are_others(function: str, is_other: bool, tmp_path: Path) -> None:
    """A part of what was trained, and what has it as a part, are not."""
    result = trained(config_of(sweep(function)), tmp_path, Told())
    assert result.has_other_weights == is_other


@pytest.mark.heavy
@pytest.mark.parametrize(
    ("name", "place", "arguments"),
    [
        ("ModelCheckpoint", "filepath", {"save_best_only": True, "save_weights_only": True}),
        ("CSVLogger", "filename", {}),
    ],
)
def test_what_only_writes_changes_nothing(
    name: str, place: str, arguments: dict[str, bool], tmp_path: Path
) -> None:
    """It may stay in the function."""
    file = tmp_path / "best.weights.h5"
    result = trained(beside(name, **{place: str(file)}, **arguments), tmp_path / "trial", Told())
    assert (result.state, result.has_other_weights) == ("complete", False)
    assert file.exists()


@pytest.mark.heavy
def test_averages_of_the_optimizer_are_no_other_weights(tmp_path: Path) -> None:
    """With `use_ema` they take the weights' place in every trial, as under `fit`."""
    definition = sweep("by_fit")
    training = definition.training.model_dump(mode="json", exclude={"loss", "metrics"})
    averaging = {"name": "sgd", "arguments": {"use_ema": True, "ema_momentum": 0.5}}
    config = config_of(sweep("by_fit", training=training | {"optimizer": averaging}))
    result = trained(config, tmp_path, Told())
    assert not result.has_other_weights
    plain = trained(config_of(definition), tmp_path / "plain", Told())
    assert plain.metrics == result.metrics
    kept, last = (
        keras.saving.load_model(TrialFolder(folder).model_file).get_weights()[0]
        for folder in (tmp_path, tmp_path / "plain")
    )
    assert not np.allclose(kept, last)


def test_steps_that_loss_scaling_skips_are_steps(tmp_path: Path) -> None:
    """The rate waits at them, as in our loop; it is no fault of the function, and told."""
    result = trained(config_of(sweep("in_float16")), tmp_path, Told())
    assert (result.state, result.steps) == ("complete", 32)
    assert 4 < result.skipped_steps < 32
    stored = TrialFolder(tmp_path).result()
    assert stored is not None
    assert stored.skipped_steps == result.skipped_steps


@pytest.mark.heavy
def test_averages_are_no_other_weights_under_loss_scaling_either(tmp_path: Path) -> None:
    """Keras' wrapper has a `use_ema` of its own, which is false."""
    training = {"optimizer": {"name": "sgd", "arguments": {"use_ema": True}}}
    definition = sweep("in_float16", model={"arguments": {"scale": 0.1}})
    whole = definition.training.model_dump(mode="json", exclude={"loss", "metrics"}) | training
    config = config_of(sweep("in_float16", model={"arguments": {"scale": 0.1}}, training=whole))
    result = trained(config, tmp_path, Told())
    assert (result.state, result.has_other_weights) == ("complete", False)


def test_a_fit_that_a_callback_stops(tmp_path: Path) -> None:
    """It is said what has ended it, and that the pruner stands in its place."""
    config = beside("EarlyStopping", monitor="val_loss", mode="max", patience=1)
    with pytest.raises(TrialFailedError) as failed:
        trained(config, tmp_path, Told())
    assert str(failed.value) == (
        "training.function: something in own_trainings:with_callback set stop_training, which "
        "ended its fit after 2 of 4 epochs, before the trial's schedule: leave EarlyStopping and "
        "the like out, and let study.pruner end trials"
    )


def test_a_callback_that_sets_the_rate_in_a_trial(tmp_path: Path) -> None:
    """Keras lets none do so beside a schedule, and its way around would be the wrong one here."""
    with pytest.raises(TrialFailedError) as failed:
        trained(config_of(sweep("with_rates_of_its_own")), tmp_path, Told())
    assert str(failed.value) == (
        "training.function: something in own_trainings:with_rates_of_its_own set the optimizer's "
        "rate, which the trial's schedule gives: leave ReduceLROnPlateau, LearningRateScheduler "
        "and whatever else sets it out; search_space.policy is what gives the rate another course"
    )


@pytest.mark.parametrize("is_baseline", [True, False])
def test_a_callback_that_sets_the_rate_before_the_trials(is_baseline: bool, tmp_path: Path) -> None:
    """It puts the rate where metrics are: that is its reason, and no metric of the user's."""
    model = {"arguments": {"name": "ReduceLROnPlateau", "monitor": "val_loss"}}
    definition = sweep("with_callback_before", model=model)
    config = baseline_config(definition, EXAMPLES) if is_baseline else config_of(definition)
    with pytest.raises(TrialFailedError) as failed:
        trained(config, tmp_path, told := Told())
    assert not told.said
    assert str(failed.value) == (
        "training.function: in own_trainings:with_callback_before something listed before "
        "trial.callback() reports the optimizer's learning_rate as ReduceLROnPlateau and "
        "LearningRateScheduler do, which set it; the trial's schedule gives it: leave "
        "ReduceLROnPlateau, LearningRateScheduler and whatever else sets it out; "
        "search_space.policy is what gives the rate another course; what only reports it needs "
        "another name"
    )


@pytest.mark.parametrize(
    "name", [pytest.param("with_rates_of_its_own", marks=pytest.mark.heavy), "ReduceLROnPlateau"]
)
def test_a_callback_that_sets_the_rate_in_the_baseline(name: str, tmp_path: Path) -> None:
    """Its rate is a number, which a callback may set: so it is held against the plan."""
    if name == "ReduceLROnPlateau":
        config = beside(name, True, monitor="val_loss", mode="max", patience=1)
    else:
        config = baseline_config(sweep(name), EXAMPLES)
    with pytest.raises(TrialFailedError, match="leave callbacks that set the rate out") as failed:
        trained(config, tmp_path, Told())
    assert "\n" not in str(failed.value)

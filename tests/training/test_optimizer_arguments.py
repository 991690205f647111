"""Every optimizer argument that a sweep takes, held against `fit`: the same to the bit."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from compiled_models import assert_same_bits, state
from fitted_trials import assert_equals_fit, fitted
from interrupted_trials import assert_same_trial
from interrupted_trials import trained as interrupted
from small_trials import small_config
from trained_trials import Trained, evaluated, trained

from clr_sweep.definition.optimizers import OPTIMIZERS
from clr_sweep.definition.trial_config import TrialConfig
from clr_sweep.training.data.materialized import Dataset
from clr_sweep.training.folder import TrialFolder

# As written: sums of an optimizer may else be rewritten in another order inside a loop.
pytestmark = pytest.mark.usefixtures("deterministic_ops", "as_written")

EMA = {"use_ema": True, "ema_momentum": 0.8}
# A value of each argument that is not the default.
VALUES: dict[str, Any] = {
    "weight_decay": 0.03,
    "clipnorm": 0.05,
    "clipvalue": 0.002,
    "global_clipnorm": 0.05,
    "use_ema": True,
    "ema_momentum": 0.8,
    "momentum": 0.7,
    "nesterov": True,
    "rho": 0.5,
    "epsilon": 0.01,
    "centered": True,
    "amsgrad": True,
    "beta_1": 0.5,
    "beta_2": 0.5,
    "initial_accumulator_value": 0.3,
    "learning_rate_power": -0.4,
    "l1_regularization_strength": 0.001,
    "l2_regularization_strength": 0.002,
    "l2_shrinkage_regularization_strength": 0.003,
    "beta": 0.1,
    "ns_steps": 3,
    "rms_rate": 0.3,
    # One of the two: Keras counts the layers of all models that a process makes.
    "exclude_layers": r"dense(_\d*[02468])?/",
    "exclude_embeddings": False,
    "adam_lr_ratio": 0.5,
    "adam_beta_1": 0.5,
    "adam_beta_2": 0.5,
    "adam_weight_decay": 0.01,
    "muon_a": 3.0,
    "muon_b": -4.0,
    "muon_c": 2.0,
}
CLIPPING = ("clipnorm", "clipvalue", "global_clipnorm")


def cases() -> Iterator[Any]:
    """Every optimizer with all its arguments, of which one way of clipping: each is in some."""
    for number, (name, table) in enumerate(OPTIMIZERS.items()):
        clipping = CLIPPING[number % len(CLIPPING)]
        given = {k: VALUES[k] for k in table if k not in CLIPPING or k == clipping}
        # All of them take minutes.
        marks = [pytest.mark.heavy] * (name not in ("sgd", "adam"))
        yield pytest.param(name, given, id=f"{name}-{clipping}", marks=marks)


def config_of(optimizer: str, arguments: dict[str, Any], **others: Any) -> TrialConfig:
    high = 0.5 if optimizer in ("sgd", "adadelta", "adagrad", "ftrl") else 0.01
    return small_config(
        optimizer=optimizer, optimizer_arguments=arguments, init_lr=high / 10, max_lr=high, **others
    )


def test_each_argument_has_a_value_here() -> None:
    """An argument that is added to the table is held against `fit` too."""
    assert {key for table in OPTIMIZERS.values() for key in table} == set(VALUES)


@pytest.mark.parametrize(("optimizer", "arguments"), cases())
def test_arguments_have_the_effect_that_they_have_under_fit(
    optimizer: str, arguments: dict[str, Any], images: Dataset, tmp_path: Path
) -> None:
    """Each optimizer with all that can be given to it at once, to the bit."""
    config = config_of(optimizer, arguments)
    assert_equals_fit(trained(config, images, tmp_path), images, config)


@pytest.fixture(scope="module")
def averaged(images: Dataset, tmp_path_factory: pytest.TempPathFactory) -> Trained:
    """A trial whose optimizer averages the weights."""
    config = config_of("sgd", EMA, epochs=4)
    return trained(config, images, tmp_path_factory.mktemp("averaged"))


def test_the_saved_model_has_the_averages(averaged: Trained, images: Dataset) -> None:
    """As after `fit`; the values of the epochs, as in its history, were taken before."""
    config = averaged.folder.config()
    assert config is not None
    saved = keras.models.load_model(averaged.folder.model_file)
    averages = averaged.loop.model.optimizer._model_variables_moving_average
    for weight, average in zip(saved.trainable_variables, averages, strict=True):
        np.testing.assert_array_equal(weight.numpy(), average.numpy(), strict=True)
    last = averaged.reports[-1].metrics
    assert averaged.result.value == last["val_accuracy"]
    assert evaluated(saved, images, config)["loss"] != last["val_loss"]


def test_at_best_it_is_the_averages_of_the_best_trough(images: Dataset, tmp_path: Path) -> None:
    """With which a training that had ended there would have ended: see `fit` of that length."""
    config = config_of("sgd", EMA, epochs=8, at="best", metric="val_loss", seed=3)
    config = config.model_copy(
        update={"schedule": config.schedule.model_copy(update={"max_lr": 2.0})}
    )
    done = trained(config, images, tmp_path)
    values = [report.metrics["val_loss"] for report in done.reports]
    best = min((1, 3, 5, 7), key=lambda index: values[index])
    assert best < 7, "the last trough is the best one: this test shows nothing"
    model, history = fitted(config, images, best + 1)
    assert history[-1]["val_loss"] == values[best] == done.result.value
    saved = keras.models.load_model(done.folder.model_file)
    assert_same_bits(saved.get_weights(), model.get_weights())


@pytest.mark.heavy
@pytest.mark.parametrize("at", ["cycle_end", "best"])
def test_an_interrupted_trial_ends_with_the_same(at: str, images: Dataset, tmp_path: Path) -> None:
    """The averages are in the checkpoint; what was averaged at the end is not gone on from."""
    config = config_of("sgd", EMA, epochs=4, at=at, metric="val_loss")
    interrupted(config, images, tmp_path / "whole")
    interrupted(config, images, tmp_path / "stopped", stop_after=2)
    assert interrupted(config, images, tmp_path / "stopped") == [2, 3, 4]
    assert_same_trial(TrialFolder(tmp_path / "stopped"), TrialFolder(tmp_path / "whole"))


def test_a_pruned_trial_has_them_too(images: Dataset, tmp_path: Path) -> None:
    """`fit` that is stopped ends in the same way."""
    config = config_of("sgd", EMA, epochs=4)
    done = trained(config, images, tmp_path, on_epoch=lambda report: report.epoch < 2)
    assert done.result.state == "pruned"
    model, _ = fitted(config, images, 2)
    assert_same_bits(state(done.loop.model), state(model))

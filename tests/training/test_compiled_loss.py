"""Losses with arguments and losses of the user's own: what `fit` trains with, to the bit."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import own_loss_functions as own
import pytest
from fitted_trials import assert_equals_fit
from small_trials import few_images, small_config
from trained_trials import trained

from clr_sweep.common.errors import InputError, TrialFailedError
from clr_sweep.definition.losses import LossConfig
from clr_sweep.training.compiled_loss import compiled_loss
from clr_sweep.training.data.materialized import Dataset
from clr_sweep.training.inference import save_inference_model

pytestmark = pytest.mark.usefixtures("deterministic_ops", "as_written")

OWN = "own_loss_functions"


@pytest.mark.parametrize(
    ("name", "arguments", "as_in_a_script"),
    [
        (f"{OWN}:focused", {}, lambda: own.focused),
        (f"{OWN}:focused", {"power": 3.0}, lambda: own.Focused(3.0)),
        (f"{OWN}:Focused", {"power": 3.0}, lambda: own.Focused(3.0)),
        (f"{OWN}:READY", {}, lambda: own.READY),
    ],
    ids=["function", "function with an argument", "class", "made already"],
)
def test_a_loss_of_ones_own_equals_fit(
    name: str, arguments: dict[str, Any], as_in_a_script: Any, images: Dataset, tmp_path: Path
) -> None:
    """Weights, slots and metrics of every epoch are those of a script that compiles with it."""
    config = small_config(loss=name, loss_arguments=arguments, metrics=["accuracy"])
    done = trained(config, images, tmp_path)
    assert_equals_fit(done, images, config, compiled={"loss": as_in_a_script()})


def test_the_arguments_of_kerass_losses_equal_fit(tmp_path: Path) -> None:
    """Smoothed labels, here; their loss is another one than without."""
    images = few_images(one_hot=True)
    config, plain = (
        small_config(loss="categorical_crossentropy", loss_arguments=arguments)
        for arguments in ({"label_smoothing": 0.2}, {})
    )
    done = trained(config, images, tmp_path / "smoothed")
    loss = keras.losses.CategoricalCrossentropy(label_smoothing=0.2)
    assert_equals_fit(done, images, config, compiled={"loss": loss})
    other = trained(plain, images, tmp_path / "plain")
    assert other.reports[0].metrics["loss"] < done.reports[0].metrics["loss"]


@pytest.mark.heavy
@pytest.mark.parametrize(
    ("name", "arguments"), [("focused", {}), ("focused", {"power": 3.0}), ("Focused", {})]
)
def test_the_models_load(
    name: str, arguments: dict[str, Any], images: Dataset, tmp_path: Path
) -> None:
    """That for inference anywhere; that of the trial, whose loss is registered, to train on."""
    config = small_config(
        loss=f"{OWN}:{name}", loss_arguments=arguments, metrics=["accuracy"], epochs=2
    )
    done = trained(config, images, tmp_path)
    save_inference_model(done.folder, config.model.name, (), images.x_train[:2])
    found = keras.models.load_model(done.folder.inference_file)
    expected = done.loop.model.predict(images.x_test, verbose=0)
    assert (found.predict(images.x_test, verbose=0) == expected).all()
    if name == "Focused":
        whole = keras.models.load_model(done.folder.model_file)
        assert whole.loss.power == 2.0
        whole.fit(images.x_train, images.y_train, verbose=0)


@pytest.mark.parametrize(
    ("name", "arguments", "error", "message"),
    [
        ("NoLoss", {}, InputError, "training.loss: own_loss_functions:NoLoss must be a keras.loss"),
        ("NUMBER", {}, InputError, "training.loss: .*must be a function, got a int"),
        ("nothing", {}, InputError, "training.loss: .*got no such name"),
        ("READY", {"power": 1.0}, InputError, "training.loss.arguments: .*made already"),
        ("Focused", {"force": 1.0}, TrialFailedError, "making the loss own_loss_functions:Focused "
         r"\(force 1.0\) raised an exception"),
    ],
)  # fmt: skip
def test_what_is_no_loss(
    name: str, arguments: dict[str, Any], error: type[Exception], message: str
) -> None:
    """Refused as what it is, with its place in the sweep file."""
    with pytest.raises(error, match=message):
        compiled_loss(LossConfig(name=f"{OWN}:{name}", arguments=arguments), ())

"""The trained model of a stored trial: compiled with what its sweep names."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from small_trials import VALIDATION, few_images, small_config

from clr_sweep.library.trial import Trial
from clr_sweep.training.data.splits import hold_out
from clr_sweep.training.folder import TrialFolder
from clr_sweep.training.records import TrialRecord
from clr_sweep.training.trial import train

SEARCH_PATH = (Path(__file__).parents[1] / "training",)


@pytest.mark.parametrize(
    "named",
    [
        {"metrics": ["own_metric_models:confidence"]},
        {"metrics": ["accuracy", "own_metric_models:MeanTop"], "metric": "val_accuracy"},
        {"loss": "own_loss_functions:focused", "metrics": []},
        {"loss": "own_loss_functions:focused", "loss_arguments": {"power": 3.0}, "metrics": []},
        {"loss": "own_loss_functions:READY", "metrics": []},
    ],
    ids=str,
)
def test_what_it_was_compiled_with_need_not_be_registered(
    tmp_path: Path, named: dict[str, Any]
) -> None:
    """It tells the same loss and metrics as the training did, of the same weights."""
    config = small_config(**{"metric": "val_loss", **named})
    folder = TrialFolder(tmp_path / "trial")
    data = few_images()
    result = train(config, data, folder, SEARCH_PATH)
    trial = Trial(TrialRecord("trial", 0, "complete", None, config, folder.path), SEARCH_PATH)
    _, held = hold_out(data.training_examples, VALIDATION, config.split_seed)
    x, y = np.asarray(data.x_train)[held], np.asarray(data.y_train)[held]
    model = trial.trained_model()
    assert model.optimizer.iterations == config.steps
    told = model.evaluate(x, y, verbose=0, return_dict=True)
    for name, value in told.items():
        assert value == pytest.approx(result.metrics[f"val_{name}"], rel=1e-5)
    assert np.isfinite(list(told.values())).all()


def test_it_goes_on_from_the_state_of_its_optimizer(tmp_path: Path) -> None:
    """As Keras loads it, whose own loss and metrics need no code: the same weights a step later."""
    config = small_config(optimizer="adam")
    folder = TrialFolder(tmp_path / "trial")
    data = few_images()
    train(config, data, folder, SEARCH_PATH)
    ours = Trial(
        TrialRecord("trial", 0, "complete", None, config, folder.path), SEARCH_PATH
    ).trained_model()
    keras_own = keras.saving.load_model(folder.model_file)
    x, y = np.asarray(data.x_train)[:32], np.asarray(data.y_train)[:32]
    for model in (ours, keras_own):
        model.train_on_batch(x, y)
    for one, other in zip(ours.get_weights(), keras_own.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)

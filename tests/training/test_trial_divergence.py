"""A trial whose loss stops being a number: where it ends, and what it leaves."""

from __future__ import annotations

import math
from pathlib import Path

import keras
import numpy as np
import pytest
from small_trials import (
    BATCH,
    STEPS_PER_EPOCH,
    VALIDATION,
    all_finite,
    few_images,
    planned_rates,
    small_config,
    strict_json,
)
from trained_trials import trained

from clr_sweep.definition.trial_config import TrialConfig
from clr_sweep.training import inspection
from clr_sweep.training.compiling import compiled_model
from clr_sweep.training.data.materialized import Dataset
from clr_sweep.training.data.splits import epoch_order, hold_out
from clr_sweep.training.folder import TrialFolder
from clr_sweep.training.loop import TrainingLoop


def no_nan_in_json(folder: TrialFolder) -> None:
    """Every JSON file of the folder is strict JSON."""
    files = {file.name: file.read_text() for file in folder.path.glob("*.json")}
    assert files.keys() == {"config.json", "identity.json", "result.json"}
    for text in (*files.values(), *(folder.path / "epochs.jsonl").read_text().splitlines()):
        strict_json(text)


@pytest.fixture(scope="module", params=["triangular", "exp_range"])
def diverging(request: pytest.FixtureRequest) -> tuple[TrialConfig, int]:
    """A trial that diverges, and the step at which it does."""
    config = small_config(
        request.param, model="user_models:linear", loss="mean_squared_error", init_lr=1e-4,
        max_lr=10.0, factor=1.25, epochs=5, gamma=0.999,
    )  # fmt: skip
    return config, first_bad_step(config, few_images(one_hot=True))


@pytest.mark.parametrize("chunk", [2, 200])
def test_divergence(
    diverging: tuple[TrialConfig, int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, chunk: int
) -> None:
    """It ends at the very step whose loss is not finite, with that step's rate and phase."""
    monkeypatch.setattr(inspection, "CHUNK", chunk)
    config, step = diverging
    done = trained(config, few_images(one_hot=True), tmp_path)
    result, divergence = done.result, done.result.divergence
    assert (result.state, result.value, result.steps) == ("diverged", None, step + 1)
    assert divergence is not None
    assert divergence.step == step
    assert divergence.epoch == result.epochs == step // STEPS_PER_EPOCH + 1
    assert divergence.learning_rate == planned_rates(config)[step]
    assert divergence.phase == (step % 20) / 20
    assert result.reason is not None
    assert f"step {step} (epoch {divergence.epoch})" in result.reason

    rates, losses = done.curve
    assert len(rates) == len(losses) == step + 1
    assert np.isfinite(losses[:-1]).all()
    assert not np.isfinite(losses[-1])
    last = done.reports[-1].points[-1]
    assert (last.step, last.batch_loss) == (step, None)
    assert all_finite(result.metrics)
    assert all(all_finite(report.metrics) for report in done.reports)
    no_nan_in_json(done.folder)
    assert done.folder.result() == result


def test_weights_that_are_not_finite(tmp_path: Path) -> None:
    """Seen at the end of an epoch, where no loss has shown them."""
    done = trained(small_config(model="user_models:masked"), few_images(), tmp_path)
    result, last = done.result, STEPS_PER_EPOCH - 1
    assert (result.state, result.value, result.steps) == ("diverged", None, STEPS_PER_EPOCH)
    assert result.reason is not None
    assert result.reason.startswith(f"the weights are no longer finite at step {last} (epoch 1), ")
    assert np.isfinite(done.curve[1]).all()
    no_nan_in_json(done.folder)
    assert done.folder.result() == result


def first_bad_step(config: TrialConfig, images: Dataset) -> int:
    """The first step whose loss is not finite, found one step at a time."""
    keras.utils.set_random_seed(config.seed)
    loop = TrainingLoop(compiled_model(config, images, ()), images.x_train, images.y_train, BATCH)
    rows, _ = hold_out(len(images.x_train), VALIDATION, config.split_seed)
    for step in range(config.steps):
        epoch, index = divmod(step, STEPS_PER_EPOCH)
        _, losses = loop.train(epoch_order(rows, config.seed, epoch + 1), index, index + 1)
        if not math.isfinite(losses[0]):
            assert step > STEPS_PER_EPOCH, "it diverges at once: this test shows little"
            return step
    raise AssertionError("it does not diverge: this test shows nothing")


def test_divergence_that_only_validation_shows(images: Dataset, tmp_path: Path) -> None:
    """The last update destroys the weights: no training step follows that could show it."""
    config = small_config("constant", init_lr=1e38).model_copy(update={"steps": 1})
    done = trained(config, images, tmp_path)
    result, divergence = done.result, done.result.divergence
    assert np.isfinite(done.curve[1]).all()
    assert (result.state, result.value, result.steps) == ("diverged", None, 1)
    assert divergence is not None
    assert (divergence.step, divergence.epoch, divergence.phase) == (0, 1, 0.0)
    assert "val_loss" not in result.metrics
    assert math.isfinite(result.metrics["loss"])
    no_nan_in_json(done.folder)

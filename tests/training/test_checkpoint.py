"""A trial interrupted after any epoch ends as if it had not been, to the bit."""

from __future__ import annotations

from pathlib import Path

import pytest
from interrupted_trials import (
    CNN,
    CYCLED,
    CYCLED_BETA,
    REGULARISED,
    assert_same_trial,
    checkpoint_epoch,
    like,
    trained,
)
from small_trials import small_config

from clr_sweep.definition.trial_config import TrialConfig
from clr_sweep.training.data.materialized import Dataset
from clr_sweep.training.folder import TrialFolder


@pytest.mark.parametrize(
    "config",
    [
        CNN,
        CYCLED,
        like(REGULARISED, "stateful_models:counting"),
        *(
            pytest.param(config, marks=pytest.mark.heavy)
            for config in (
                REGULARISED,
                CYCLED_BETA,
                like(REGULARISED, "user_models:built_late"),
                like(REGULARISED, "user_models:own_loss"),
                like(REGULARISED, "stateful_models:noisy"),
                like(REGULARISED, "stateful_models:counting_tests"),
                like(REGULARISED, "stateful_models:half_precision"),
            )
        ),
    ],
    ids=lambda config: (
        config.model.name.rpartition(":")[2] + "-momentum" * (config.cycled_momentum is not None)
    ),
)
def test_interrupted_after_every_epoch(
    images: Dataset, tmp_path: Path, config: TrialConfig
) -> None:
    """Each epoch by another attempt: nothing tells it from a training in one go."""
    assert trained(config, images, tmp_path / "whole") == [1, 2, 3, 4]
    assert trained(config, images, tmp_path / "cut", 1) == [1]
    for epoch in (2, 3, 4):
        assert trained(config, images, tmp_path / "cut", epoch) == [epoch - 1, epoch]
        assert checkpoint_epoch(TrialFolder(tmp_path / "cut")) == epoch
    assert trained(config, images, tmp_path / "cut") == [4]
    assert_same_trial(TrialFolder(tmp_path / "cut"), TrialFolder(tmp_path / "whole"))


def test_the_best_weights_outlive_an_interruption(images: Dataset, tmp_path: Path) -> None:
    """The best trough lies before the interruption: its value and its weights are the result."""
    config = small_config(metric="val_loss", at="best", epochs=10, max_lr=1.5, factor=1.25)
    trained(config, images, tmp_path / "whole")
    whole = TrialFolder(tmp_path / "whole")
    values = [report.metrics["val_loss"] for report in whole.reports()]
    best = min((3, 5, 8, 10), key=lambda epoch: values[epoch - 1])
    assert best < 9, "the best trough comes last: this test shows nothing"
    trained(config, images, tmp_path / "cut", 9)
    trained(config, images, tmp_path / "cut")
    assert_same_trial(TrialFolder(tmp_path / "cut"), whole)


@pytest.mark.heavy
@pytest.mark.parametrize("cut", [5, 6])
def test_early_stopping_outlives_an_interruption(images: Dataset, tmp_path: Path, cut: int) -> None:
    """Before the trough that ends the trial, or right after it and before its result."""
    config = small_config(
        metric="val_loss", epochs=8, max_lr=0.8, seed=3, early_stopping={"patience": 2}
    )
    assert trained(config, images, tmp_path / "whole") == [1, 2, 3, 4, 5, 6]
    whole = TrialFolder(tmp_path / "whole")
    trained(config, images, tmp_path / "cut", cut)
    again = trained(config, images, tmp_path / "cut")
    assert again == list(range(cut, 7))
    assert_same_trial(TrialFolder(tmp_path / "cut"), whole)


@pytest.mark.heavy
@pytest.mark.parametrize("model", ["tensorflow_noise", "in_python"])
def test_what_cannot_be_saved_starts_over(
    images: Dataset, tmp_path: Path, capsys: pytest.CaptureFixture[str], model: str
) -> None:
    """No checkpoint is written, the trial says so, and ends as one in a single go."""
    config = like(REGULARISED, f"stateful_models:{model}")
    trained(config, images, tmp_path / "whole")
    assert trained(config, images, tmp_path / "cut", 3) == [1, 2, 3]
    assert not (tmp_path / "cut" / "checkpoint.npz").exists()
    capsys.readouterr()
    assert trained(config, images, tmp_path / "cut") == [1, 2, 3, 4]
    operation = {"tensorflow_noise": "RandomStandardNormal", "in_python": "PyFunc"}[model]
    assert capsys.readouterr().out.splitlines() == [
        f"no checkpoints: the model's training holds {operation}, whose state cannot be saved; "
        f"an interrupted trial starts over",
        "an earlier attempt is not gone on with, starting over: its model has no checkpoints",
    ]
    assert_same_trial(TrialFolder(tmp_path / "cut"), TrialFolder(tmp_path / "whole"))

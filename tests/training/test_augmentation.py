"""Augmentation layers and batch normalisation: as under `fit`, interrupted or not, to the bit."""

from __future__ import annotations

from pathlib import Path

import pytest
from fitted_trials import assert_equals_fit
from interrupted_trials import assert_same_trial
from interrupted_trials import trained as interrupted
from small_trials import small_config
from test_state import traced
from trained_trials import trained

from clr_sweep.training.data.materialized import Dataset
from clr_sweep.training.folder import TrialFolder

pytestmark = pytest.mark.usefixtures("deterministic_ops")

CONFIG = small_config(model="augmenting_models:augmented", epochs=2)


@pytest.mark.usefixtures("as_written")
def test_augmentation_equals_fit(images: Dataset, tmp_path: Path) -> None:
    """The draws, the statistics and all that is learned; validation draws nothing."""
    assert_equals_fit(trained(CONFIG, images, tmp_path), images, CONFIG)


@pytest.mark.heavy
def test_an_interrupted_trial_draws_the_same(images: Dataset, tmp_path: Path) -> None:
    """Each layer's generator of random numbers is in the checkpoint."""
    interrupted(CONFIG, images, tmp_path / "whole")
    interrupted(CONFIG, images, tmp_path / "stopped", stop_after=1)
    assert interrupted(CONFIG, images, tmp_path / "stopped") == [1, 2]
    assert_same_trial(TrialFolder(tmp_path / "stopped"), TrialFolder(tmp_path / "whole"))


def test_the_generators_are_in_the_state(images: Dataset) -> None:
    """One for each layer that draws; nothing is kept where it cannot be saved."""
    _, state, _ = traced(images, CONFIG.model.name)
    assert state.unsaveable == ()
    drawing = [path for path, _ in state.variables if "seed_generator_state" in path]
    assert len(drawing) == 4  # flips, translations, rotations, brightness

"""What the tests of training share: a few real images."""

from __future__ import annotations

import pytest
from small_trials import few_images

from clr_sweep.training.stored_dataset import Dataset


@pytest.fixture(scope="session")
def images() -> Dataset:
    """The first 320 images of the slice; their arrays cannot be written to."""
    return few_images()

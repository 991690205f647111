"""What a trial trains with, refused where nothing of it can learn."""

from __future__ import annotations

from pathlib import Path

import pytest
from small_trials import few_images, small_config

from clr_sweep.common.errors import InputError
from clr_sweep.training.set_up import set_up


def test_a_model_with_nothing_to_train() -> None:
    """Before a step is taken: its rates would be those of an optimizer that takes none."""
    config = small_config(model="user_models:frozen")
    with pytest.raises(InputError, match=r"model\.name: user_models:frozen .* nothing to train"):
        set_up(config, few_images(), (Path(__file__).parent,))

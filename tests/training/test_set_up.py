"""What a trial trains with, refused where nothing of it can learn."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from small_trials import few_images, small_config

from clr_sweep.common.errors import InputError
from clr_sweep.training.set_up import set_up


def test_a_model_with_nothing_to_train() -> None:
    """Before a step is taken: its rates would be those of an optimizer that takes none."""
    config = small_config(model="user_models:frozen")
    with pytest.raises(InputError, match=r"model\.name: user_models:frozen .* nothing to train"):
        set_up(config, few_images(), (Path(__file__).parent,))


def test_validation_on_the_test_set() -> None:
    """All training images are trained on, none held out; what is measured is the test set."""
    data, config = few_images(), small_config()
    on_test = config.dataset.model_copy(update={"validation": "test"})
    ready = set_up(config.model_copy(update={"dataset": on_test}), data, (Path(__file__).parent,))
    assert np.array_equal(ready.train_rows, np.arange(len(data.x_train)))
    assert ready.steps_per_epoch == 10  # of 320 images
    assert ready.train_rows.dtype == ready.validation_rows.dtype == np.int32
    found = ready.loop.evaluate(ready.validation_rows)
    assert found == ready.loop.evaluate_on(np.asarray(data.x_test), np.asarray(data.y_test))
    assert found != ready.loop.evaluate(ready.train_rows[: len(data.x_test)])

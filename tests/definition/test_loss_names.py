"""The names of Keras' losses, held against Keras; and what a sweep file may name."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from written_sweeps import problems, written

from clr_sweep.definition.loading import load_sweep
from clr_sweep.definition.losses import FUNCTION_OF

MUST_BE = (
    "training.loss: must be the name of a Keras loss, such as sparse_categorical_crossentropy or "
    "mean_squared_error, got "
)


def test_the_names_are_those_of_keras() -> None:
    """All of them but the base classes, each with the function that Keras computes it by."""
    import keras
    from keras.src.losses import ALL_OBJECTS_DICT

    assert set(FUNCTION_OF) == set(ALL_OBJECTS_DICT) - {"Loss", "LossFunctionWrapper"}
    for written_as, name in FUNCTION_OF.items():
        found = keras.losses.get(written_as)
        assert getattr(found, "fn", found).__name__ == name


@pytest.mark.parametrize(
    ("loss", "got"),
    [
        ("sparse_categorical_crossentropi",
         "'sparse_categorical_crossentropi' - did you mean 'sparse_categorical_crossentropy'?"),
        ("MeanSquareError", "'MeanSquareError' - did you mean 'mean_squared_error'?"),
        ("Loss", "'Loss'"),
        ("my_code:loss", "'my_code:loss': a loss of your own is computed by the model, in its "
         "compute_loss"),
    ],
)  # fmt: skip
@pytest.mark.parametrize(
    "metrics", [{}, {"training.metrics": ["accuracy"]}, {"objective.metric": "val_my_gap"}]
)
def test_what_is_no_loss(tmp_path: Path, loss: str, got: str, metrics: dict[str, Any]) -> None:
    """It is said when the file is read, and of metrics nothing that only hangs on it."""
    direction = {"objective.direction": "maximize"} if "objective.metric" in metrics else {}
    file = written(tmp_path, {"training.loss": loss, **metrics, **direction})
    assert problems(file) == [MUST_BE + got]


def test_any_name_of_keras_is_taken(tmp_path: Path) -> None:
    """The class's and the abbreviation too, as they are written."""
    for loss in FUNCTION_OF:
        file = written(tmp_path, {"training.loss": loss, "objective.metric": "val_loss"})
        assert load_sweep(file).training.loss == loss

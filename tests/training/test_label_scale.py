"""Labels that are so large that SGD diverges under a squared loss."""

from __future__ import annotations

import numpy as np
import pytest

from clr_sweep.training.label_scale import large_labels, root_mean_square


def test_their_size() -> None:
    """A mean counts as a spread does; whole numbers do not overflow."""
    assert root_mean_square(np.full((4, 1), -300, "int16")) == 300
    assert root_mean_square(np.array([100_000, -100_000], "int32")) == 100_000
    assert root_mean_square(np.array([-(2**31)], "int32")) == 2**31
    assert root_mean_square(np.array([3e200, -4e200])) == pytest.approx(12.5**0.5 * 1e200)
    assert root_mean_square(np.zeros(3)) == 0


@pytest.mark.parametrize(
    ("size", "loss", "is_told"),
    [
        (553_000.0, "mean_squared_error", True),
        (553_000.0, "huber", False),  # its gradient is bounded
        (553_000.0, "mean_absolute_error", False),
        (99.0, "mean_squared_error", False),
        (553_000.0, "mean_absolute_percentage_error", False),  # in parts of the labels
        (553_000.0, "sparse_categorical_crossentropy", False),  # class numbers
        (float("nan"), "mean_squared_error", False),
    ],
)
def test_large_labels(size: float, loss: str, is_told: bool) -> None:
    """Under a squared loss, with the cure."""
    found = large_labels(size, loss)
    assert bool(found) == is_told
    if is_told:
        assert found.startswith(
            f"the labels are large, 553,000 by their root mean square, so under {loss}"
        )
        assert "standardise them" in found


def test_those_of_one_output() -> None:
    """Are named by it."""
    assert large_labels(500.0, "mean_squared_error", "age").startswith(
        "the labels of age are large"
    )

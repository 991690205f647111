"""Which examples are held out: for validation, and as a test set."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clr_sweep.common.errors import DataError
from clr_sweep.training.data.splits import hold_out, split_off_test


@given(data=st.data(), n=st.integers(2, 500), seed=st.integers(0, 2**32))
def test_hold_out_parts_are_a_partition(data: st.DataObject, n: int, seed: int) -> None:
    """The two parts are ascending, disjoint, together everything, and as large as asked."""
    count = data.draw(st.integers(1, n - 1))
    train, validation = hold_out(n, count, seed)
    assert len(validation) == count
    assert train.dtype == validation.dtype == np.int32
    assert np.array_equal(np.sort(np.concatenate([train, validation])), np.arange(n))
    assert (np.diff(train) > 0).all()
    assert (np.diff(validation) > 0).all()
    again = hold_out(n, count, seed)
    assert np.array_equal(again[0], train)
    assert np.array_equal(again[1], validation)


def test_hold_out_is_the_same_on_every_machine() -> None:
    """The choice that a seed stands for is fixed: stored studies rely on it."""
    assert hold_out(10, 3, 0)[1].tolist() == [2, 4, 6]
    assert hold_out(10, 3, 0)[0].tolist() == [0, 1, 3, 5, 7, 8, 9]
    assert hold_out(10, 3, 1)[1].tolist() != [2, 4, 6]


@pytest.mark.parametrize(
    ("n", "fraction", "count"), [(60_000, 0.1, 6000), (10, 0.25, 3), (7, 0.5, 4), (3, 0.2, 1)]
)
def test_hold_out_takes_a_fraction(n: int, fraction: float, count: int) -> None:
    """A fraction is rounded to the nearest count and then means that count."""
    assert np.array_equal(hold_out(n, fraction, 5)[1], hold_out(n, count, 5)[1])
    assert len(hold_out(n, fraction, 5)[1]) == count


@pytest.mark.parametrize(
    ("n", "validation", "seed", "message"),
    [
        (10, 0, 0, "got 0, which holds out 0"),
        (10, 10, 0, "got 10, which holds out 10"),
        (10, -1, 0, "got -1"),
        (10, 0.01, 0, "got 0.01, which holds out 0"),
        (10, 0.99, 0, "got 0.99, which holds out 10"),
        (1, 1, 0, "at least one of the 1 training examples"),
        (10, 1.0, 0, r"fraction in \(0, 1\), got 1.0"),
        (10, float("nan"), 0, "got nan"),
        (10, True, 0, "got True"),
        (10, "3", 0, "got '3'"),
        (10, 3, -1, "seed must be 0 or above, got -1"),
    ],
)
def test_hold_out_refuses_what_leaves_nothing(
    n: int, validation: float, seed: int, message: str
) -> None:
    """No part may be empty, and what is no count and no fraction is refused with its value."""
    with pytest.raises(DataError, match=message):
        hold_out(n, validation, seed)


@pytest.mark.parametrize(("test", "count"), [(None, 30), (0.5, 75), (10, 10)])
def test_a_test_set_is_split_off_the_same_for_every_seed(test: float | None, count: int) -> None:
    """It is `hold_out` with the seed 0; a fifth where nothing is said."""
    train, held_out = split_off_test(150, test)
    assert len(held_out) == count
    assert np.array_equal(held_out, hold_out(150, count, 0)[1])
    assert np.array_equal(train, hold_out(150, count, 0)[0])


@pytest.mark.parametrize("test", [149, 150, 0.999, 0.001])
def test_a_test_set_leaves_two_for_training_and_validation(test: float) -> None:
    """What leaves fewer, or nothing to test on, is refused with the place and the numbers."""
    with pytest.raises(DataError, match=rf"dataset.test: .* of the 150 examples .* got {test}, "):
        split_off_test(150, test)

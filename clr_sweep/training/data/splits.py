"""Which of a data set's examples are held out, and in which order the others are trained on."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from clr_sweep.common.errors import DataError

Rows = npt.NDArray[np.int32]

TEST_PART = 0.2
"""What is held out as the test set of data that have none, unless the sweep says another part."""


def split_off_test(n: int, test: int | float | None) -> tuple[Rows, Rows]:
    """Splits examples that have no test set: the same part for every seed, on every machine.

    Args:
        test: how many make the test set, see `hold_out`; None: `TEST_PART`.

    Returns:
        (train_index, test_index), as `hold_out` gives them for the seed 0.

    Raises:
        DataError: the part leaves none for the test set, or fewer than two to train on and
            validate with.
    """
    if (problem := test_problem(n, test)) is not None:
        raise DataError(f"dataset.test: {problem}")
    return hold_out(n, TEST_PART if test is None else test, seed=0)


def test_problem(n: int, test: int | float | None) -> str | None:
    """What is wrong with holding out this test part of n examples; None where nothing is."""
    part = TEST_PART if test is None else test
    count = part if isinstance(part, int) else int(n * part + 0.5)
    if 0 < count < n - 1:
        return None
    return (
        f"must leave at least two of the {n} examples for training and validation, and one for "
        f"the test set, got {part}, which holds out {count}"
    )


def hold_out(n: int, validation: int | float, seed: int) -> tuple[Rows, Rows]:
    """Splits the training examples: a part is held out for validation.

    Args:
        n: the number of training examples.
        validation: how many are held out: a count, or a fraction in (0, 1) of n, rounded to the
            nearest count.
        seed: what the choice is drawn from, by numpy.random.default_rng(seed).permutation(n):
            the first of these indices are held out.

    Returns:
        (train_index, validation_index): both int32 and ascending (so that memory maps are read
        forwards), disjoint, together all of range(n).

    Raises:
        DataError: the part leaves no example for training or for validation, or is no count
            and no fraction; or the seed is negative.
    """
    if isinstance(validation, bool) or not isinstance(
        validation, int | float | np.integer | np.floating
    ):
        raise DataError(f"validation must be a count or a fraction in (0, 1), got {validation!r}")
    if isinstance(validation, float | np.floating):
        if not 0 < validation < 1:
            raise DataError(
                f"validation must be a whole number of examples or a fraction in (0, 1), "
                f"got {validation!r}"
            )
        count = int(n * float(validation) + 0.5)
    else:
        count = int(validation)
    if not 0 < count < n:
        raise DataError(
            f"validation must leave at least one of the {n} training examples for training and "
            f"one for validation, got {validation!r}, which holds out {count}"
        )
    if seed < 0:
        raise DataError(f"the seed must be 0 or above, got {seed}")
    order = np.random.default_rng(seed).permutation(n).astype(np.int32)
    return np.sort(order[count:]), np.sort(order[:count])


def epoch_order(rows: Rows, seed: int, epoch: int) -> Rows:
    """The rows in the order of this epoch: a function of the seed and the epoch alone."""
    return np.random.default_rng([seed, epoch]).permutation(rows).astype(np.int32)


def evenly_spread(rows: Rows, most: int) -> Rows:
    """At most so many of the rows, evenly spread: a file may be sorted by its labels."""
    chosen: Rows = rows[np.linspace(0, len(rows) - 1, min(most, len(rows))).astype(int)]
    return chosen

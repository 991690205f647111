"""scikit-learn's own small data sets."""

from __future__ import annotations

import numpy as np
import pytest
from own_process import python
from sklearn import datasets as toys

from clr_sweep.common.errors import DataError
from clr_sweep.definition.data_names import DataOptions
from clr_sweep.training.data.datasets import check_dataset_name, load_dataset, training_examples
from clr_sweep.training.data.sklearn_sets import EXAMPLES
from clr_sweep.training.data.splits import hold_out


@pytest.mark.parametrize("which", EXAMPLES)
def test_each_is_what_scikit_learn_has(which: str) -> None:
    """All examples are there once, in two parts, with the labels that belong to them."""
    data = load_dataset(f"sklearn:{which}")
    x, y = getattr(toys, f"load_{which}")(return_X_y=True)
    train, test = hold_out(len(x), 0.2, 0)
    for part, rows in (("train", train), ("test", test)):
        found = data.arrays()[f"x_{part}"]
        assert np.array_equal(found.reshape(len(rows), -1), x[rows])
        assert np.array_equal(data.arrays()[f"y_{part}"], y[rows])
    assert training_examples(f"sklearn:{which}") == len(train)


def test_digits_are_images() -> None:
    """8 x 8 with a channel, as a convolution takes them."""
    data = load_dataset("sklearn:digits", DataOptions(test=0.5))
    assert data.x_train.shape == (898, 8, 8, 1)
    first = hold_out(1797, 0.5, 0)[1][0]
    assert np.array_equal(data.x_test[0, ..., 0], toys.load_digits().images[first])


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("sklearn:digit", "did you mean 'digits'"),
        ("sklearn:california_housing", "no data set 'california_housing' in its package (there"),
        ("sklearn:", "no data set ''"),
    ],
)
def test_others_are_refused_with_those_there_are(name: str, message: str) -> None:
    """A name that scikit-learn would download, or does not know."""
    (problem,) = check_dataset_name(name)
    assert message in problem
    assert "breast_cancer" in problem
    with pytest.raises(DataError) as raised:
        load_dataset(name)
    assert raised.value.problems == (problem,)


def test_a_check_does_not_import_it() -> None:
    """Sizes are known without the half second that its import takes."""
    code = (
        "import sys\n"
        "from clr_sweep.training.data.datasets import check_dataset_name, training_examples\n"
        "assert check_dataset_name('sklearn:iris') == []\n"
        "assert training_examples('sklearn:iris') == 120\n"
        "print('sklearn' in sys.modules)\n"
    )
    assert python("-c", code).stdout == "False\n"

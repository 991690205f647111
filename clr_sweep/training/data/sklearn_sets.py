"""The small data sets that come with scikit-learn: nothing is downloaded.

https://scikit-learn.org/stable/datasets/toy_dataset.html
"""

from __future__ import annotations

from clr_sweep.common.errors import DataError
from clr_sweep.common.nearest import hint
from clr_sweep.definition.data_names import DataOptions, named_within
from clr_sweep.training.data.materialized import Dataset, in_memory
from clr_sweep.training.data.splits import split_off_test

EXAMPLES = {
    "breast_cancer": 569,
    "diabetes": 442,
    "digits": 1797,
    "iris": 150,
    "linnerud": 20,
    "wine": 178,
}
"""How many examples each has, so that nobody has to import scikit-learn to know."""


def load(name: str, options: DataOptions) -> Dataset:
    """The data set `sklearn:NAME`, in this process's memory, its values as scikit-learn has them.

    x is float64, (n, columns), of digits (n, 8, 8, 1); y is int64 (n,) where they are classes,
    else float64: (n,) of diabetes, (n, 3) of linnerud.

    Raises:
        DataError: there is none of this name, or the test part cannot be held out of it.
    """
    if problems := name_problems(name):
        raise DataError(problems)
    from sklearn import __version__, datasets  # half a second that no other data set needs

    which = named_within(name)
    found = getattr(datasets, f"load_{which}")()
    # Its images are the rows of `data` in their two dimensions; a channel as Keras has it.
    x = found.images[..., None] if which == "digits" else found.data
    train, test = split_off_test(len(x), options.test)
    arrays = {
        "x_train": x[train],
        "y_train": found.target[train],
        "x_test": x[test],
        "y_test": found.target[test],
    }
    return in_memory(name, arrays, f"scikit-learn {__version__}")


def name_problems(name: str) -> list[str]:
    """What is wrong with the name `sklearn:NAME`."""
    which = named_within(name)
    if which in EXAMPLES:
        return []
    return [
        f"scikit-learn has no data set {which!r} in its package{hint(which, EXAMPLES)} (there are "
        f"{', '.join(EXAMPLES)}; what it downloads or makes, a function of yours can return)"
    ]


def training_examples(name: str, options: DataOptions) -> int:
    """How many are left beside the test set, known without importing scikit-learn."""
    train, _ = split_off_test(EXAMPLES[named_within(name)], options.test)
    return len(train)

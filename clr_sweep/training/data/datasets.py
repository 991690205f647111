"""The data sets that a sweep can train on: by name, from a file, or from a function.

To add one that is known by its name: write a module that loads it, as fashion_mnist.py does, and
enter it in `_BUILT_IN`.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from clr_sweep.common.errors import DataError
from clr_sweep.common.nearest import hint
from clr_sweep.definition.own_functions import function_problems
from clr_sweep.training.data import fashion_mnist
from clr_sweep.training.data.from_function import load_from_function
from clr_sweep.training.data.materialized import Dataset
from clr_sweep.training.data.npz import find_npz, load_npz, npz_problems, read_headers

logger = logging.getLogger("clr_sweep")


@dataclass(frozen=True)
class _BuiltIn:
    load: Callable[[Path | None], Dataset]
    training_examples: int


_BUILT_IN = {"fashion_mnist": _BuiltIn(fashion_mnist.load, fashion_mnist.TRAINING_EXAMPLES)}


def load_dataset(
    name: str, *, folder: Path | None = None, search_path: Sequence[Path] = ()
) -> Dataset:
    """Loads a data set; its arrays cannot be written to.

    Args:
        name: a name of `_BUILT_IN`; or the path of an .npz file with x_train, y_train,
            x_test and y_test, as Keras' own files; or `module:function`, which returns
            ((x_train, y_train), (x_test, y_test)) or a dict with these keys.
        folder: where the files of a known data set are looked for first.
        search_path: folders where .npz files and modules are looked for, before the current
            folder and Python's path; usually the folder of the sweep file.

    Returns:
        The data set. Known ones and files are memory-mapped from the cache, so that processes
        share one copy; what a function returns is in this process's memory until
        `materialize` has stored it.

    Raises:
        DataError: it cannot be found, read or trusted; holds every problem.
        TrialFailedError: the user's function raised an exception.
    """
    match _kind(name):
        case "name":
            dataset = _BUILT_IN[name].load(folder)
        case "file":
            dataset = load_npz(name, search_path)
        case "function":
            dataset = load_from_function(name, search_path)
        case _:
            raise DataError(_unknown(name))
    logger.info(
        "data set %s: %d training and %d test examples from %s",
        name,
        len(dataset.x_train),
        len(dataset.x_test),
        dataset.source,
    )
    return dataset


def check_dataset_name(name: str, search_path: Sequence[Path] = ()) -> list[str]:
    """The problems that show without loading the data or importing anything.

    Arguments as for `load_dataset`.

    Returns:
        One sentence a problem; empty where the data set can be loaded as far as is known. A
        file's arrays are judged by their headers, a function by its module being there.
    """
    match _kind(name):
        case "name":
            return []
        case "file":
            return npz_problems(name, search_path)
        case "function":
            return function_problems(name, search_path)
        case _:
            return [_unknown(name)]


def training_examples(name: str, search_path: Sequence[Path] = ()) -> int | None:
    """The number of training examples where it is known without loading them, else None."""
    match _kind(name):
        case "name":
            return _BUILT_IN[name].training_examples
        case "file":
            try:
                header = read_headers(find_npz(name, search_path))["x_train"]
            except DataError:
                return None
            return header.shape[0] if header is not None and header.shape else None
        case _:
            return None


def hold_out(
    n: int, validation: int | float, seed: int
) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int32]]:
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


def _kind(name: str) -> str:
    if name in _BUILT_IN:
        return "name"
    if name.lower().endswith(".npz"):  # before the colon: a Windows path has one too
        return "file"
    return "function" if ":" in name else "unknown"


def _unknown(name: str) -> str:
    return (
        f"unknown data set {name!r}{hint(name, _BUILT_IN)} (known: {', '.join(_BUILT_IN)}; or the "
        f"path of an .npz file, or module:function)"
    )

"""Data sets that a function of the user's returns, named as `module:function`.

Random numbers are seeded before it is imported and called: what draws from Python's, NumPy's or
TensorFlow's own generators, such as a loader that shuffles, gives the same at every start.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from clr_sweep.common.errors import DataError, InputError
from clr_sweep.common.when_imported import if_imported
from clr_sweep.definition.own_functions import called, import_function, importable
from clr_sweep.training.data.arrays import Array
from clr_sweep.training.data.cache import writable_cache_folder
from clr_sweep.training.data.contents import listed
from clr_sweep.training.data.loaders import is_loader, store_loaders
from clr_sweep.training.data.materialized import Dataset, in_memory
from clr_sweep.training.data.named import PARTS, flat, key_problems, split

_SHAPE = (
    "((x_train, y_train), (x_test, y_test)), a dict with these four keys, or (train, test), each "
    "a tf.data.Dataset or a keras.utils.PyDataset; each x and each y an array, or a dict of them"
)


_SEVERAL = "; several arrays have names: return a dict of them"


def load_from_function(name: str, search_path: Sequence[Path], into: Path | None = None) -> Dataset:
    """Calls the function once.

    Args:
        into: the folder where what loaders give is stored; None: one of the cache, which keeps
            what the function gave last.

    Returns:
        What loaders give, memory-mapped from that folder; arrays in this process's memory.

    Raises:
        DataError: there is no such function, or what it returns is no data set.
        TrialFailedError: the module, the function or a loader raised an exception.
    """
    _seed()
    try:
        function, source = import_function(name, search_path)
    except InputError as error:
        raise DataError(error.problems, error.source) from None
    with importable(search_path):
        _seed()
        returned = called(f"calling {name}", function)
        if (parts := _loaders(returned, source)) is not None:
            return store_loaders(name, parts, source, into or _in_cache(source))
    return in_memory(name, as_arrays(returned, source), source)


def _in_cache(source: str) -> Path:
    key = hashlib.sha256(source.encode()).hexdigest()
    return writable_cache_folder() / "loaders" / key[:16]


def _seed() -> None:
    random.seed(0)
    np.random.seed(0)
    # What is not imported yet is seeded before the call, if the user's module imports it.
    if (tensorflow := if_imported("tensorflow")) is not None:
        tensorflow.random.set_seed(0)


def _loaders(returned: Any, source: str) -> tuple[Any, Any] | None:
    """The training and the test part where one of them is a loader; None where there is none."""
    if is_loader(returned):
        raise DataError(
            f"must return {_SHAPE}, got one {type(returned).__name__}: return a second one with "
            f"the test set beside it (keras.utils.split_dataset divides a loader)",
            source,
        )
    if isinstance(returned, tuple | list) and len(returned) == 2 and any(map(is_loader, returned)):
        return returned[0], returned[1]
    return None


def as_arrays(returned: Any, source: str) -> dict[str, Array]:
    """What a function returned as arrays by their names; not checked further.

    Raises:
        DataError: it is no data set; every problem.
    """
    if isinstance(returned, Mapping):
        values = flat({key: returned[key] for key in returned if split(str(key))[0] in PARTS})
        if missing := key_problems(values):
            held = listed([str(key) for key in returned]) or "nothing"
            raise DataError([f"{problem}; the dict holds {held}" for problem in missing], source)
    else:
        try:
            (x_train, y_train), (x_test, y_test) = returned
        except (TypeError, ValueError) as error:
            raise DataError(
                f"must return {_SHAPE}, got a {type(returned).__name__} ({error})", source
            ) from error
        values = flat(dict(zip(PARTS, (x_train, y_train, x_test, y_test), strict=True)))
    arrays, problems = {}, []
    for key, value in values.items():
        try:
            if value is None:
                raise TypeError("there is none")
            if np.ma.isMaskedArray(value) and np.ma.is_masked(value):
                raise TypeError("its mask would be lost: leave out or fill what it hides")
            arrays[key] = np.asarray(value)
            if is_loader(value):
                raise TypeError("loaders come as a pair: return (train, test)")
        except Exception as error:
            cure = _SEVERAL if isinstance(value, tuple | list) else ""
            problems.append(
                f"{key}: must be an array, got a {type(value).__name__} ({error}){cure}"
            )
    if problems:
        raise DataError(problems, source)
    return arrays

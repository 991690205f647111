"""Data sets that a function of the user's returns, named as `module:function`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from clr_sweep.common.errors import DataError, InputError
from clr_sweep.definition.own_functions import called, import_function, importable
from clr_sweep.training.data.arrays import ARRAYS, Array
from clr_sweep.training.data.materialized import Dataset, in_memory

_SHAPE = "((x_train, y_train), (x_test, y_test)) or a dict with these four keys"


def load_from_function(name: str, search_path: Sequence[Path]) -> Dataset:
    """Calls the function once; the arrays are in this process's memory, read-only.

    Raises:
        DataError: there is no such function, or what it returns is no data set.
        TrialFailedError: the module or the function raised an exception.
    """
    try:
        function, source = import_function(name, search_path)
    except InputError as error:
        raise DataError(error.problems, error.source) from None
    with importable(search_path):
        returned = called(f"calling {name}", function)
    return in_memory(name, _as_arrays(returned, source), source)


def _as_arrays(returned: Any, source: str) -> dict[str, Array]:
    if isinstance(returned, Mapping):
        missing = [key for key in ARRAYS if key not in returned]
        if missing:
            held = ", ".join(map(str, returned)) or "nothing"
            raise DataError(
                [f"{key}: is missing; the dict holds {held}" for key in missing], source
            )
        values = {key: returned[key] for key in ARRAYS}
    else:
        try:
            (x_train, y_train), (x_test, y_test) = returned
        except (TypeError, ValueError) as error:
            raise DataError(
                f"must return {_SHAPE}, got a {type(returned).__name__} ({error})", source
            ) from error
        values = dict(zip(ARRAYS, (x_train, y_train, x_test, y_test), strict=True))
    arrays, problems = {}, []
    for key, value in values.items():
        try:
            arrays[key] = np.asarray(value)
        except Exception as error:
            problems.append(f"{key}: must be an array, got a {type(value).__name__} ({error})")
    if problems:
        raise DataError(problems, source)
    return arrays

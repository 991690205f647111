"""Data sets that a function of the user's returns, named as `module:function`."""

from __future__ import annotations

import contextlib
import importlib
import importlib.machinery
import re
import sys
import traceback
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from clr_sweep.errors import DataError, TrialFailedError
from clr_sweep.training.dataset_checks import ARRAYS, Array
from clr_sweep.training.stored_dataset import Dataset, in_memory

_IDENTIFIER = r"[^\W\d]\w*"
_NAME = re.compile(rf"(?P<module>{_IDENTIFIER}(\.{_IDENTIFIER})*):(?P<function>{_IDENTIFIER})")

_SHAPE = "((x_train, y_train), (x_test, y_test)) or a dict with these four keys"


def load_from_function(name: str, search_path: Sequence[Path]) -> Dataset:
    """Calls the function once; the arrays are in this process's memory, read-only.

    Raises:
        DataError: there is no such function, or what it returns is no data set.
        TrialFailedError: the module or the function raised an exception.
    """
    if problems := function_problems(name, search_path):
        raise DataError(problems)
    module_name, function_name = name.split(":")
    with _on_sys_path(search_path):
        _refuse_namesake(module_name)
        try:
            module = importlib.import_module(module_name)
        except Exception as error:
            raise _raised(f"importing {module_name}", error) from error
        source = f"{getattr(module, '__file__', None) or module_name}:{function_name}"
        function = getattr(module, function_name, None)
        if not callable(function):
            found = "no such name" if function is None else f"a {type(function).__name__}"
            raise DataError(f"must be a function, got {found}", source)
        try:
            returned = function()
        except Exception as error:
            raise _raised(f"calling {name}", error) from error
    return in_memory(name, _as_arrays(returned, source), source)


def function_problems(name: str, search_path: Sequence[Path]) -> list[str]:
    """What is wrong with the name, as far as it shows without importing anything."""
    matched = _NAME.fullmatch(name)
    if matched is None:
        return [f"must be module:function, as in my_data:load, got {name!r}"]
    module = matched["module"]
    with _on_sys_path(search_path):
        spec = _find_spec(module)
    if spec is None:
        places = ", ".join(str(Path(folder).absolute()) for folder in search_path)
        where = f"{places} and " if places else ""
        return [f"there is no module {module!r} (looked in {where}Python's own path)"]
    if spec.origin is None and spec.submodule_search_locations is not None:
        return [f"the module {module!r} is a folder without __init__.py, which has no functions"]
    return []


@contextlib.contextmanager
def _on_sys_path(search_path: Sequence[Path]) -> Iterator[None]:
    before = list(sys.path)
    sys.path[:0] = [str(Path(folder).absolute()) for folder in search_path]
    importlib.invalidate_caches()  # the file may be younger than Python's list of its folder
    try:
        yield
    finally:
        sys.path[:] = before


def _find_spec(module: str) -> importlib.machinery.ModuleSpec | None:
    """As importlib.util.find_spec, which imports the packages above a module: that may be Keras."""
    path: list[str] | None = None
    spec: importlib.machinery.ModuleSpec | None = None
    names = module.split(".")
    for depth in range(1, len(names) + 1):
        if depth > 1 and path is None:
            return None  # the module above is no package
        try:
            spec = _ask_finders(".".join(names[:depth]), path)
            if spec is None:
                return None
            locations = spec.submodule_search_locations
            path = None if locations is None else list(locations)
        except KeyError:
            # folders without __init__.py inside each other: Python cannot look into the inner one
            # before it has imported the outer one, so whether the module is there shows at loading
            return importlib.machinery.ModuleSpec(module, None, origin="not looked for")
    return spec


def _ask_finders(name: str, path: list[str] | None) -> importlib.machinery.ModuleSpec | None:
    for finder in sys.meta_path:
        find_spec = getattr(finder, "find_spec", None)
        if find_spec is not None and (spec := find_spec(name, path)) is not None:
            found: importlib.machinery.ModuleSpec = spec
            return found
    return None


def _refuse_namesake(module: str) -> None:
    """A module of the same name that is imported already would be used in silence."""
    top = module.split(".")[0]
    imported = getattr(sys.modules.get(top), "__file__", None)
    spec = _find_spec(top)
    if imported is None or spec is None or spec.origin is None:
        return
    if Path(imported).resolve() != Path(spec.origin).resolve():
        raise DataError(
            f"the module {top!r} in {spec.origin} has the name of one that is imported already, "
            f"{imported}; give it another name"
        )


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


def _raised(doing: str, error: Exception) -> TrialFailedError:
    # the frames of this file tell the user nothing
    frames = error.__traceback__.tb_next if error.__traceback__ is not None else None
    text = "".join(traceback.format_exception(type(error), error, frames)).rstrip()
    return TrialFailedError(f"{doing} raised an exception:\n{text}")

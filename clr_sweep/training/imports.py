"""Functions of the user's own, named as `module:function`."""

from __future__ import annotations

import importlib
import importlib.machinery
import importlib.util
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from clr_sweep.errors import InputError

_NAME = re.compile(r"^[A-Za-z_][\w.]*:[A-Za-z_]\w*$")


@contextmanager
def importable(search_path: Sequence[Path]) -> Iterator[None]:
    """Put folders in front of `sys.path` for as long as the block runs."""
    before = list(sys.path)
    sys.path[:0] = [str(folder) for folder in search_path]
    try:
        yield
    finally:
        sys.path[:] = before


def module_problem(name: str, search_path: Sequence[Path]) -> str | None:
    """What is wrong with `module:function`, found without importing it."""
    if not _NAME.match(name):
        return f"must be written 'module:function', got {name!r}"
    module = name.partition(":")[0].partition(".")[0]
    with importable(search_path):
        importlib.invalidate_caches()
        try:
            found = module in sys.modules or importlib.util.find_spec(module) is not None
        except (ImportError, ValueError):
            found = False
    if found:
        return None
    places = ", ".join(str(folder) for folder in search_path)
    return f"no module {module!r} for {name!r} (looked in {places} and in the installed packages)"


def import_function(name: str, search_path: Sequence[Path]) -> Callable[..., Any]:
    """The function that `module:function` names.

    Raises:
        InputError: there is no such module, or no such function in it. What the module itself
            raises while it is imported is the user's own and passes through.
    """
    if problem := module_problem(name, search_path):
        raise InputError(problem)
    module_name, _, attribute = name.partition(":")
    with importable(search_path):
        importlib.invalidate_caches()
        module = importlib.import_module(module_name)
    function = getattr(module, attribute, None)
    if not callable(function):
        raise InputError(f"{name!r}: {module_name} has no function {attribute!r}")
    return function

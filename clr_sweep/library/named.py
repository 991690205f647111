"""Functions of the user's own, in hand: by the name that every process finds them by."""

from __future__ import annotations

import os
import sys
import sysconfig
from collections.abc import Callable
from pathlib import Path
from typing import Any

_INSTALLED = tuple(
    Path(sysconfig.get_path(kind)).resolve() for kind in ("stdlib", "purelib", "platlib")
)


def name_of_function(function: Callable[..., Any], example: str) -> tuple[str, Path | None]:
    """The name `module:function` of a function or a class, and where its module is found.

    Args:
        example: a module's name, for the message.

    Returns:
        The folder that the module, or the outermost package of it, lies in; None if it is
        installed, so that every process finds it.

    Raises:
        ValueError: there is no such name; with the way around.
    """
    module, name = getattr(function, "__module__", None), getattr(function, "__qualname__", None)
    if module is None or name is None:
        raise ValueError(
            f"must be a function that makes it, got a {type(function).__name__}: each trial makes "
            "its own, in a process of its own"
        )
    if module == "__main__":
        raise ValueError(_of_main(name, example))
    loaded = sys.modules.get(module)
    if getattr(loaded, name, None) is not function:
        raise ValueError(
            f"{name} is not found under its name in the module {module}, and a trial's process "
            "finds it by that alone: define it with `def` at the top of a module"
        )
    file = getattr(loaded, "__file__", None)
    folder = None if file is None else Path(file).resolve().parents[_depth(module, file)]
    if folder is not None and any(folder.is_relative_to(above) for above in _INSTALLED):
        folder = None
    return f"{module}:{name}", folder


def _depth(module: str, file: str) -> int:
    return module.count(".") + (os.path.basename(file) == "__init__.py")


def _of_main(name: str, example: str) -> str:
    program = getattr(sys.modules["__main__"], "__file__", None)
    reason = (
        "and each trial runs in a process of its own, which finds it by its module's name, on the "
        "day the study is continued too"
    )
    if program is None:
        return (
            f"{name} is defined in the notebook, {reason}: make `%%writefile {example}.py` the "
            f"first line of its cell, and write `from {example} import {name}` in the next one"
        )
    return (
        f"{name} is defined in the program itself, {os.path.basename(program)}, {reason}: put it "
        f"into a module beside it ({example}.py), and import it from there"
    )

"""How things of the user's own are named, and which was meant by another way to write one."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path, PurePath

from clr_sweep.common.nearest import nearest

_IDENTIFIER = r"[^\W\d]\w*"
OWN = re.compile(rf"(?P<module>{_IDENTIFIER}(\.{_IDENTIFIER})*):(?P<function>{_IDENTIFIER})")
"""How a thing of the user's own is named: `module:name`."""


def as_own(name: str, search_path: Sequence[Path]) -> str | None:
    """A name with its module's file (`my_model.py:build`), or a dot for the colon, as `OWN` has it.

    None where no such module lies in a folder of the search path.
    """
    path, _, function = name.rpartition(":" if ":" in name else ".")
    parts = PurePath(path.removesuffix(".py")).parts
    meant = f"{'.'.join(parts)}:{function}"
    if meant == name or OWN.fullmatch(meant) is None:
        return None
    file = PurePath(*".".join(parts).split("."))
    is_there = any(Path(folder, f"{file}.py").is_file() for folder in search_path)
    return meant if is_there else None


def near_module(module: str, search_path: Sequence[Path]) -> str:
    """The hint for a module that is not there: of those where it was looked for, the nearest.

    Python's own path is left out: what was meant is the user's.
    """
    *above, name = module.split(".")
    beside = [
        file.stem
        for folder in search_path
        if os.path.isdir(place := Path(folder, *above))
        for file in sorted(place.iterdir())
        if file.suffix == ".py" or (file / "__init__.py").exists()
    ]
    near = nearest(name, beside)
    return "" if near is None else f" - did you mean {'.'.join([*above, near])!r}?"

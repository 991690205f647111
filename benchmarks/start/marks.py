"""Moments of a start, written by all of its processes into one file, a line each."""

from __future__ import annotations

import importlib
import os
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import Any

from clr_sweep.common.when_imported import when_imported

FILE = "CLR_SWEEP_BENCHMARK_MARKS"
FIRST_STEP = "first step taken"


@dataclass(frozen=True)
class Mark:
    """When a moment came.

    Attributes:
        time: seconds since 1970.
        cpu: seconds of CPU that the process which marked it had used.
    """

    time: float
    cpu: float


def mark(moment: str) -> None:
    """Write that the moment has come."""
    line = f"{time.time():.6f} {time.process_time():.6f} {moment}\n".encode()
    handle = os.open(os.environ[FILE], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    os.write(handle, line)
    os.close(handle)


def marks(file: Path) -> dict[str, Mark]:
    """The moments of a file, each when it came first."""
    found: dict[str, Mark] = {}
    if file.exists():
        # The last line may be half written.
        for line in file.read_text(encoding="utf-8").split("\n")[:-1]:
            seconds, cpu, moment = line.split(" ", 2)
            found.setdefault(moment, Mark(float(seconds), float(cpu)))
    return found


def mark_after(function: str, moment: str) -> None:
    """Have the moment marked at the end of each call of `module:function`.

    Call it before the module is imported, so that every importer gets the function that marks. A
    function that is no longer there is left out, and the table shows its moment as missing.
    """
    module, _, name = function.partition(":")

    def replace() -> None:
        original: Callable[..., Any] | None = getattr(sys.modules[module], name, None)
        if original is None:
            return

        @wraps(original)
        def marking(*arguments: Any, **options: Any) -> Any:
            result = original(*arguments, **options)
            mark(moment)
            return result

        setattr(sys.modules[module], name, marking)

    when_imported(module, replace)


def job(name: str) -> Callable[..., Any]:
    """The function of a job, as `module:name`."""
    module, _, function = name.partition(":")
    found: Callable[..., Any] = getattr(importlib.import_module(module), function)
    return found

"""Records what a process does: intervals of calls, by names that are given in a table."""

from __future__ import annotations

import contextlib
import functools
import importlib.util
import inspect
import json
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import wrapt

from benchmarks.timeline.wrapped import Wrapped


@dataclass(frozen=True)
class Interval:
    """A call.

    Attributes:
        what: the function's name.
        part: of a sweep.
        process: the process's name.
        thread: the thread's name.
        start, end: seconds of the monotonic clock, which is one for all processes of a machine.
        cpu: seconds, of calls inside of it too.
    """

    what: str
    part: str
    process: str
    thread: str
    start: float
    end: float
    cpu: float

    @property
    def seconds(self) -> float:
        return self.end - self.start


class Recorder:
    """Keeps the intervals of one process.

    Args:
        process: its name.
        cpu_clock: `time.thread_time` where several threads do different things;
            `time.process_time` where threads of a library work for the one that calls.
    """

    def __init__(self, process: str, cpu_clock: Callable[[], float]) -> None:
        self.process = process
        self.intervals: list[Interval] = []
        self.missing: list[str] = []
        self._cpu_clock = cpu_clock
        self._open = threading.local()

    @contextlib.contextmanager
    def interval(self, what: str, part: str, begun: float | None = None) -> Iterator[None]:
        """Record the block; `begun` is when it began where that was before."""
        start, cpu = time.monotonic() if begun is None else begun, self._cpu_clock()
        self._open.count = self._depth + 1
        try:
            yield
        finally:
            self._open.count -= 1
            self.intervals.append(
                Interval(
                    what, part, self.process, threading.current_thread().name,
                    start, time.monotonic(), self._cpu_clock() - cpu,
                )
            )  # fmt: skip

    def timed(
        self, what: str, part: str, function: Callable[..., Any], inside: bool = True
    ) -> Callable[..., Any]:
        """The function, each call of it recorded."""

        @functools.wraps(function)
        def call(*args: Any, **kwargs: Any) -> Any:
            if self._depth and not inside:
                return function(*args, **kwargs)
            with self.interval(what, part):
                return function(*args, **kwargs)

        return call

    def wrap(self, table: Sequence[Wrapped]) -> None:
        """Time all that the table names; modules that are imported later, when they are."""
        for entry in table:
            module = entry.name.partition(":")[0]
            if module not in sys.modules and not _exists(module):
                self.missing.append(entry.name)
            else:
                wrapt.register_post_import_hook(functools.partial(self._replace, entry), module)

    def write(self, file: Path, **further: Any) -> None:
        """Append a line of the process and one of each interval to a file of JSON lines."""
        now = time.monotonic()
        head = {"process": self.process, "at": now, "missing": self.missing, **further}
        with file.open("a", encoding="utf-8") as lines:
            for line in (head, *map(asdict, self.intervals)):
                lines.write(json.dumps(line) + "\n")

    @property
    def _depth(self) -> int:
        return getattr(self._open, "count", 0)

    def _replace(self, entry: Wrapped, module: ModuleType) -> None:
        path = entry.name.partition(":")[2].split(".")
        try:
            owner = functools.reduce(getattr, path[:-1], module)
            names = _public(owner) if path[-1] == "*" else path[-1:]
            found = {name: getattr(owner, name) for name in names}
        except AttributeError:
            self.missing.append(entry.name)
            return
        short = module.__name__.rpartition(".")[2]
        for name, function in found.items():
            what = f"{owner.__name__ if path[:-1] else short}.{name}"
            timed = self.timed(what, entry.part, function, entry.inside)
            setattr(owner, name, timed)
            if owner is module:
                _replace_imported(function, timed)


def _exists(module: str) -> bool:
    try:
        return importlib.util.find_spec(module) is not None
    except ModuleNotFoundError:
        return False


def _public(owner: Any) -> list[str]:
    """The public functions that a module or a class defines itself."""
    home = owner.__name__ if inspect.ismodule(owner) else owner.__module__
    return [
        name
        for name, value in vars(owner).items()
        if not name.startswith("_") and inspect.isfunction(value) and value.__module__ == home
    ]


def _replace_imported(function: Callable[..., Any], timed: Callable[..., Any]) -> None:
    """Where other modules have imported the function by its name."""
    for module in list(sys.modules.values()):
        if getattr(module, "__name__", "").startswith("clr_sweep"):
            for name, value in list(vars(module).items()):
                if value is function:
                    setattr(module, name, timed)

"""Seconds by part: functions are wrapped, and a part inside another counts for itself alone."""

from __future__ import annotations

import functools
import threading
import time
from collections import defaultdict
from collections.abc import Callable
from typing import Any


class Parts:
    """Adds up CPU and wall seconds of the wrapped functions, in all threads.

    Attributes:
        cpu: seconds by part, of the thread that spent them.
        wall: seconds by part.
    """

    def __init__(self) -> None:
        self.cpu: dict[str, float] = defaultdict(float)
        self.wall: dict[str, float] = defaultdict(float)
        self._inside = threading.local()
        self._lock = threading.Lock()
        self._wrapped: list[tuple[Any, str, Callable[..., Any]]] = []

    def wrap(self, owner: Any, name: str, part: str) -> None:
        """Let calls of `owner.name` count as `part`, until `unwrap`."""
        function = getattr(owner, name)
        self._wrapped.append((owner, name, function))
        setattr(owner, name, self.timed(function, part))

    def unwrap(self) -> None:
        """Count no more."""
        while self._wrapped:
            setattr(*self._wrapped.pop())

    def timed(self, function: Callable[..., Any], part: str) -> Callable[..., Any]:
        """The function, its calls counted as `part`."""

        @functools.wraps(function)
        def call(*args: Any, **kwargs: Any) -> Any:
            outer = getattr(self._inside, "spent", None)
            self._inside.spent = [0.0, 0.0]
            cpu, wall = time.thread_time(), time.perf_counter()
            try:
                return function(*args, **kwargs)
            finally:
                cpu, wall = time.thread_time() - cpu, time.perf_counter() - wall
                inner = self._inside.spent
                with self._lock:
                    self.cpu[part] += cpu - inner[0]
                    self.wall[part] += wall - inner[1]
                self._inside.spent = outer
                if outer is not None:
                    outer[0] += cpu
                    outer[1] += wall

        return call


def rounded(value: Any) -> Any:
    """All its numbers to three places, as they are printed and kept."""
    if isinstance(value, dict):
        return {key: rounded(one) for key, one in value.items()}
    return round(value, 3) if isinstance(value, float) else value

"""A trial that is suggested nothing but the bounds of its ranges."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

EXAMPLES = 60000


class Bounds:
    """A sampler that returns the bounds of every range, as one that clips can do."""

    def __init__(self, upper: Sequence[str]) -> None:
        self._upper = upper

    def _bound(self, name: str, low: Any, high: Any) -> Any:
        assert low < high
        return high if name in self._upper else low

    def suggest_float(self, name: str, low: float, high: float, **_: Any) -> float:
        return float(self._bound(name, low, high))

    def suggest_int(self, name: str, low: int, high: int, **_: Any) -> int:
        return int(self._bound(name, low, high))

    def suggest_categorical(self, name: str, choices: Any) -> Any:
        return choices[-1 if name in self._upper else 0]

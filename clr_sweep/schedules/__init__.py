"""Cyclical learning rates: the arithmetic (`policies`) and the Keras schedules (`keras`).

Usable alone: nothing here knows of studies, trackers or trials. The functions need neither
NumPy nor Keras; the Keras classes are imported when they are first asked for.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from clr_sweep.schedules.policies import (
    CONSTANT,
    POLICIES,
    cycle,
    exp_range,
    learning_rate,
    position,
    triangular,
    triangular2,
    troughs,
    whole_cycles,
)

if TYPE_CHECKING:
    from clr_sweep.schedules.keras import (
        CyclicalLearningRate,
        ExponentialCyclicalLearningRate,
        Triangular2CyclicalLearningRate,
        TriangularCyclicalLearningRate,
    )

__all__ = [
    "CONSTANT",
    "POLICIES",
    "CyclicalLearningRate",
    "ExponentialCyclicalLearningRate",
    "Triangular2CyclicalLearningRate",
    "TriangularCyclicalLearningRate",
    "cycle",
    "exp_range",
    "learning_rate",
    "position",
    "triangular",
    "triangular2",
    "troughs",
    "whole_cycles",
]


def __getattr__(name: str) -> Any:
    """Imports a Keras schedule when it is first used, and keeps it."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module("clr_sweep.schedules.keras"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})

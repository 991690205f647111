"""Learning-rate policies: their arithmetic (`policies`) and the Keras schedules (`keras`).

Usable alone: nothing here knows of studies, trackers or trials. The functions need neither
NumPy nor Keras; the Keras classes are imported when they are first asked for.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from clr_sweep.schedules.cycles import cycle, position, troughs, whole_cycles
from clr_sweep.schedules.policies import (
    ACYCLIC,
    CONSTANT,
    CYCLICAL,
    POLICIES,
    exp_range,
    height,
    learning_rate,
    triangular,
    triangular2,
)

if TYPE_CHECKING:
    from clr_sweep.schedules.keras import (
        CosineLearningRate,
        CyclicalLearningRate,
        ExponentialBoundsCyclicalLearningRate,
        ExponentialCyclicalLearningRate,
        LinearLearningRate,
        OneCycleLearningRate,
        Triangular2CyclicalLearningRate,
        TriangularCyclicalLearningRate,
    )

__all__ = [
    "ACYCLIC",
    "CONSTANT",
    "CYCLICAL",
    "POLICIES",
    "CosineLearningRate",
    "CyclicalLearningRate",
    "ExponentialBoundsCyclicalLearningRate",
    "ExponentialCyclicalLearningRate",
    "LinearLearningRate",
    "OneCycleLearningRate",
    "Triangular2CyclicalLearningRate",
    "TriangularCyclicalLearningRate",
    "cycle",
    "exp_range",
    "height",
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
    # Keras before the classes, as in every thread: `when_imported` does the same from its side.
    importlib.import_module("keras")
    value = getattr(importlib.import_module("clr_sweep.schedules.keras"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})

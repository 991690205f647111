"""The Keras schedules that several modules test, and the arguments of their classes."""

from __future__ import annotations

import inspect
from typing import Any

import keras

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

CLASSES = {
    "triangular": TriangularCyclicalLearningRate,
    "triangular2": Triangular2CyclicalLearningRate,
    "exp_range": ExponentialCyclicalLearningRate,
}


def inverse_cycle(cycle: Any) -> Any:
    """A user's scale, registered: the amplitude shrinks as 1, 1/2, 1/3, ..."""
    return 1.0 / cycle


keras.saving.register_keras_serializable(package="clr_sweep_tests")(inverse_cycle)


def unregistered(cycle: Any) -> Any:
    """A user's scale that Keras does not know."""
    return 1.0 / cycle


def schedules() -> list[Any]:
    """One schedule of each kind that can be saved, none with a default where one may differ."""
    return [
        TriangularCyclicalLearningRate(0.001, 0.1, 4, scale_mode="iterations", name="a"),
        Triangular2CyclicalLearningRate(0.001, 0.1, 4.5, name="b"),
        ExponentialCyclicalLearningRate(0.001, 0.1, 4, scale_mode="cycle", gamma=0.9, name="c"),
        CyclicalLearningRate(0.001, 0.1, 4, "triangular2", name="d"),
        CyclicalLearningRate(0.001, 0.1, 4, inverse_cycle, name="e"),
        ExponentialBoundsCyclicalLearningRate(0.001, 0.1, 4, gamma=0.9, name="f"),
        LinearLearningRate(0.1, 17, name="g"),
        CosineLearningRate(0.1, 17, name="h"),
        OneCycleLearningRate(0.1, 17, 0.4, 10, 100, name="i"),
    ]


def written_arguments(cls: type) -> str:
    """The arguments of a class as its signature has them, with their defaults."""
    parameters = inspect.signature(cls).parameters.values()
    return ", ".join(
        p.name if p.default is p.empty else f"{p.name}={p.default!r}" for p in parameters
    )

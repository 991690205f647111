"""The Keras schedules. Whoever imports one of them has all of them registered with Keras.

One package, and its modules import one another: so it does not matter which comes first, and an
import of it that is under way, here or in another thread, registers them all at its end.
"""

from clr_sweep.schedules.keras.cyclical import CyclicalLearningRate
from clr_sweep.schedules.keras.cyclical_policies import (
    ExponentialBoundsCyclicalLearningRate,
    ExponentialCyclicalLearningRate,
    Triangular2CyclicalLearningRate,
    TriangularCyclicalLearningRate,
)
from clr_sweep.schedules.keras.decays import (
    CosineLearningRate,
    LinearLearningRate,
    OneCycleLearningRate,
)
from clr_sweep.schedules.keras.ramp import RampLearningRate

__all__ = [
    "CosineLearningRate",
    "CyclicalLearningRate",
    "ExponentialBoundsCyclicalLearningRate",
    "ExponentialCyclicalLearningRate",
    "LinearLearningRate",
    "OneCycleLearningRate",
    "RampLearningRate",
    "Triangular2CyclicalLearningRate",
    "TriangularCyclicalLearningRate",
]

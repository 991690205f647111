"""Compiled models that the training loop and `fit` train alike, and what they have learned."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import keras
import numpy as np

from clr_sweep.schedules.keras import TriangularCyclicalLearningRate
from clr_sweep.training.data.materialized import Dataset
from clr_sweep.training.loop import TrainingLoop

BATCH = 64
TRAIN, HELD_OUT = np.arange(200, dtype="int32"), np.arange(200, 320, dtype="int32")
STEPS = 4  # 200 images: 64, 64, 64 and 8

Build = Callable[[], keras.Model]


def compiled(build: Build, rate: Any = None, loss: Any = "sparse_categorical_crossentropy") -> Any:
    """A compiled model, the same at each call."""
    keras.utils.set_random_seed(11)
    model = build()
    rate = TriangularCyclicalLearningRate(0.01, 0.3, 3) if rate is None else rate
    optimizer = keras.optimizers.SGD(rate, momentum=0.5)
    model.compile(optimizer=optimizer, loss=loss, metrics=["accuracy"], jit_compile=False)
    return model


def loop_of(model: Any, images: Dataset) -> TrainingLoop:
    """What trains a model on the images."""
    return TrainingLoop(model, images.x_train, images.y_train, BATCH)


def state(model: keras.Model) -> list[np.ndarray]:
    """All a model has learned or drawn: weights, statistics, seed generators, optimizer slots."""
    return [v.numpy() for v in (*model.variables, *model.optimizer.variables)]


def assert_same_bits(found: Sequence[np.ndarray], expected: Sequence[np.ndarray]) -> None:
    """The arrays are the same to the bit."""
    assert len(found) == len(expected)
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_array_equal(one, other, strict=True)

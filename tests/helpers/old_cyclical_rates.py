"""The cyclical rates of three libraries that do not run on Keras 3, for comparison with ours.

Written anew from the formulas in their published source, each with its own way of counting steps
and its own precision:

- TensorFlow Addons 0.23, `optimizers/cyclical_learning_rate.py` (Apache License 2.0): a schedule,
  in the type of its initial rate, float32 as a rule. Held against values of the real one.
- bckenstler/CLR, `clr_callback.py` (MIT License), and keras-contrib,
  `callbacks/cyclical_learning_rate.py` (MIT License): callbacks that set the rate between batches,
  worked out in float64. What Keras 3 no longer has (`optimizer.lr`, `K.set_value`) is written here
  as Keras 3 has it.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import ModuleType
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

Scale = Callable[[Any], Any]


class TfaSchedule(keras.optimizers.schedules.LearningRateSchedule):
    """TensorFlow Addons' formula; `scale_mode` is all that tells its subclasses apart."""

    def __init__(
        self,
        initial_learning_rate: float,
        maximal_learning_rate: float,
        step_size: float,
        scale_fn: Scale,
        scale_mode: str = "cycle",
    ) -> None:
        self._low, self._high, self._size = initial_learning_rate, maximal_learning_rate, step_size
        self._scale, self._mode = scale_fn, scale_mode

    def __call__(self, step: Any) -> Any:
        low = tf.convert_to_tensor(self._low)
        high, size, at = (tf.cast(each, low.dtype) for each in (self._high, self._size, step))
        cycle = tf.floor(1 + at / (2 * size))
        x = tf.abs(at / size - 2 * cycle + 1)
        height = tf.maximum(tf.cast(0, low.dtype), 1 - x)
        return low + (high - low) * height * self._scale(cycle if self._mode == "cycle" else at)

    def get_config(self) -> dict[str, Any]:
        return {}


class OldCallback(keras.callbacks.Callback):
    """The rate of `CyclicLR`, set at the beginning of a training and after each batch.

    Attributes:
        steps: since it was made, in all calls of `fit`.
        history: `lr`, the optimizer's rate after each batch: that of the next one.
    """

    def __init__(
        self,
        base_lr: float = 0.001,
        max_lr: float = 0.006,
        step_size: float = 2000.0,
        mode: str = "triangular",
        gamma: float = 1.0,
        scale_fn: Scale | None = None,
        scale_mode: str = "cycle",
    ) -> None:
        super().__init__()
        self._base, self._high, self._size = base_lr, max_lr, step_size
        scales: dict[str, tuple[Scale, str]] = {
            "triangular": (lambda _: 1.0, "cycle"),
            "triangular2": (lambda cycle: 1 / 2.0 ** (cycle - 1), "cycle"),
            "exp_range": (lambda step: gamma**step, "iterations"),
        }
        self._scale, self._mode = (scale_fn, scale_mode) if scale_fn else scales[mode]
        self.steps = 0.0
        self.history: dict[str, list[float]] = {"lr": []}

    def rate(self) -> float:
        """The rate at the steps taken so far, in float64."""
        cycle = np.floor(1 + self.steps / (2 * self._size))
        x = np.abs(self.steps / self._size - 2 * cycle + 1)
        scale = self._scale(cycle if self._mode == "cycle" else self.steps)
        return float(self._base + (self._high - self._base) * np.maximum(0, 1 - x) * scale)

    def on_train_begin(self, logs: Any = None) -> None:  # noqa: ARG002 - Keras gives it
        self.model.optimizer.learning_rate = self.rate() if self.steps else self._base

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:  # noqa: ARG002
        self.steps += 1
        self.model.optimizer.learning_rate = self.rate()
        self.history["lr"].append(float(self.model.optimizer.learning_rate))


class ContribCallback(OldCallback):
    """keras-contrib's, which also puts the rate at an epoch's end into Keras' history."""

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:  # noqa: ARG002
        logs["lr"] = float(self.model.optimizer.learning_rate)


def put_in_place(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the libraries' names be imported, for as long as a test runs."""

    def triangular2(*args: Any, **named: Any) -> TfaSchedule:
        return TfaSchedule(*args, scale_fn=lambda cycle: 1 / 2.0 ** (cycle - 1), **named)

    modules = {
        "tensorflow_addons": {},
        "tensorflow_addons.optimizers": {
            "CyclicalLearningRate": TfaSchedule,
            "Triangular2CyclicalLearningRate": triangular2,
        },
        "clr_callback": {"CyclicLR": OldCallback},
        "keras_contrib": {},
        "keras_contrib.callbacks": {"CyclicLR": ContribCallback},
    }
    for name, members in modules.items():
        module = ModuleType(name)
        vars(module).update(members)
        monkeypatch.setitem(sys.modules, name, module)

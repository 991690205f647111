"""A momentum that differs from step to step, inside the graph of a Keras optimizer.

Keras takes momentum (beta_1 in Adam's family) as a Python number and puts it into the graph as a
constant. While a training step is traced, the optimizer is lent a stand-in that puts a variable
there instead; before and after, the optimizer has its number, so that its `get_config`, a saved
model and its tests for 0 are what they always are.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import keras
import tensorflow as tf

from clr_sweep.definition.optimizers import momentum_argument
from clr_sweep.definition.trial_config import TrialConfig
from clr_sweep.training.loss_scaling import inner


class MomentumCycle:
    """Gives an optimizer the momentum of each step.

    Args:
        optimizer: with a momentum above 0, so that it keeps the slots for it.
        argument: the optimizer's attribute: `momentum` or `beta_1`.
        momentum: of a step, a float64 tensor of shape (): a float64 tensor of that shape.
    """

    def __init__(
        self, optimizer: keras.optimizers.Optimizer, argument: str, momentum: Callable[[Any], Any]
    ) -> None:
        self._optimizer = optimizer
        self._argument = argument
        self._momentum = momentum
        start = float(getattr(optimizer, argument))
        # A variable: a train_step of the user's may be traced once and called from elsewhere.
        self.variable = tf.Variable(start, trainable=False, name="cycled_momentum")

    @contextlib.contextmanager
    def step(self) -> Iterator[tf.Tensor]:
        """While a step is traced: sets the momentum of the step that the optimizer is at.

        Yields:
            The momentum that the step uses, float32 of shape ().
        """
        at = tf.cast(tf.convert_to_tensor(self._optimizer.iterations), tf.float64)
        value = tf.cast(self._momentum(at), tf.float32)
        self.variable.assign(value)
        number = getattr(self._optimizer, self._argument)
        setattr(self._optimizer, self._argument, _StandIn(self.variable))
        try:
            yield value
        finally:
            setattr(self._optimizer, self._argument, number)


class _StandIn:
    """A momentum whose number is known only when the graph runs; Keras' updates compute with it.

    They ask whether it is 0 (it is not: there are slots for it), subtract it from 1, and turn it
    into a tensor.
    """

    dtype = "float32"

    def __init__(self, variable: tf.Variable) -> None:
        self._variable = variable

    def __tf_tensor__(self, dtype: Any = None, name: str | None = None) -> tf.Tensor:
        value = self._variable.read_value()
        return value if dtype is None else tf.cast(value, dtype, name=name)

    def __rsub__(self, number: float) -> tf.Tensor:
        return number - self.__tf_tensor__()

    def __ne__(self, number: object) -> bool:
        return True

    def __gt__(self, number: float) -> bool:
        return True

    __hash__ = None  # type: ignore[assignment]


def momentum_cycle(
    config: TrialConfig, optimizer: keras.optimizers.Optimizer
) -> MomentumCycle | None:
    """The cycle of a trial's momentum, or None where its momentum stays what it is."""
    bounds = config.cycled_momentum
    argument = momentum_argument(config.training.optimizer.name)
    if bounds is None or argument is None:
        return None
    # Under the policy mixed_float16, which a module of the user's may set, Keras wraps it.
    return MomentumCycle(
        inner(optimizer), argument, lambda step: config.schedule.momentum(step, bounds)
    )

"""A model of the user's own on which something is tried: to the bit as it was, whatever happens.

On whatever backend Keras has. What a model keeps in something else than Keras' variables (a Python
attribute, a raw `tf.Variable`) cannot be seen here.
"""

from __future__ import annotations

import contextlib
import random
from collections.abc import Callable, Iterator
from typing import Any

import keras
import numpy as np
from keras.src.backend.common import global_state  # the one way to the generator of `seed=None`
from keras.src.random.seed_generator import GLOBAL_SEED_GENERATOR

from clr_sweep.lr_range_test.settings import RangeTestConfig
from clr_sweep.schedules.keras import RampLearningRate
from clr_sweep.schedules.ramp import ramp
from clr_sweep.training.loss_scaling import inner

PutBack = Callable[[], None]


@contextlib.contextmanager
def as_it_was(model: keras.Model, make: Callable[[], object]) -> Iterator[PutBack]:
    """Whatever the block does to a model, in the end all is as before, after any exception too.

    All is: weights and statistics, generators of random numbers, metrics, the optimizer's slots,
    step counter and rate, the functions that Keras has compiled, and Python's and NumPy's
    generators.

    Args:
        model: compiled.
        make: lets the model make what it makes on first use, without a step of training. That
            stays, as it has just been made.

    Yields:
        What puts all back within the block.
    """
    functions = model.train_function, model.test_function, model.steps_per_execution
    # Compiled for several steps a call, with the schedule that the optimizer has.
    model.train_function = model.test_function = None
    model.steps_per_execution = 1
    state = _State(model)
    try:
        make()
        if not model.optimizer.built:
            model.optimizer.build(model.trainable_variables)
        model.reset_metrics()
        state = _State(model, before=state)
        yield state.put_back
    finally:
        try:
            state.put_back()
        except KeyboardInterrupt:
            state.put_back()  # nor does a second Ctrl-C leave half of it
            raise
        finally:
            model.train_function, model.test_function, model.steps_per_execution = functions


class _State:
    """Variables with their values; those of `before` with the values that they had there."""

    def __init__(self, model: keras.Model, before: _State | None = None) -> None:
        self._values: dict[int, tuple[Any, Any]] = {} if before is None else {**before._values}
        for variable in _variables(model):
            if id(variable) not in self._values:
                self._values[id(variable)] = variable, keras.ops.convert_to_numpy(variable).copy()
        self._generators = random.getstate(), np.random.get_state()

    def put_back(self) -> None:
        for variable, value in self._values.values():
            variable.assign(value)
        python, numpy = self._generators
        random.setstate(python)
        np.random.set_state(numpy)


def _variables(model: keras.Model) -> Iterator[Any]:
    yield from model.variables
    yield from model.metrics_variables
    yield from model.optimizer.variables
    shared = global_state.get_global_attribute(GLOBAL_SEED_GENERATOR)
    if shared is not None:
        yield shared.state


@contextlib.contextmanager
def rising_rate(
    optimizer: keras.optimizers.Optimizer, test: RangeTestConfig, steps: int
) -> Iterator[Callable[[int], float]]:
    """Let the rate of an optimizer rise; in the end it has its own schedule, if it had one.

    A rate that is a variable of the optimizer's is left as it is at the end.

    Args:
        steps: of the whole ramp.

    Yields:
        What settles the rate of the next step of training, given its number on the ramp, and
        returns it.
    """
    optimizer = inner(optimizer)
    low, high = float(test.low), float(test.high)
    if isinstance(variable := optimizer.learning_rate, keras.Variable):

        def assigned(step: int) -> float:
            variable.assign(ramp(step, low=low, high=high, steps=steps, kind=test.ramp))
            return _number(variable)

        yield assigned
        return
    # Keras gives back what a schedule says, and takes another schedule; not the schedule itself.
    own = optimizer._learning_rate
    first = int(_number(optimizer._iterations))
    optimizer.learning_rate = _RampFrom(first, low, high, steps, test.ramp)
    try:
        yield lambda _: _number(optimizer.learning_rate)
    finally:
        optimizer.learning_rate = own


class _RampFrom(RampLearningRate):
    """A ramp that begins where the optimizer's count of steps is."""

    def __init__(self, first: int, low: float, high: float, steps: int, kind: str) -> None:
        super().__init__(low, high, steps, kind)
        self._first = first

    def _rate(self, step: Any) -> Any:
        return super()._rate(step - self._first)


def _number(value: Any) -> float:
    return float(keras.ops.convert_to_numpy(value))

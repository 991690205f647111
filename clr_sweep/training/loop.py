"""The steps of a training, whole stretches of them in one call into TensorFlow's graph.

The model's own `train_step` and `test_step` do the work, so a model that overrides them trains
as it would under `fit`. What `fit` adds and a trial does not need is left out (its input
pipeline, its callbacks between steps); what it cannot give is here: the rate and the loss of
every single step, an order of the data that follows from (seed, epoch) alone, and an epoch that
ends where a cycle ends. Tests hold the result against `fit`, to the bit (with batch
normalisation, TensorFlow's optimizer of graphs may round the last bit otherwise in a loop).
"""

from __future__ import annotations

import contextlib
import functools
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from clr_sweep.training.data.memory import Stacked
from clr_sweep.training.data.named import Array, Part, flat, nested
from clr_sweep.training.feed import ROWS, Feed, feed
from clr_sweep.training.model_ends import input_dtypes
from clr_sweep.training.momentum_cycle import MomentumCycle
from clr_sweep.training.step_metrics import reported, scalars

EVALUATION_BATCH = 1000
# Of a batch: 64 MiB as float32, before the model's own.
_EVALUATION_VALUES = 2**24


class TrainingLoop:
    """Trains and evaluates a compiled model on arrays, recording every step.

    Args:
        model: a built, compiled Keras model.
        x: examples to train on and for validation, first axis first: one array, or several by
            name, which the model gets as a dict.
        y: their labels, likewise.
        batch_size: examples a step; the last step of an epoch takes what is left.
        momentum: what gives the optimizer another momentum at every step, if anything.
        check: called with the labels and the outputs of a small batch before Keras computes the
            compiled loss from them; not where the model computes its loss in another way, or
            from other labels.
        weights: what each example counts in the loss of a training step, float32 of shape
            (examples,); handed to `train_step` beside examples and labels, as `fit` does it.
        streamed: x and y are read from their files stretch by stretch, see `feed.Streamed`, with
            the same numbers to the bit as from memory.

    Attributes:
        metrics: the names of what the model measures.
    """

    def __init__(
        self,
        model: keras.Model,
        x: Array | Stacked | Mapping[str, Array | Stacked],
        y: Array | Stacked | Mapping[str, Array | Stacked],
        batch_size: int,
        momentum: MomentumCycle | None = None,
        check: Callable[[Any, Any], None] | None = None,
        weights: Array | None = None,
        streamed: bool = False,
    ) -> None:
        self.model = model
        arrays: dict[str, Array | Stacked] = flat({"x": x, "y": y})
        self._keys = tuple(arrays)
        self._feed = feed(tuple(arrays.values()), streamed)
        self._weights = weights
        self._batch_size = batch_size
        declared = input_dtypes(model)
        self._dtypes = {key: declared.get(key, "float32") for key in flat({"x": x})}
        examples = self._feed.specs[: len(self._dtypes)]
        self._evaluation_batch = _evaluation_batch(spec.shape[1:] for spec in examples)
        self._recorded_loss = tf.Variable(0.0, trainable=False)
        self._rates, self._losses, self._momenta = (
            tf.Variable(tf.zeros([0]), shape=[None], trainable=False) for _ in range(3)
        )
        self._momentum = momentum
        self._build(check)
        self._run = tf.function(self._steps, autograph=False, jit_compile=False)
        self._evaluate = tf.function(self._evaluation, autograph=False, jit_compile=False)

    def train(self, order: Array, first: int, last: int) -> tuple[Array, Array]:
        """Take the steps `first` to `last` (not included) of an epoch.

        What comes after a loss that is not finite means nothing and is left out.

        Args:
            order: rows of the data in this epoch's order, shape (examples,), int32.

        Returns:
            The rate that each step used and the loss of its batch before the update, each
            float32 of shape (steps,).
        """
        self._rates.assign(tf.zeros([last - first]))
        self._losses.assign(tf.zeros([last - first]))
        self._momenta.assign(tf.zeros([last - first if self._momentum else 0]))
        size, run, done = self._batch_size, self._training_graph(), 0
        taken = order[first * size : last * size]
        for arrays, rows in self._feed.stretches(taken, size):
            stretch = taken[done : done + len(rows)]
            weights = () if self._weights is None else self._weights[stretch]
            run(arrays, rows, tf.constant(weights, tf.float32), tf.constant(done // size))
            done += len(rows)
        losses = self._losses.numpy()
        bad = np.flatnonzero(~np.isfinite(losses))
        count = int(bad[0]) + 1 if bad.size else len(losses)
        return self._rates.numpy()[:count], losses[:count]

    @property
    def momenta(self) -> Array:
        """The momentum of each step of the last call of `train`, float32 of shape (steps,).

        Of shape (0,) where the momentum is not cycled.
        """
        momenta: Array = self._momenta.numpy()
        return momenta

    def graphs(self) -> tuple[Any, Any]:
        """The graphs that `train` and `evaluate` run, traced here if they have not run yet.

        Returns:
            TensorFlow's concrete functions.
        """
        return self._training_graph(), self._evaluation_graph(self._feed)

    # For examples and rows of any number: one graph serves every stretch.
    def _training_graph(self) -> Any:
        weights, at = tf.TensorSpec([None], tf.float32), tf.TensorSpec([], tf.int32)
        return self._run.get_concrete_function(self._feed.specs, ROWS, weights, at)

    def _evaluation_graph(self, feed: Feed) -> Any:
        return self._evaluate.get_concrete_function(feed.specs, ROWS)

    @property
    def recordings(self) -> tuple[tf.Variable, ...]:
        """The loop's own variables, which are written anew at every call."""
        return self._recorded_loss, self._rates, self._losses, self._momenta

    def evaluate(self, rows: Array) -> dict[str, float]:
        """Loss and metrics over these rows of the data."""
        return self._evaluated(self._feed, rows)

    def evaluate_on(self, x: Part, y: Part) -> dict[str, float]:
        """Loss and metrics over other data of the same kind."""
        other = type(self._feed)(tuple(flat({"x": x, "y": y}).values()))
        return self._evaluated(other, np.arange(len(other), dtype=np.int32))

    def _evaluated(self, feed: Feed, rows: Array) -> dict[str, float]:
        self.model.reset_metrics()
        evaluate = self._evaluation_graph(feed)
        for arrays, some in feed.stretches(rows, self._evaluation_batch):
            evaluate(arrays, some)
        return self._taken(self.metrics)

    def take_metrics(self) -> dict[str, float]:
        """The metrics of training gathered since the last call; the counters start again.

        Raises:
            InputError: one of them is more than a number.
        """
        return self._taken(self._trained)

    def finish(self) -> None:
        """Leave the model's weights as `fit` does at its end: see `final_weights`."""
        optimizer = self.model.optimizer
        optimizer.finalize_variable_values(self.model.trainable_variables)

    def final_weights(self) -> list[Array]:
        """The model's weights if the training ended here; it goes on from where it is.

        An optimizer that averages the weights (`use_ema`) puts their averages in their place then.
        """
        variables = self.model.trainable_variables
        before = [variable.numpy() for variable in variables]
        self.finish()
        final: list[Array] = self.model.get_weights()
        for variable, value in zip(variables, before, strict=True):
            variable.assign(value)
        return final

    def _taken(self, names: Sequence[str]) -> dict[str, float]:
        result = self.model.get_metrics_result()
        self.model.reset_metrics()
        return scalars({name: value for name, value in result.items() if name in names})

    def _build(self, check: Callable[[Any, Any], None] | None) -> None:
        # Everything that is made on first use is made here, outside the graph. Evaluation draws
        # no random numbers, so the seed generators stay as they were.
        batch = self._batch(*next(self._feed.stretches(np.arange(min(2, len(self._feed))), 2)))

        def checked(
            original: Any,
            x: Any = None,
            y: Any = None,
            y_pred: Any = None,
            *rest: Any,
            **named: Any,
        ) -> Any:
            if check is not None and y is batch[1]:
                check(y, y_pred)
            return original(x, y, y_pred, *rest, **named)

        own_loss = type(self.model).compute_loss is not keras.Model.compute_loss
        with contextlib.nullcontext() if own_loss else _losses_through(self.model, checked):
            logs = self.model.test_step(batch)
        self.metrics = tuple(self._taken(reported(self.model, "test_step", logs)))
        self._trained = self.metrics  # until a training step is traced
        self.model.optimizer.build(self.model.trainable_variables)

    def _batch(self, arrays: tuple[tf.Tensor, ...], rows: tf.Tensor) -> tuple[Any, Any]:
        taken = zip(self._keys, (tf.gather(array, rows) for array in arrays), strict=True)
        types = self._dtypes
        x, y = nested({k: tf.cast(a, types[k]) if k in types else a for k, a in taken}).values()
        return x, y

    def _steps(
        self,
        arrays: tuple[tf.Tensor, ...],
        taken: tf.Tensor,
        weights: tf.Tensor,
        first: tf.Tensor,
    ) -> None:
        model, size = self.model, self._batch_size
        steps = (tf.size(taken) + size - 1) // size

        def step(index: tf.Tensor) -> tuple[tf.Tensor]:
            rows = taken[index * size : (index + 1) * size]
            # The rate of THIS step: after the update the optimizer shows the next one's.
            rate = tf.cast(tf.convert_to_tensor(model.optimizer.learning_rate), tf.float32)
            at = tf.reshape(first + index, [1, 1])
            batch: tuple[Any, ...] = self._batch(arrays, rows)
            if self._weights is not None:
                batch = (*batch, weights[index * size : (index + 1) * size])
            if self._momentum is None:
                loss = self._train_step(batch)
            else:
                with self._momentum.step() as momentum:
                    loss = self._train_step(batch)
                self._momenta.scatter_nd_update(at, tf.reshape(momentum, [1]))
            self._rates.scatter_nd_update(at, tf.reshape(rate, [1]))
            self._losses.scatter_nd_update(at, tf.reshape(loss, [1]))
            return (index + 1,)

        zero = tf.constant(0)
        tf.while_loop(lambda index: index < steps, step, [zero], parallel_iterations=1)

    def _train_step(self, batch: tuple[Any, ...]) -> tf.Tensor:
        # Keras' own "loss" is a running mean over the epoch; the batch's loss is seen only by
        # compute_loss, so this listens there while the step is traced.
        heard = False

        def listening(original: Any, *args: Any, **kwargs: Any) -> Any:
            nonlocal heard
            loss = original(*args, **kwargs)
            self._recorded_loss.assign(tf.cast(loss, tf.float32))
            heard = True
            return loss

        with _losses_through(self.model, listening):
            logs = self.model.train_step(batch)
        self._trained = reported(self.model, "train_step", logs)
        if heard:
            return self._recorded_loss.read_value()
        # A train_step of the user's own that never calls compute_loss: what it reports.
        return tf.cast(logs["loss"], tf.float32)

    def _evaluation(self, arrays: tuple[tf.Tensor, ...], rows: tf.Tensor) -> None:
        size = self._evaluation_batch

        def step(start: tf.Tensor) -> tuple[tf.Tensor]:
            self.model.test_step(self._batch(arrays, rows[start : start + size]))
            return (start + size,)

        zero = tf.constant(0)
        tf.while_loop(lambda start: start < tf.size(rows), step, [zero], parallel_iterations=1)


@contextlib.contextmanager
def _losses_through(model: keras.Model, function: Callable[..., Any]) -> Iterator[None]:
    """Let the model's `compute_loss` go through a function, which is given the original first."""
    original = model.compute_loss
    model.compute_loss = functools.partial(function, original)
    try:
        yield
    finally:
        del model.compute_loss


def _evaluation_batch(example: Iterable[Sequence[int]]) -> int:
    """So many examples of these shapes are evaluated at once, large ones fewer."""
    values = sum(math.prod(shape) for shape in example)
    return max(1, min(EVALUATION_BATCH, _EVALUATION_VALUES // values))

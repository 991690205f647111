"""Measures one variant in this process and prints what it took: run by `benchmarks.steps`.

Every variant trains the tutorial's CNN on the same images from the same weights, so that the
weights that it ends with tell whether its numbers are those of the project's loop. `fit` orders
the images itself.
"""

from __future__ import annotations

import hashlib
import json
import math
import sys
import time
from collections.abc import Callable, Mapping
from typing import Any

from clr_sweep.training.quiet import quiet_standard_error

with quiet_standard_error():
    import keras
    import tensorflow as tf
import numpy as np

from clr_sweep.schedules.keras import TriangularCyclicalLearningRate
from clr_sweep.training import loop as loop_module
from clr_sweep.training.compiling import built_under
from clr_sweep.training.data.datasets import load_dataset
from clr_sweep.training.data.materialized import Dataset
from clr_sweep.training.data.splits import epoch_order
from clr_sweep.training.loop import TrainingLoop
from clr_sweep.training.models import tutorial_cnn
from clr_sweep.training.requests import CHUNK

BATCH, WARM_UP = 64, 50
TRAINED, HELD_OUT = np.arange(54_000), np.arange(54_000, 60_000, dtype=np.int32)
Settings = Mapping[str, Any]


class Timer:
    """CPU and wall seconds since it was made."""

    def __init__(self) -> None:
        self.cpu, self.wall = time.process_time(), time.perf_counter()

    def seconds(self) -> tuple[float, float]:
        return time.process_time() - self.cpu, time.perf_counter() - self.wall


class Static(TrainingLoop):
    """Every batch is said to be whole."""

    def _batch(self, arrays: Any, rows: Any) -> Any:
        known = rows.shape[0] is not None
        return super()._batch(arrays, rows if known else tf.ensure_shape(rows, [BATCH]))


class Sliced(TrainingLoop):
    """The images lie in the epoch's order already."""

    def _batch(self, arrays: Any, rows: Any) -> Any:
        (x, y), first, count = arrays, rows[0], tf.size(rows)
        part = tf.cast(x[first : first + count], self._dtypes["x"])
        return part, y[first : first + count]


class Piped(TrainingLoop):
    """Batches come from an input pipeline."""

    def train(self, order: Any, first: int, last: int) -> Any:
        if first == 0:
            self._batches = iter(
                tf.data.Dataset.from_tensor_slices(order)
                .batch(BATCH)
                .map(lambda rows: TrainingLoop._batch(self, self._feed.tensors, rows))
                .prefetch(2)
            )
        return super().train(order, first, last)

    def _steps(self, *arguments: Any) -> None:
        self._in_training = True
        super()._steps(*arguments)
        self._in_training = False

    def _batch(self, arrays: Any, rows: Any) -> Any:
        if getattr(self, "_in_training", False):
            return self._batches.get_next()
        return super()._batch(arrays, rows)


class Compiled(TrainingLoop):
    """Each step is compiled by XLA."""

    def __init__(self, model: Any, *arguments: Any) -> None:
        model.train_step = tf.function(model.train_step, jit_compile=True, autograph=False)
        super().__init__(model, *arguments)


class Nothing:
    """Stands for a variable that the loop records something in."""

    def assign(self, _value: Any) -> None:
        pass

    def scatter_nd_update(self, _at: Any, _value: Any) -> None:
        pass

    def read_value(self) -> Any:
        return tf.constant(0.0)

    def numpy(self) -> Any:
        return np.zeros(0, np.float32)


LOOPS = {"static": Static, "sliced": Sliced, "tf.data": Piped, "xla": Compiled}


def made(settings: Settings, **compiling: Any) -> Any:
    """The compiled model, from the same weights at each call."""
    keras.utils.set_random_seed(1)
    with built_under(settings.get("precision", "float32")):
        model = tutorial_cnn((28, 28))
        if settings.get("relu_last"):
            model = keras.Sequential([keras.Input((28, 28)), *_relu_last(model.layers)])
    rate = TriangularCyclicalLearningRate(0.01, 0.3, 1000)
    arguments = {"jit_compile": False} | compiling
    model.compile(
        optimizer=keras.optimizers.SGD(rate),
        loss="sparse_categorical_crossentropy",
        metrics=["accuracy"],
        **arguments,
    )
    return model


def _relu_last(layers: Any) -> Any:
    for layer in layers:
        if isinstance(layer, keras.layers.Conv2D):
            layer.activation = keras.activations.linear
        yield layer
        if isinstance(layer, keras.layers.MaxPooling2D):
            yield keras.layers.ReLU()


def loop(settings: Settings, data: Dataset, steps: int) -> tuple[tuple[float, float], Any]:
    """Seconds of `steps` steps of a `TrainingLoop`, and the model."""
    model, order = made(settings), epoch_order(TRAINED, 1, 1)
    x, y = data.x_train, data.y_train
    if settings.get("images") == "float32":
        x = x.astype("float32")
    how = settings.get("batches")
    sorting = 0.0
    if how == "sliced":
        timer = Timer()
        x, y, order = x[order], y[order], np.arange(len(order), dtype=np.int32)
        sorting = timer.seconds()[0] * steps / math.ceil(len(order) / BATCH)
    training = LOOPS.get(how or "", TrainingLoop)(model, x, y, BATCH)
    for name in settings.get("leave_out", ()):
        setattr(training, f"_{name}", Nothing())
    training.train(order, 0, WARM_UP)
    timer, chunk = Timer(), settings.get("chunk", CHUNK)
    for first in range(WARM_UP, WARM_UP + steps, chunk):
        training.train(order, first, min(first + chunk, WARM_UP + steps))
    cpu, wall = timer.seconds()
    return (cpu + sorting, wall + sorting), model


def fit(settings: Settings, data: Dataset, steps: int) -> tuple[tuple[float, float], Any]:
    """The same by `fit`, on arrays of float32."""
    model = made(
        settings,
        steps_per_execution=settings.get("per_execution", 1),
        jit_compile=settings.get("jit_compile", False),
    )
    found: list[tuple[float, float]] = []

    class Timed(keras.callbacks.Callback):
        def on_epoch_begin(self, *_: Any) -> None:
            self.timer = Timer()

        def on_epoch_end(self, *_: Any) -> None:
            found.append(self.timer.seconds())

    x, y = data.x_train[:54_000].astype("float32"), data.y_train[:54_000]
    arguments = {"batch_size": BATCH, "verbose": 0, "callbacks": [Timed()]}
    model.fit(x, y, epochs=2, steps_per_epoch=steps, **arguments)
    return found[1], model


def validation(settings: Settings, data: Dataset, _: int) -> tuple[tuple[float, float], Any]:
    """Seconds of the evaluation of the 6,000 images that are held out."""
    loop_module.EVALUATION_BATCH = settings["batch"]
    model = made(settings)
    evaluating = TrainingLoop(model, data.x_train, data.y_train, BATCH)
    evaluating.evaluate(HELD_OUT)
    timer, times = Timer(), 5
    for _ in range(times):
        evaluating.evaluate(HELD_OUT)
    cpu, wall = timer.seconds()
    return (cpu / times, wall / times), model


def bare(settings: Settings, data: Dataset, steps: int) -> tuple[tuple[float, float], Any]:
    """Forward, backward and plain SGD over one batch again and again: no data, nothing recorded."""
    model = made(settings)
    x = tf.constant(data.x_train[:BATCH].astype("float32"))
    y = tf.one_hot(data.y_train[:BATCH], 10)
    weights = [weight.value for weight in model.trainable_variables]

    def step(index: Any) -> Any:
        with tf.GradientTape() as tape:
            predicted = model(x, training=True)
            loss = -tf.reduce_mean(tf.reduce_sum(y * tf.math.log(predicted + 1e-7), axis=1))
        for weight, gradient in zip(weights, tape.gradient(loss, weights), strict=True):
            weight.assign_sub(0.01 * gradient)
        return (index + 1,)

    def taken(count: Any) -> None:
        tf.while_loop(lambda index: index < count, step, [tf.constant(0)], parallel_iterations=1)

    run: Callable[[Any], None] = tf.function(taken, autograph=False)
    run(tf.constant(WARM_UP))
    timer = Timer()
    run(tf.constant(steps))
    return timer.seconds(), model


def main(kind: str, settings: Settings, steps: int) -> None:
    tf.config.threading.set_intra_op_parallelism_threads(settings.get("intra", 1))
    tf.config.threading.set_inter_op_parallelism_threads(settings.get("inter", 1))
    tf.config.optimizer.set_experimental_options(dict(settings.get("graph_options", {})))
    if settings.get("deterministic", True):
        tf.config.experimental.enable_op_determinism()
    measure = {"loop": loop, "fit": fit, "validation": validation, "bare": bare}[kind]
    (cpu, wall), model = measure(settings, load_dataset("fashion_mnist"), steps)
    digest = hashlib.sha256(b"".join(array.tobytes() for array in model.get_weights()))
    print(json.dumps({"cpu": cpu, "wall": wall, "weights": digest.hexdigest()[:16]}))


if __name__ == "__main__":
    main(sys.argv[1], json.loads(sys.argv[2]), int(sys.argv[3]))

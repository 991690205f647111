"""What a training keeps: every variable that it changes, and what cannot be saved."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import pytest
import stateful_models
import tensorflow as tf
import user_models
from small_trials import BATCH, VALIDATION, small_config

from clr_sweep.training.compiling import compiled_model
from clr_sweep.training.data.materialized import Dataset
from clr_sweep.training.data.splits import epoch_order, hold_out
from clr_sweep.training.loop import TrainingLoop
from clr_sweep.training.state import TrainingState, training_state

pytestmark = pytest.mark.usefixtures("deterministic_ops")


def traced(images: Dataset, model: str) -> tuple[TrainingLoop, TrainingState, Callable[[], Any]]:
    """A loop, its state, and what trains and evaluates it for an epoch."""
    keras.backend.clear_session(free_memory=False)
    keras.utils.set_random_seed(7)
    config = small_config(model=model, optimizer="adam")
    loop = TrainingLoop(compiled_model(config, images, ()), images.x_train, images.y_train, BATCH)
    rows, held_out = hold_out(len(images.x_train), VALIDATION, 3)
    order = epoch_order(rows, 7, 1)

    def epoch() -> None:
        loop.train(order, 0, 8)
        loop.evaluate(held_out)

    return loop, training_state(loop), epoch


def state_of(cls: type[keras.Model], images: Dataset, plain: Any = None) -> TrainingState:
    """What a model with such steps keeps."""
    keras.utils.set_random_seed(7)
    plain = plain or user_models.perceptron()
    model = cls(plain.inputs, plain.outputs)
    model.compile("sgd", "sparse_categorical_crossentropy", jit_compile=False)
    loop = TrainingLoop(model, images.x_train, images.y_train, BATCH)
    return training_state(loop)


def values(state: TrainingState) -> list[np.ndarray]:
    """Of all variables."""
    return [variable.numpy() for _, variable in state.variables]


@pytest.mark.parametrize(
    ("model", "names"),
    [
        ("user_models:regularised", {"batch_normalization/moving_mean", "adam/iteration"}),
        ("user_models:built_late", {"seed_generator/seed_generator_state"}),
        ("stateful_models:noisy", {"seed_generator/seed_generator_state:0"}),
        ("stateful_models:counting", {"Variable:0"}),
        ("stateful_models:counting_tests", {"Variable:0"}),
        (
            "tutorial_cnn",
            {"dense/kernel", "cnn_dense_kernel_velocity", "loss/total:0"},
        ),
    ],
)
def test_every_variable_is_there(images: Dataset, model: str, names: set[str]) -> None:
    """Those of the model, of the optimizer and of the graphs, once each; all change in training."""
    loop, state, epoch = traced(images, model)
    assert state.unsaveable == ()
    paths = [path for path, _ in state.variables]
    for name in names:
        assert [p for p in paths if p.endswith(name)], (name, paths)
    handles = [id(variable.handle) for _, variable in state.variables]
    assert len(set(handles)) == len(handles)
    for known in (*loop.model.variables, *loop.model.optimizer.variables):
        assert id(known.value.handle) in handles
    assert not {id(own.handle) for own in loop.recordings} & set(handles)

    before = values(state)
    epoch()
    changed = {
        path
        for path, one, other in zip(paths, before, values(state), strict=True)
        if not np.array_equal(one, other)
    }
    for name in names - {"loss/total:0"}:  # which is taken and starts again at zero
        assert [p for p in changed if p.endswith(name)], (name, changed)


def test_the_order_is_the_same_again(images: Dataset) -> None:
    """What one process saves, another one puts where it belongs."""
    paths = [
        [path for path, _ in traced(images, "stateful_models:counting")[1].variables]
        for _ in range(3)
    ]
    assert paths[0] == paths[1] == paths[2]


@pytest.mark.parametrize(
    ("operation", "draw"),
    [
        ("RandomUniform", lambda: tf.random.uniform([2])),
        ("RandomStandardNormal", lambda: tf.random.normal([2])),
        ("TruncatedNormal", lambda: tf.random.truncated_normal([2])),
        ("RandomUniformInt", lambda: tf.random.uniform([2], maxval=9, dtype=tf.int32)),
        ("RandomGamma", lambda: tf.random.gamma([2], 1.0)),
        ("RandomPoissonV2", lambda: tf.random.poisson([2], 1.0)),
        ("Multinomial", lambda: tf.random.categorical([[0.5, 0.5]], 2)),
        ("RandomShuffle", lambda: tf.random.shuffle([1, 2, 3])),
        ("EagerPyFunc", lambda: tf.py_function(lambda: 1.0, [], tf.float32)),
        ("PyFunc", lambda: tf.numpy_function(lambda: np.float32(1), [], tf.float32)),
    ],
)
def test_operations_that_keep_their_state(images: Dataset, operation: str, draw: Any) -> None:
    """They are found wherever they stand: in a branch, in the loop's body."""

    class Drawing(keras.Model):
        def train_step(self, data: Any) -> Any:
            x, y = data
            drawn = tf.cond(
                tf.reduce_sum(x) > 0,
                lambda: tf.reduce_sum(tf.cast(draw(), tf.float32)),
                lambda: 0.0,
            )
            return super().train_step((x + drawn, y))

    assert state_of(Drawing, images).unsaveable == (operation,)


def test_stateless_draws_keep_nothing(images: Dataset) -> None:
    """Keras' own layers and a generator of TensorFlow's, which is a variable, can be saved."""

    class Drawing(keras.Model):
        def train_step(self, data: Any) -> Any:
            x, y = data
            x = x + tf.random.stateless_normal([], [1, 2]) + generator.normal([])
            return super().train_step((x, y))

    generator = tf.random.Generator.from_seed(3)
    state = state_of(Drawing, images, user_models.regularised())
    assert state.unsaveable == ()
    assert id(generator.state.handle) in {id(variable.handle) for _, variable in state.variables}


@pytest.mark.parametrize(("dropout", "found"), [(0.0, ()), (0.5, ("CudnnRNNV3",))])
def test_a_cudnn_layer_draws_for_its_dropout_alone(
    images: Dataset, dropout: float, found: tuple[str, ...]
) -> None:
    """An LSTM on a GPU keeps its checkpoints."""

    class Recurrent(keras.Model):
        def train_step(self, data: Any) -> Any:
            x, y = data
            zero = tf.zeros([1, 1, 1])
            lengths = tf.constant([1])

            def run() -> tf.Tensor:
                return tf.reduce_sum(
                    tf.raw_ops.CudnnRNNV3(
                        input=zero, input_h=zero, input_c=zero, params=tf.zeros([16]),
                        sequence_lengths=lengths, dropout=dropout,
                    ).output
                )  # fmt: skip

            return super().train_step((x + tf.cond(tf.reduce_sum(x) < 0, run, lambda: 0.0), y))

    assert state_of(Recurrent, images).unsaveable == found


def test_what_is_no_variable_cannot_be_saved(images: Dataset) -> None:
    """A table and a text are named."""

    class Counting(keras.Model):
        def train_step(self, data: Any) -> Any:
            x, y = data
            text.assign(tf.strings.join([text, "a"]))
            seen.insert(tf.constant(1, tf.int64), tf.reduce_sum(x))
            return super().train_step((x, y))

    text = tf.Variable("", trainable=False, name="text")
    seen = tf.lookup.experimental.MutableHashTable(tf.int64, tf.float32, 0.0)
    assert state_of(Counting, images).unsaveable == (
        "a resource that is no variable",
        "the variable text:0 of strings",
    )


def test_weights_of_half_precision(images: Dataset) -> None:
    """They are variables like the others, of a type that NumPy has no name for."""
    assert stateful_models.half_precision().weights[0].dtype == "bfloat16"
    _, state, _ = traced(images, "stateful_models:half_precision")
    assert state.unsaveable == ()
    assert "bfloat16" in {variable.dtype.name for _, variable in state.variables}

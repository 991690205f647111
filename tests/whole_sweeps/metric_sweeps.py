"""Sweeps of what is no classification of images: a user's own module and sweep files."""

from __future__ import annotations

from pathlib import Path

MODULE = '''
import keras
import numpy as np


def _points():
    rng = np.random.default_rng(0)
    x = rng.uniform(-1, 1, (600, 2)).astype("float32")
    return x, rng


def amounts():
    """Thousandths of a parabola: losses near 1e-7."""
    x, rng = _points()
    y = (1e-3 * (x[:, 0] ** 2 + x[:, 1] + rng.normal(0, 0.05, 600))).astype("float32")
    return (x[:481], y[:481]), (x[481:], y[481:])


def sides():
    """Which side of a line, with some noise."""
    x, rng = _points()
    y = (x[:, 0] + x[:, 1] + rng.normal(0, 0.2, 600) > 0).astype("uint8")
    return (x[:481], y[:481]), (x[481:], y[481:])


def line(input_shape):
    return keras.Sequential([keras.Input(input_shape), keras.layers.Dense(1)])


def logistic(input_shape):
    layers = [keras.Input(input_shape), keras.layers.Dense(1, activation="sigmoid")]
    return keras.Sequential(layers)


def two_outputs(input_shape):
    inputs = keras.Input(input_shape)
    return keras.Model(inputs, [keras.layers.Dense(1)(inputs), keras.layers.Dense(1)(inputs)])


def largest_gap(y_true, y_pred):
    """Of each example: its mean over the batches is taken."""
    return keras.ops.abs(keras.ops.reshape(y_true, (-1,)) - keras.ops.reshape(y_pred, (-1,)))


def pinball(y_true, y_pred, quantile=0.5):
    error = keras.ops.subtract(y_true, y_pred)
    return keras.ops.mean(keras.ops.maximum(quantile * error, (quantile - 1) * error), axis=-1)


def unhurried(learning_rate, momentum):
    return keras.optimizers.SGD(learning_rate, momentum=momentum)


class PerClass(keras.metrics.Metric):
    def update_state(self, y_true, y_pred, sample_weight=None):
        pass

    def result(self):
        return keras.ops.zeros((3,))
'''

SPACE = """
search_space:
  init_lr: 0.01
  max_lr: {low: 0.05, high: 0.5, log: true}
  step_size_factor: 1
  policy: triangular
study: {trials: 2, seed: 3, jobs: 1}
"""


def regression(folder: Path) -> Path:
    """By its loss, with Keras' mean absolute error and a metric of the user's own beside it."""
    return _written(
        folder, "regression", "amounts", "line",
        "{epochs: 2, loss: mean_squared_error, metrics: "
        "[mean_absolute_error, 'own_metrics_of_a_user:largest_gap']}",
        "{metric: val_loss}",
    )  # fmt: skip


def by_own_metric(folder: Path) -> Path:
    """The metric of the user's own is the objective; loss and optimizer are their own too."""
    own = "own_metrics_of_a_user"
    return _written(
        folder, "gap", "amounts", "line",
        f"{{epochs: 2, metrics: ['{own}:largest_gap'], "
        f"loss: {{name: '{own}:pinball', arguments: {{quantile: 0.6}}}}, "
        f"optimizer: {{name: '{own}:unhurried', arguments: {{momentum: 0.5}}}}}}",
        "{metric: val_largest_gap, direction: minimize}",
    )  # fmt: skip


def binary(folder: Path) -> Path:
    """Sigmoid; the objective is a binary accuracy, with AUC beside it; the classes are weighted."""
    return _written(
        folder, "binary", "sides", "logistic",
        "{epochs: 2, loss: binary_crossentropy, metrics: [binary_accuracy, auc], "
        "class_weight: {0: 1, 1: 1.5}}",
        "{metric: val_binary_accuracy}",
    )  # fmt: skip


def refused(folder: Path, training: str, model: str = "line", data: str = "amounts") -> Path:
    """By its loss, with this training."""
    return _written(folder, "refused", data, model, training, "{metric: val_loss}")


def _written(
    folder: Path, name: str, data: str, model: str, training: str, objective: str
) -> Path:  # fmt: skip
    (folder / "own_metrics_of_a_user.py").write_text(MODULE)
    file = folder / f"{name}.yaml"
    file.write_text(
        f"name: {name}\n"
        f"dataset: {{name: 'own_metrics_of_a_user:{data}', validation: 81}}\n"
        f"model: {{name: 'own_metrics_of_a_user:{model}'}}\n"
        f"training: {training}\nobjective: {objective}\n{SPACE}"
    )
    return file

"""Functions that train a trial in their own way, as `training.function` names them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np

EXAMPLES = 64


def line(examples: int = EXAMPLES) -> tuple[np.ndarray, np.ndarray]:
    """Points on a line."""
    x = np.linspace(-1, 1, examples, dtype="float32").reshape(-1, 1)
    return x, 2 * x + 1


def _fitted(
    trial: Any, optimizer: Any, batch_size: int, beside: Sequence[Any] = (), scale: float = 1.0,
    before: Sequence[Any] = (), **arguments: Any,
) -> keras.Model:  # fmt: skip
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
    model.compile(optimizer, loss="mse", metrics=["mae"])
    (x, y), held_out = line(), line(16)
    model.fit(
        x, scale * y, batch_size=batch_size, epochs=trial.epochs, verbose=0,
        validation_data=held_out, callbacks=[*before, trial.callback(), *beside], **arguments,
    )  # fmt: skip
    return model


def by_fit(trial: Any) -> keras.Model:
    """A plain `fit`."""
    return _fitted(trial, trial.optimizer(), trial.batch_size)


def in_float16(trial: Any, scale: float = 300.0) -> keras.Model:
    """Under loss scaling, with labels of up to three times this size."""
    keras.config.set_dtype_policy("mixed_float16")
    try:
        return _fitted(trial, trial.optimizer(), trial.batch_size, scale=scale)
    finally:
        keras.config.set_dtype_policy("float32")


class Zeros(keras.callbacks.Callback):
    """Zeros in the place of the weights, at the end of each epoch."""

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:  # noqa: ARG002 - Keras'
        self.model.set_weights([0 * weight for weight in self.model.get_weights()])


def changed_before(trial: Any) -> keras.Model:
    """A callback listed before the trial's changes the weights."""
    return _fitted(trial, trial.optimizer(), trial.batch_size, before=[Zeros()])


def with_callback(trial: Any, name: str, **arguments: Any) -> keras.Model:
    """One of Keras' callbacks beside the trial's."""
    beside = [getattr(keras.callbacks, name)(**arguments)]
    return _fitted(trial, trial.optimizer(), trial.batch_size, beside)


def with_callback_before(trial: Any, name: str, **arguments: Any) -> keras.Model:
    """The same, listed before the trial's."""
    before = [getattr(keras.callbacks, name)(**arguments)]
    return _fitted(trial, trial.optimizer(), trial.batch_size, before=before)


def with_rates_of_its_own(trial: Any) -> keras.Model:
    """A rate of its own for each epoch."""
    beside = [keras.callbacks.LearningRateScheduler(lambda epoch: 0.1 / (epoch + 1))]
    return _fitted(trial, trial.optimizer(), trial.batch_size, beside)


def after_another_fit(trial: Any) -> keras.Model:
    """Trained for an epoch before the trial's."""
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
    model.compile(trial.optimizer(), loss="mse")
    model.fit(*line(), batch_size=trial.batch_size, verbose=0)
    model.fit(
        *line(), batch_size=trial.batch_size, epochs=trial.epochs, verbose=0,
        validation_data=line(16), callbacks=[trial.callback()],
    )  # fmt: skip
    return model


def returning_a_part(trial: Any) -> keras.Model:
    """The layer alone, as a model."""
    return keras.Sequential([keras.Input((1,)), by_fit(trial).layers[0]])


def returning_a_whole(trial: Any) -> keras.Model:
    """With a layer that was fitted before."""
    scaled = keras.layers.Normalization(mean=0.5, variance=2.0)
    return keras.Sequential([keras.Input((1,)), scaled, *by_fit(trial).layers])


def returning_another(trial: Any) -> keras.Model:
    """The weights are changed after the last report."""
    model = by_fit(trial)
    model.set_weights([weight / 2 for weight in model.get_weights()])
    return model


def with_another_rate(trial: Any) -> keras.Model:
    """The trial's schedule is forgotten."""
    return _fitted(trial, keras.optimizers.SGD(0.123), trial.batch_size)


def with_other_steps(trial: Any) -> keras.Model:
    """An epoch has twice the steps that it is said to have."""
    return _fitted(trial, trial.optimizer(), trial.batch_size // 2)


def by_hand(trial: Any, start: float = 0.0) -> None:
    """Gradient descent without a framework; the rates are kept."""
    (x, y), weight, rates = line(), start, []
    for epoch in range(1, trial.epochs + 1):
        last = min(epoch * trial.steps_per_epoch, trial.steps)
        for step in range((epoch - 1) * trial.steps_per_epoch, last):
            rates.append(trial.learning_rate(step))
            weight -= rates[-1] * float(np.mean((weight * x + 1 - y) * x))
        np.save(trial.folder / "rates.npy", rates)
        np.save(trial.folder / "weight.npy", weight)
        trial.report(epoch, {"val_loss": float(np.mean((weight * x + 1 - y) ** 2))})


def from_anywhere(trial: Any) -> None:
    """The same, from a weight that follows from the trial's seed."""
    by_hand(trial, float(np.random.default_rng(trial.seed).normal()))


def heedless(trial: Any) -> None:
    """What the trial raises is passed over, as a script may do that goes on after any error."""
    for epoch in range(1, trial.epochs + 1):
        try:
            trial.report(epoch, {"val_loss": 1 / epoch})
        except Exception as error:
            print(f"passed over: {error}")


def diverging(trial: Any) -> None:
    """The loss is no number from the second epoch on."""
    for epoch in range(1, trial.epochs + 1):
        trial.report(epoch, {"val_loss": 1.0 if epoch == 1 else float("nan"), "mae": epoch})


def giving_up(trial: Any) -> None:
    """One epoch of many."""
    trial.report(1, {"val_loss": 1.0})


def without_objective(trial: Any) -> None:
    """Reports something else."""
    trial.report(1, {"loss": 1.0})


def skipping(trial: Any) -> None:
    """Counts from 0."""
    trial.report(0, {"val_loss": 1.0})


def with_words(trial: Any) -> None:
    """Reports what is no number."""
    trial.report(1, {"val_loss": "low"})


def with_a_number_in_words(trial: Any) -> None:
    """Reports a text, which Python would read as a number."""
    trial.report(1, {"val_loss": "0.5"})


def raising(trial: Any) -> None:
    """Fails."""
    raise ZeroDivisionError(trial.seed)


def returning_words(trial: Any) -> str:
    """Returns what nobody can use."""
    by_hand(trial)
    return "done"


def of_named_data(trial: Any) -> None:
    """Notes the shapes of the data that the sweep names."""
    (x, y), (x_held, y_held) = trial.data()
    (x_test, y_test) = trial.test_data()
    shapes = [len(each) for each in (x, y, x_held, y_held, x_test, y_test)]
    np.save(trial.folder / "shapes.npy", shapes)
    for epoch in range(1, trial.epochs + 1):
        trial.report(epoch, {"val_loss": 1.0})


def evaluate(trial: Any) -> dict[str, float]:
    """On other points."""
    found: dict[str, float] = trial.model().evaluate(*line(32), return_dict=True, verbose=0)
    return found


def evaluate_sum(trial: Any) -> dict[str, float]:
    """Of what the model makes of three."""
    return {"loss": float(np.sum(trial.model().predict(np.ones((3, 1)), verbose=0)))}


def evaluate_kept(trial: Any) -> dict[str, float]:
    """From a file that the training has left."""
    return {"rates": float(len(np.load(trial.folder / "rates.npy"))), "nan": float("nan")}


def evaluate_weight(trial: Any) -> dict[str, float]:
    """The error of what `by_hand` has kept, on other points."""
    (x, y), weight = line(32), np.load(trial.folder / "weight.npy")
    return {"loss": float(np.mean((weight * x + 1 - y) ** 2))}


def evaluate_to_no_number(_trial: Any) -> dict[str, float]:
    """What a division by nothing gives."""
    return {"loss": float("nan"), "mae": float("inf")}


def evaluate_to_nothing(_trial: Any) -> dict[str, float]:
    """No metric at all."""
    return {}


def evaluate_with_a_number_in_words(_trial: Any) -> dict[str, str]:
    """The same of an evaluation."""
    return {"loss": "0.5"}


def evaluate_in_words(trial: Any) -> str:
    """No numbers."""
    return f"well, {trial.seed}"


GIVEN: dict[str, Any] = {}
"""What `giving` returns."""


def giving(_trial: Any) -> dict[str, Any]:
    """Whatever the test has put there."""
    return GIVEN

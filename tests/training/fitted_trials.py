"""The training of a trial as `fit` does it, to hold the trial against, to the bit."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from compiled_models import assert_same_bits, state
from small_trials import BATCH, STEPS_PER_EPOCH, VALIDATION
from trained_trials import Trained

from clr_sweep.definition.trial_config import TrialConfig
from clr_sweep.training.compiling import compiled_model
from clr_sweep.training.data.materialized import Dataset
from clr_sweep.training.data.splits import epoch_order, hold_out


def fitted(
    config: TrialConfig,
    data: Dataset,
    epochs: int,
    compiled: dict[str, Any] | None = None,
    weights: Any = None,
    **fit: Any,
) -> tuple[Any, list[dict[str, float]]]:
    """The model after `fit` on the same batches, and its history.

    All epochs are one call, so that what `fit` does at its end is done once.

    Args:
        compiled: what a script compiles the model with, in place of what the trial does.
        weights: of the training examples, float32.
        fit: further arguments of `fit`.
    """
    rows, held_out = hold_out(len(data.x_train), VALIDATION, config.split_seed)
    orders = [epoch_order(rows, config.seed, epoch) for epoch in range(1, epochs + 1)]
    keras.utils.set_random_seed(config.seed)
    model = compiled_model(config, data, ())
    if compiled is not None:
        written = {"optimizer": model.optimizer, "loss": model.loss}
        metrics = list(config.training.metrics)
        model.compile(**{**written, **compiled}, metrics=metrics, jit_compile=False)
    x, y = np.asarray(data.x_train), np.asarray(data.y_train)
    arrays = (x, y) if weights is None else (x, y, weights)

    def batches() -> Iterator[tuple[Any, ...]]:
        for order in orders:
            for first in range(0, len(order), BATCH):
                batch = order[first : first + BATCH]
                yield tuple(array[batch] for array in arrays)

    signature = tuple(tf.TensorSpec([None, *each.shape[1:]], each.dtype) for each in arrays)
    history = model.fit(
        tf.data.Dataset.from_generator(batches, output_signature=signature),
        epochs=epochs, steps_per_epoch=STEPS_PER_EPOCH, shuffle=False, verbose=0,
        validation_data=(x[held_out], y[held_out]), validation_batch_size=len(held_out), **fit,
    ).history  # fmt: skip
    return model, [
        {name: values[index] for name, values in history.items()} for index in range(epochs)
    ]


def assert_equals_fit(done: Trained, data: Dataset, config: TrialConfig, **as_written: Any) -> None:
    """Weights, slots, and every metric of every epoch; see `fitted`."""
    model, history = fitted(config, data, len(done.reports), **as_written)
    assert [dict(report.metrics) for report in done.reports] == history
    assert_same_bits(state(done.loop.model), state(model))

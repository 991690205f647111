"""What a trial trains with: its model, its loop, and its part of the data."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from clr_sweep.common.errors import InputError
from clr_sweep.definition.trial_config import TrialConfig
from clr_sweep.training.checks.labels_for_metrics import batch_check
from clr_sweep.training.compiling import compiled_model
from clr_sweep.training.data.arrays import Array
from clr_sweep.training.data.materialized import Dataset
from clr_sweep.training.data.memory import stacked
from clr_sweep.training.data.splits import hold_out
from clr_sweep.training.example_weights import example_weights
from clr_sweep.training.loop import TrainingLoop
from clr_sweep.training.model_identity import model_identity
from clr_sweep.training.momentum_cycle import momentum_cycle
from clr_sweep.training.requests import ModelIdentity


@dataclass(frozen=True)
class SetUp:
    """A training before its first step.

    Attributes:
        identity: of the model, before a step has been taken.
        train_rows, validation_rows: of the loop's data, ascending, int32: of the training data,
            which that of the test set follows where validation is on it.
        steps_per_epoch: of a whole epoch.
    """

    model: keras.Model
    identity: ModelIdentity
    loop: TrainingLoop
    train_rows: Array
    validation_rows: Array
    steps_per_epoch: int


def set_up(
    config: TrialConfig, data: Dataset, search_path: Sequence[Path], ramp: Any = None
) -> SetUp:
    """Seed everything, settle that operations are deterministic, and build what trains.

    Args:
        search_path: folders in which a module of the user's is looked for.
        ramp: makes a range test's Keras schedule of the steps of an epoch. It takes the place of
            the configuration's, and momentum does not mirror it.

    Raises:
        InputError: the model has nothing to train, or its examples cannot be weighed as asked.
    """
    keras.utils.set_random_seed(config.seed)
    tf.config.experimental.enable_op_determinism()
    examples, size = data.training_examples, config.training.batch_size
    x, y = stacked(data.x_train), stacked(data.y_train)
    if isinstance(part := config.dataset.validation, str):
        # On the test set: its examples follow those that are trained on.
        x = stacked(data.x_train, data.x_test)
        y = stacked(data.y_train, data.y_test)
        train, validation = np.split(
            np.arange(examples + data.test_examples, dtype=np.int32), [examples]
        )
    else:
        train, validation = hold_out(examples, part, config.split_seed)
    steps = math.ceil(len(train) / size)
    model = compiled_model(config, data, search_path, None if ramp is None else ramp(steps))
    momentum = momentum_cycle(config, model.optimizer) if ramp is None else None
    check = batch_check(config.training, data)
    weights = example_weights(config.training, data, train, search_path)
    loop = TrainingLoop(model, x, y, size, momentum, check, weights, data.streamed)
    if not model.trainable_variables:  # all are there only when the model has seen data
        raise InputError(
            f"model.name: {config.model.name} returns a model with nothing to train: it has no "
            f"trainable weights; leave `trainable` at True for what is to learn"
        )
    return SetUp(model, model_identity(model), loop, train, validation, steps)

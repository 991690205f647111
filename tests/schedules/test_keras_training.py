"""The Keras schedules with Keras' optimizers: in a training, and in one that is interrupted."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras_schedules import schedules
from own_process import modules, python

from clr_sweep.schedules import policies
from clr_sweep.schedules.keras import TriangularCyclicalLearningRate


def test_gradient_accumulation_does_not_speed_up_the_cycle() -> None:
    """Keras hands the schedule batches: a cycle of 2 * step_size batches, accumulated or not."""
    schedule = TriangularCyclicalLearningRate(0.0, 1.0, 4)
    seen: dict[int | None, list[float]] = {}
    for accumulated in (None, 2):
        optimizer = keras.optimizers.SGD(schedule, gradient_accumulation_steps=accumulated)
        weight = keras.Variable(0.0)
        optimizer.build([weight])
        seen[accumulated] = []
        for _ in range(8):
            seen[accumulated].append(float(optimizer.learning_rate))
            optimizer.apply([tf.constant(1.0)])
        assert float(optimizer.learning_rate) == 0.0
    assert seen[2] == seen[None] == [0, 0.25, 0.5, 0.75, 1, 0.75, 0.5, 0.25]
    # The counter of updates is not the schedule's step: it would be half way here.
    assert int(optimizer.iterations) == 4
    # Every second batch updates, at the rate of that batch: 1/4 + 3/4 + 3/4 + 1/4.
    assert float(weight) == -2.0


@pytest.fixture(scope="module")
def interrupted(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Trains for 7 batches, saves, trains on; and trains on from the file in a fresh process."""
    folder = tmp_path_factory.mktemp("models")
    x = np.linspace(-1, 1, 40, dtype="float32").reshape(20, 2)
    y = x.sum(axis=1, keepdims=True)
    result: dict[str, Any] = {"here": {}}
    for schedule in schedules():
        keras.utils.set_random_seed(1)
        model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
        model.compile(keras.optimizers.SGD(schedule, momentum=0.9), loss="mse")
        model.fit(x[:14], y[:14], batch_size=2, shuffle=False, verbose=0)
        model.save(folder / f"{schedule.name}.keras")
        rates: list[float] = []
        callback = keras.callbacks.LambdaCallback(
            on_train_batch_begin=lambda batch, logs, model=model, rates=rates: rates.append(
                float(model.optimizer.learning_rate)
            )
        )
        model.fit(x, y, batch_size=2, shuffle=False, verbose=0, callbacks=[callback])
        result["here"][schedule.name] = {
            "rates": rates,
            "weights": np.concatenate([w.ravel() for w in model.get_weights()]).tolist(),
            "name": schedule.name,
        }
    done = python(Path(__file__).with_name("train_on.py"), folder, PYTHONPATH=modules())
    result.update(json.loads(done.stdout.splitlines()[-1]))
    return result


@pytest.mark.heavy
def test_a_fresh_process_trains_on_at_the_same_rates(interrupted: dict[str, Any]) -> None:
    """Loaded in safe mode elsewhere, training goes on as if it had never been interrupted."""
    assert interrupted["here"]["b"]["rates"][0] == pytest.approx(
        policies.learning_rate(7, policy="triangular2", init_lr=0.001, max_lr=0.1, step_size=4.5)
    )
    for name, here in interrupted["here"].items():
        there = interrupted["there"][name]
        assert there["name"] == name
        assert there["rates"] == here["rates"]
        np.testing.assert_allclose(there["weights"], here["weights"], rtol=1e-5)


def test_a_process_without_clr_sweep(interrupted: dict[str, Any]) -> None:
    """Before the class is imported Keras names it as missing; the weights load all the same."""
    assert "Could not locate class 'TriangularCyclicalLearningRate'" in interrupted["refusal"]
    assert interrupted["loaded_uncompiled"] is True


def test_the_schedules_import_neither_optuna_nor_mlflow(interrupted: dict[str, Any]) -> None:
    """Whoever uses the schedules alone pays for Keras alone."""
    assert "clr_sweep.schedules.keras" in interrupted["modules"]
    assert not {"optuna", "mlflow", "pydantic", "click"} & set(interrupted["modules"])

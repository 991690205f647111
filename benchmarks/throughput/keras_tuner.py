"""KerasTuner: a HyperModel whose `fit` logs each trial to MLflow, and the model with it.

KerasTuner trains one trial at a time: to train several, its guide starts a chief and workers, each
from a shell of its own, and is written for clusters.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import keras
import keras_tuner as kt
import mlflow

from benchmarks.throughput.workload import (
    BATCH_SIZE,
    FACTOR,
    INIT_LR,
    MAX_LR,
    POLICIES,
    Workload,
    build_model,
)


class FixedTrials(kt.Oracle):
    """Hands out the fixed trials, one after the other."""

    def __init__(self, trials: Sequence[Any]) -> None:
        super().__init__(
            objective=kt.Objective("val_accuracy", "max"), max_trials=len(trials), seed=0
        )
        self._fixed = trials

    def populate_space(self, trial_id: str) -> dict[str, Any]:
        return {"status": "RUNNING", "values": dict(self._fixed[int(trial_id)])}


class Cnn(kt.HyperModel):
    def __init__(self, steps_per_epoch: int) -> None:
        super().__init__()
        self._steps_per_epoch = steps_per_epoch

    def build(self, hp: kt.HyperParameters) -> keras.Model:
        params = {
            "policy": hp.Choice("policy", POLICIES),
            "max_lr": hp.Float("max_lr", *MAX_LR, sampling="log"),
        }
        if params["policy"] != "constant":
            params["init_lr"] = hp.Float("init_lr", *INIT_LR, sampling="log")
            params["step_size_factor"] = hp.Int("step_size_factor", *FACTOR)
        keras.utils.set_random_seed(0)
        return build_model(params, self._steps_per_epoch)

    def fit(self, hp: kt.HyperParameters, model: keras.Model, *args: Any, **kwargs: Any) -> Any:
        with mlflow.start_run():
            mlflow.log_params(hp.values)
            kwargs["callbacks"] = [*kwargs["callbacks"], mlflow.keras.MlflowCallback()]
            history = model.fit(*args, **kwargs)
            mlflow.keras.log_model(model, name="model")
        return history


def main(workload: Workload) -> None:
    x_train, y_train, x_val, y_val = workload.split()
    mlflow.set_tracking_uri("sqlite:///mlflow.db")
    mlflow.set_experiment("keras_tuner")
    tuner = kt.Tuner(
        oracle=FixedTrials(workload.trials),
        hypermodel=Cnn(math.ceil(len(x_train) / BATCH_SIZE)),
        directory="keras_tuner",
        project_name="throughput",
    )
    tuner.search(
        x_train,
        y_train,
        batch_size=BATCH_SIZE,
        epochs=workload.epochs,
        validation_data=(x_val, y_val),
        verbose=2,
    )


if __name__ == "__main__":
    main(Workload.read(Path(sys.argv[1])))

"""Ray Tune: OptunaSearch, a CPU a trial, as many trials at once as cores, MLflowLoggerCallback.

OptunaSearch of Ray 2.60 works with Optuna 5 as it is. One thing is not as documented: `LogModel`.
"""

from __future__ import annotations

import math
import sys
from pathlib import Path
from typing import Any

import ray
from ray import tune
from ray.air.integrations.mlflow import MLflowLoggerCallback
from ray.tune.experiment import Trial
from ray.tune.search.optuna import OptunaSearch

from benchmarks.throughput.workload import BATCH_SIZE, Array, Workload, build_model, suggest


class LogModel(MLflowLoggerCallback):
    """Logs the checkpoint too: `save_artifact` takes the driver's own folder of a trial, which in
    this version of Ray holds what Tune logs and no checkpoint."""

    def log_trial_end(self, trial: Trial, failed: bool = False) -> None:
        if trial.checkpoint:
            run = self._trial_runs[trial]
            self.mlflow_util.save_artifacts(run_id=run, dir=trial.checkpoint.path)
        super().log_trial_end(trial, failed)


def train(config: dict[str, Any], data: tuple[Array, ...], epochs: int) -> None:
    """A trial, in a process of Ray's."""
    import keras
    from ray.tune.integration.keras import TuneReportCheckpointCallback

    x_train, y_train, x_val, y_val = data
    keras.utils.set_random_seed(0)
    model = build_model(config, math.ceil(len(x_train) / BATCH_SIZE))
    model.fit(
        x_train,
        y_train,
        batch_size=BATCH_SIZE,
        epochs=epochs,
        validation_data=(x_val, y_val),
        callbacks=[TuneReportCheckpointCallback()],
        verbose=2,
    )


def main(workload: Workload) -> None:
    ray.init(num_cpus=workload.cores)
    search = OptunaSearch(
        suggest, metric="val_accuracy", mode="max", points_to_evaluate=list(workload.trials)
    )
    tuner = tune.Tuner(
        tune.with_resources(
            tune.with_parameters(train, data=workload.split(), epochs=workload.epochs), {"cpu": 1}
        ),
        tune_config=tune.TuneConfig(
            search_alg=search,
            num_samples=len(workload.trials),
            metric="val_accuracy",
            mode="max",
            reuse_actors=True,  # else every trial is a new process that imports Keras
        ),
        run_config=tune.RunConfig(
            name="throughput",
            storage_path=str(Path("ray_results").absolute()),
            checkpoint_config=tune.CheckpointConfig(num_to_keep=1),
            callbacks=[
                LogModel(
                    tracking_uri="sqlite:///mlflow.db",
                    experiment_name="ray_tune",
                    save_artifact=True,
                )
            ],
        ),
    )
    tuner.fit()
    ray.shutdown()


if __name__ == "__main__":
    main(Workload.read(Path(sys.argv[1])))

"""The plain script: Optuna's study, Keras' `fit` and MLflow's autologging, in one process.

The autologging is `mlflow.keras.autolog`, MLflow's own for Keras 3. The older
`mlflow.tensorflow.autolog` needs TensorBoard and was measured slower (three trials of an epoch over
3,000 images: 50 CPU seconds, against 46). Both find out what a logged model requires by loading it
in another process. TensorFlow uses all cores for its single operations, as by default.
"""

from __future__ import annotations

import math
import sys
from pathlib import Path

import keras
import mlflow
import optuna

from benchmarks.throughput.workload import BATCH_SIZE, Workload, build_model, suggest


def main(workload: Workload) -> None:
    x_train, y_train, x_val, y_val = workload.split()
    mlflow.set_tracking_uri("sqlite:///mlflow.db")
    mlflow.set_experiment("plain")
    mlflow.keras.autolog()

    def objective(trial: optuna.Trial) -> float:
        params = suggest(trial)
        keras.utils.set_random_seed(0)
        model = build_model(params, math.ceil(len(x_train) / BATCH_SIZE))
        with mlflow.start_run(run_name=f"trial-{trial.number}", nested=True):
            mlflow.log_params(params)
            history = model.fit(
                x_train,
                y_train,
                batch_size=BATCH_SIZE,
                epochs=workload.epochs,
                validation_data=(x_val, y_val),
                callbacks=[],
                verbose=2,
            )
        return float(history.history["val_accuracy"][-1])

    study = optuna.create_study(
        study_name="plain", storage="sqlite:///optuna.db", direction="maximize"
    )
    for params in workload.trials:
        study.enqueue_trial(dict(params))
    with mlflow.start_run(run_name="study"):
        study.optimize(objective, n_trials=len(workload.trials))


if __name__ == "__main__":
    main(Workload.read(Path(sys.argv[1])))

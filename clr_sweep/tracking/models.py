"""A trained Keras model as an MLflow model that pyfunc, mlflow.tensorflow and mlflow.keras load.

MLflow has two Keras flavors that differ in a few lines of the file MLmodel and not in how the
model itself is stored; the model is saved by the one, with the lines that the other needs.
"""

from __future__ import annotations

import importlib.metadata
import logging
import tempfile
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

from mlflow.entities import LoggedModel, LoggedModelOutput, LoggedModelStatus, Metric
from mlflow.models import Model, ModelSignature
from mlflow.models.model import MLMODEL_FILE_NAME
from mlflow.tracking import MlflowClient
from mlflow.types.schema import Schema, TensorSpec

from clr_sweep.tracking import tags
from clr_sweep.training.imports import import_function, importable
from clr_sweep.training.quiet import quiet_standard_error
from clr_sweep.trial_config import TrialConfig

NAME = "model"


def log_keras_model(
    run_id: str,
    file: Path,
    config: TrialConfig,
    search_path: Sequence[Path],
    step: int,
    metrics: Collection[str] = (),
) -> str:
    """Log the model in a `.keras` file on a run, with its signature.

    It is logged for inference, without its optimizer, so that an environment without clr-sweep
    loads it too. The trial's folder keeps the whole.

    Args:
        run_id: in a store that has been connected to.
        file: the model.
        config: what it was trained with.
        search_path: folders in which a module of the user's is looked for.
        step: the epoch whose weights these are.
        metrics: names of metrics of the run; their values at `step` become the model's too.

    Returns:
        The logged model's id.
    """
    with quiet_standard_error():
        import keras
        import mlflow.keras  # noqa: F401

    if ":" in config.model.name:
        # Registers the user's own layers.
        import_function(config.model.name, search_path)
    with importable(search_path):
        model = keras.saving.load_model(file, compile=False)
    logging.getLogger("mlflow.models.model").setLevel(logging.ERROR)
    client = MlflowClient()
    # What an earlier attempt left half-logged.
    delete_models(client, run_id)
    run = client.get_run(run_id)
    # Not with Model.log: it puts the model into the process's active experiment, whatever the
    # run's, and takes for the model's all metrics that the run has at the number `step`, those
    # that count optimizer steps among them.
    logged = client.create_logged_model(
        run.info.experiment_id,
        name=NAME,
        source_run_id=run_id,
        tags={key: run.data.tags[key] for key in tags.ORIGIN if key in run.data.tags},
        params=run.data.params,
    )
    try:
        client.log_outputs(run_id, [LoggedModelOutput(logged.model_id, step=step)])
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / NAME
            described = Model(
                artifact_path=logged.artifact_location,
                run_id=run_id,
                model_uuid=logged.model_id,
                model_id=logged.model_id,
            )
            _save(model, path, described)
            client.log_model_artifacts(logged.model_id, str(path))
        _link_metrics(client, run_id, logged.model_id, step, metrics)
    except Exception:
        client.finalize_logged_model(logged.model_id, LoggedModelStatus.FAILED)
        raise
    client.finalize_logged_model(logged.model_id, LoggedModelStatus.READY)
    return str(logged.model_id)


def model_of_run(client: MlflowClient, run_id: str) -> LoggedModelOutput | None:
    """The model of a run, if one was logged to its end."""
    outputs = client.get_run(run_id).outputs
    found = {output.model_id: output for output in outputs.model_outputs} if outputs else {}
    for model in models_from(client, run_id):
        if model.status == LoggedModelStatus.READY and model.model_id in found:
            return found[model.model_id]
    return None


def models_from(client: MlflowClient, run_id: str) -> list[LoggedModel]:
    """All models that come from a run, those that were not logged to their ends among them."""
    experiment = client.get_run(run_id).info.experiment_id
    return list(
        client.search_logged_models([experiment], filter_string=f"source_run_id = '{run_id}'")
    )


def delete_models(client: MlflowClient, run_id: str) -> None:
    """Delete the models that come from a run; MLflow would show them without it."""
    for model in models_from(client, run_id):
        client.delete_logged_model(model.model_id)


def _save(model: Any, path: Path, described: Model) -> None:
    import mlflow.keras

    # Not mlflow.tensorflow.save_model: it pickles every custom object registered with Keras, the
    # schedules among them, and the model would load nowhere without clr-sweep.
    mlflow.keras.save_model(
        model,
        str(path),
        mlflow_model=described,
        signature=_signature(model),
        # Given, a model is logged in .1 s; inferring them takes 7 s.
        pip_requirements=_requirements(),
    )
    # What mlflow.tensorflow.load_model looks for in the flavor "keras"; without, it takes h5.
    described.flavors["keras"] |= {"model_type": "keras", "save_format": "keras"}
    described.save(str(path / MLMODEL_FILE_NAME))


def _link_metrics(
    client: MlflowClient, run_id: str, model_id: str, step: int, names: Collection[str]
) -> None:
    # The same to the timestamp as on the run, so that the run does not get them twice.
    found = [
        Metric(item.key, item.value, item.timestamp, item.step, model_id=model_id, run_id=run_id)
        for name in names
        for item in client.get_metric_history(run_id, name)
        if item.step == step
    ]
    if found:
        client.log_batch(run_id, metrics=found)


def _signature(model: Any) -> ModelSignature:
    return ModelSignature(inputs=_schema(model.inputs), outputs=_schema(model.outputs))


def _schema(tensors: Sequence[Any]) -> Schema:
    import keras
    import numpy as np

    names = [tensor.name for tensor in tensors] if len(tensors) > 1 else [None]
    return Schema(
        [
            TensorSpec(
                np.dtype(keras.backend.standardize_dtype(tensor.dtype)),
                tuple(-1 if size is None else size for size in tensor.shape),
                name,
            )
            for tensor, name in zip(tensors, names, strict=True)
        ]
    )


def _requirements() -> list[str]:
    packages = ("tensorflow", "keras", "numpy")
    return [f"{package}=={importlib.metadata.version(package)}" for package in packages]

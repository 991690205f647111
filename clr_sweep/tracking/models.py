"""A trained Keras model as an MLflow model that pyfunc, mlflow.tensorflow and mlflow.keras load.

MLflow has two Keras flavors that differ in a few lines of the file MLmodel and not in how the
model itself is stored; the model is saved by the one and described for the other as well.
"""

from __future__ import annotations

import importlib.metadata
import logging
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mlflow.models import Model, ModelSignature
from mlflow.models.model import MLMODEL_FILE_NAME
from mlflow.types.schema import Schema, TensorSpec

from clr_sweep.config import TrialConfig
from clr_sweep.training.imports import import_function, importable
from clr_sweep.training.quiet import quiet_standard_error


def log_keras_model(
    run_id: str, file: Path, config: TrialConfig, search_path: Sequence[Path], step: int
) -> str:
    """Log the model in a `.keras` file on a run, with its signature.

    It is logged for inference, without its optimizer, so that an environment without clr-sweep
    loads it too. The trial's folder keeps the whole.

    Returns:
        The logged model's id.
    """
    with quiet_standard_error():
        import keras
        import mlflow.tensorflow  # noqa: F401

    if ":" in config.model.name:
        # Registers the user's own layers.
        import_function(config.model.name, search_path)
    with importable(search_path):
        model = keras.saving.load_model(file, compile=False)
    logging.getLogger("mlflow.models.model").setLevel(logging.ERROR)
    info = Model.log(
        artifact_path=None,
        name="model",
        flavor=sys.modules[__name__],
        flavor_name="tensorflow",
        run_id=run_id,
        step=step,
        model=model,
        signature=_signature(model),
        # Given, a model is logged in .1 s; inferring them takes 7 s.
        pip_requirements=_requirements(),
    )
    return str(info.model_id)


def save_model(path: str, mlflow_model: Model, model: Any, **options: Any) -> None:
    """MLflow's hook for a flavor: save with mlflow.tensorflow, describe for mlflow.keras too."""
    import keras
    import mlflow.tensorflow

    mlflow.tensorflow.save_model(model, path, mlflow_model=mlflow_model, **options)
    mlflow_model.add_flavor(
        "keras",
        data="data",
        keras_version=keras.__version__,
        keras_backend=keras.backend.backend(),
        save_exported_model=False,
    )
    mlflow_model.save(str(Path(path) / MLMODEL_FILE_NAME))


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

"""A trained Keras model as an MLflow model that pyfunc, mlflow.tensorflow and mlflow.keras load.

MLflow has two Keras flavors that differ in a few lines of the file MLmodel and not in how the
model itself is stored; the model is saved by the one, with the lines that the other needs.
"""

from __future__ import annotations

import importlib.metadata
import logging
import shutil
import tempfile
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import mlflow.pyfunc
import numpy as np
import yaml
from mlflow.entities import (
    LoggedModel,
    LoggedModelOutput,
    LoggedModelStatus,
    Metric,
    Run,
    RunOutputs,
)
from mlflow.models import Model, ModelSignature
from mlflow.models.model import MLMODEL_FILE_NAME
from mlflow.models.utils import _save_example
from mlflow.tracking import MlflowClient
from mlflow.types.schema import Schema, TensorSpec
from mlflow.utils.environment import (
    _CONDA_ENV_FILE_NAME,
    _PYTHON_ENV_FILE_NAME,
    _REQUIREMENTS_FILE_NAME,
    _process_pip_requirements,
    _PythonEnv,
)
from mlflow.utils.file_utils import get_total_file_size

from clr_sweep.tracking import tags
from clr_sweep.tracking.dataset_input import blank_example, inputs_of, measured_on
from clr_sweep.training.data.named import Part
from clr_sweep.training.folder import TrialFolder
from clr_sweep.training.inference import save_inference_model
from clr_sweep.training.requests import DataFacts
from clr_sweep.training.unloadable import cure_of, why_unloadable

KERAS_FILE = Path("data", "model.keras")
"""Where Keras' own file lies in the folder of a logged model."""


def log_keras_model(
    client: MlflowClient,
    run: Run,
    folder: TrialFolder,
    search_path: Sequence[Path],
    name: str,
    note: str,
    step: int,
    metrics: Collection[str] = (),
    data: DataFacts | None = None,
) -> str:
    """Log the model of a trial on its run, with its signature.

    It is logged for inference, without its optimizer, so that an environment without clr-sweep
    loads it too. The trial's folder keeps the whole.

    Args:
        run: the trial's.
        search_path: folders in which a module of the user's is looked for, should the model for
            inference have to be made first.
        name: what it is called, among all models of the store.
        note: Markdown that the UI shows on its page.
        step: the epoch whose weights these are.
        metrics: names of metrics of the run; their values at `step` become the model's too.
        data: what it was trained on; None where that is not known.

    Returns:
        The logged model's id.
    """
    signature = folder.signature()
    if signature is None:  # by an earlier version, or by a process that was killed
        # The data may be gone; of theirs, type and shape are known.
        blank = None if data is None else blank_example(data)
        save_inference_model(folder, folder.config().model.name, search_path, blank)
        signature = folder.signature()
        assert signature is not None
    if why := why_unloadable(signature):
        note += f"\n\nKeras cannot load it by itself: {why}. Cure: {cure_of(signature)}."
    logging.getLogger("mlflow.models.model").setLevel(logging.ERROR)
    run_id = run.info.run_id
    # Not with Model.log: it puts the model into the process's active experiment, whatever the
    # run's, and takes for the model's all metrics that the run has at the number `step`, those
    # that count optimizer steps among them.
    logged = client.create_logged_model(
        run.info.experiment_id,
        name=name,
        source_run_id=run_id,
        tags={
            **{key: run.data.tags[key] for key in tags.OF_MODELS if key in run.data.tags},
            tags.NOTE: note[: tags.TAG_LIMIT],
        },
        params=run.data.params,
    )
    try:
        client.log_outputs(run_id, [LoggedModelOutput(logged.model_id, step=step)])
        with tempfile.TemporaryDirectory() as temporary:
            path = Path(temporary) / "model"
            described = Model(
                artifact_path=logged.artifact_location,
                run_id=run_id,
                model_uuid=logged.model_id,
                model_id=logged.model_id,
            )
            write_keras_model(
                folder.inference_file, signature, described, path, data, folder.examples()
            )
            client.log_model_artifacts(logged.model_id, str(path))
        _link_metrics(client, run_id, logged.model_id, step, metrics, data)
    except Exception:
        client.finalize_logged_model(logged.model_id, LoggedModelStatus.FAILED)
        raise
    client.finalize_logged_model(logged.model_id, LoggedModelStatus.READY)
    return str(logged.model_id)


def model_of_run(client: MlflowClient, run_id: str) -> LoggedModelOutput | None:
    """The model of a run, if one was logged to its end."""
    return _output(*_run_and_models(client, run_id))


def only_model_of_run(client: MlflowClient, run_id: str) -> LoggedModelOutput | None:
    """The model of a run, if it was logged to its end and no other one was begun."""
    run, models = _run_and_models(client, run_id)
    return _output(run, models) if len(models) == 1 else None


def delete_models(client: MlflowClient, run_id: str) -> None:
    """Delete the models that come from a run; MLflow would show them without it."""
    for model in _run_and_models(client, run_id)[1]:
        client.delete_logged_model(model.model_id)


def _run_and_models(client: MlflowClient, run_id: str) -> tuple[Run, list[LoggedModel]]:
    """A run and all models that come from it, those not logged to their ends among them."""
    run = client.get_run(run_id)
    models = client.search_logged_models(
        [run.info.experiment_id], filter_string=f"source_run_id = '{run_id}'"
    )
    return run, list(models)


def _output(run: Run, models: Iterable[LoggedModel]) -> LoggedModelOutput | None:
    outputs = {output.model_id: output for output in (run.outputs or RunOutputs([])).model_outputs}
    ended = (model for model in models if model.status == LoggedModelStatus.READY)
    return next((outputs[m.model_id] for m in ended if m.model_id in outputs), None)


def write_keras_model(
    file: Path,
    signature: Mapping[str, Any],
    described: Model,
    path: Path,
    data: DataFacts | None = None,
    examples: Part | None = None,
) -> None:
    """Write the folder of an MLflow model of the flavor `keras` around a `.keras` file.

    What `mlflow.keras.save_model` writes, which needs the model in memory, and with it Keras and
    TensorFlow: six seconds of CPU in every sweep's driver. A test holds it against that.

    Args:
        signature: as `TrialFolder.signature` has it.
        described: gets the flavors and the signature.
        path: the folder to make.
        data: what it was trained on: such data go in. Without, it is what the model declares.
        examples: some of them.
    """
    kept = (path / KERAS_FILE).parent
    kept.mkdir(parents=True)
    shutil.copyfile(file, path / KERAS_FILE)
    (kept / "keras_module.txt").write_text("keras")
    inputs = _inputs(signature["inputs"], data)
    if inputs:  # a model that is built by its first data tells none
        outputs = signature["outputs"]
        described.signature = ModelSignature(
            inputs=_schema(inputs, len(inputs) > 1 or isinstance(examples, Mapping)),
            outputs=_schema(outputs, bool(signature.get("named_outputs"))) if outputs else None,
        )
    if examples is not None:
        _save_example(described, examples, str(path))
    described.add_flavor(
        "keras",
        data="data",
        keras_version=signature["keras_version"],
        keras_backend=signature["keras_backend"],
        save_exported_model=False,
        # What mlflow.tensorflow.load_model looks for; without, it takes h5.
        model_type="keras",
        save_format="keras",
    )
    loader = {"loader_module": "mlflow.keras"}
    if signature.get("named_outputs"):
        # MLflow's flavor `keras` makes one array of what a model gives; this one lets a dict be.
        (kept / "save_format.txt").write_text("keras")
        loader = {"loader_module": "mlflow.tensorflow", "data": "data"}
    mlflow.pyfunc.add_to_model(
        described,
        **loader,
        conda_env=_CONDA_ENV_FILE_NAME,
        python_env=_PYTHON_ENV_FILE_NAME,
    )
    described.model_size_bytes = get_total_file_size(str(path))
    described.save(str(path / MLMODEL_FILE_NAME))
    # Given, a model is logged in .1 s; inferring them takes 7 s.
    conda_env, requirements, _ = _process_pip_requirements(None, _requirements())
    (path / _CONDA_ENV_FILE_NAME).write_text(
        yaml.safe_dump(conda_env, default_flow_style=False), encoding="utf-8"
    )
    (path / _REQUIREMENTS_FILE_NAME).write_text("\n".join(requirements), encoding="utf-8")
    _PythonEnv.current().to_yaml(str(path / _PYTHON_ENV_FILE_NAME))


def _link_metrics(
    client: MlflowClient,
    run_id: str,
    model_id: str,
    step: int,
    names: Collection[str],
    data: DataFacts | None,
) -> None:
    # The same to the timestamp as on the run, so that the run does not get them twice.
    found = [
        Metric(
            item.key,
            item.value,
            item.timestamp,
            item.step,
            model_id=model_id,
            run_id=run_id,
            **measured_on(data),
        )
        for name in names
        for item in client.get_metric_history(run_id, name)
        if item.step == step
    ]
    if found:
        client.log_batch(run_id, metrics=found)


def _inputs(
    declared: Sequence[Mapping[str, Any]], data: DataFacts | None
) -> Sequence[Mapping[str, Any]]:
    """What goes in: data as their owner holds them.

    Keras casts them to what the model declares; MLflow, told of that type, refuses the data that
    the model was trained on, images of uint8 for a model of float32.
    """
    # The data of a function of the user's own are not known.
    if data is None or not data.input_dtype:
        return declared
    named = inputs_of(data)
    if None not in named:
        return [
            {"name": name, "dtype": dtype, "shape": [None, *shape]}
            for name, (dtype, shape) in named.items()
        ]
    if len(declared) > 1:
        return declared
    name = declared[0]["name"] if declared else "inputs"
    dtype, shape = named[None]
    return [{"name": name, "dtype": dtype, "shape": [None, *shape]}]


def _schema(tensors: Sequence[Mapping[str, Any]], named: bool) -> Schema:
    return Schema(
        [
            TensorSpec(
                np.dtype(tensor["dtype"]),
                tuple(-1 if size is None else size for size in tensor["shape"]),
                tensor["name"] if named else None,
            )
            for tensor in tensors
        ]
    )


def _requirements() -> list[str]:
    packages = ("tensorflow", "keras", "numpy")
    return [f"{package}=={importlib.metadata.version(package)}" for package in packages]

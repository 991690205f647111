"""A data set as MLflow shows it: an input of the runs that were trained on it."""

from __future__ import annotations

import json
from pathlib import Path

from mlflow.entities import Dataset, DatasetInput, InputTag

from clr_sweep.training.requests import DataFacts


def dataset_input(data: DataFacts) -> DatasetInput:
    """The data set as the training input of a run."""
    spec = {"dtype": data.input_dtype, "shape": [-1, *data.input_shape]}
    schema = {"mlflow_tensorspec": {"features": [{"type": "tensor", "tensor-spec": spec}]}}
    profile = {"training_examples": data.train, "test_examples": data.test, "sha256": data.digest}
    entity = Dataset(
        name=_name(data),
        digest=_digest(data),
        source_type="local",
        source=json.dumps({"uri": data.source}),
        # Of data that are a function's own, nothing is known but how many they are.
        schema=json.dumps(schema) if data.input_dtype else None,
        profile=json.dumps(profile),
    )
    return DatasetInput(entity, [InputTag("mlflow.data.context", "training")])


def measured_on(data: DataFacts | None) -> dict[str, str]:
    """What a metric of a logged model says of the data set, by which the UI names it there."""
    return {} if data is None else {"dataset_name": _name(data), "dataset_digest": _digest(data)}


def _name(data: DataFacts) -> str:
    # Of a file the name alone: the UI has little room, and the source is told beside it.
    return Path(data.name).name[:500]


def _digest(data: DataFacts) -> str:
    return data.digest[:12]

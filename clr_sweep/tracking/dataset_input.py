"""A data set as MLflow shows it: an input of the runs that were trained on it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import cast

import numpy as np
from mlflow.entities import Dataset, DatasetInput, InputTag

from clr_sweep.training.data.named import Part, by_name
from clr_sweep.training.requests import DataFacts


def dataset_input(data: DataFacts) -> DatasetInput:
    """The data set as the training input of a run."""
    features = [
        {
            **({} if name is None else {"name": name}),
            "type": "tensor",
            "tensor-spec": {"dtype": dtype, "shape": [-1, *shape]},
        }
        for name, (dtype, shape) in inputs_of(data).items()
    ]
    schema = {"mlflow_tensorspec": {"features": features}}
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


def inputs_of(data: DataFacts) -> dict[str | None, tuple[str, tuple[int, ...]]]:
    """Type and shape of an example, by the name of each of its arrays; None is that of the only."""
    dtypes, shapes = by_name(data.input_dtype), by_name(data.input_shape)
    return {name: (dtype, shapes[name]) for name, dtype in dtypes.items()}


def blank_example(data: DataFacts) -> Part | None:
    """Zeros in the place of an example; None, where type and shape are not known."""
    found = {
        name: np.zeros((1, *shape), dtype)
        for name, (dtype, shape) in inputs_of(data).items()
        if dtype
    }
    return cast("Part", found.get(None, found)) if found else None


def measured_on(data: DataFacts | None) -> dict[str, str]:
    """What a metric of a logged model says of the data set, by which the UI names it there."""
    return {} if data is None else {"dataset_name": _name(data), "dataset_digest": _digest(data)}


def _name(data: DataFacts) -> str:
    # Of a file the name alone: the UI has little room, and the source is told beside it.
    return Path(data.name).name[:500]


def _digest(data: DataFacts) -> str:
    return data.digest[:12]

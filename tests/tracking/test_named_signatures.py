"""A logged model of several inputs and outputs takes and gives them by their names."""

from __future__ import annotations

import json
from typing import Any

import mlflow
import numpy as np
import pytest
import two_of_each
from mlflow.models import Model, validate_serving_input
from mlflow.models.utils import load_serving_example
from small_trials import small_config

from clr_sweep.tracking.dataset_input import dataset_input
from clr_sweep.tracking.logged_models import write_keras_model
from clr_sweep.training.data.named import rows
from clr_sweep.training.folder import TrialFolder
from clr_sweep.training.inference import save_inference_model
from clr_sweep.training.requests import DataFacts

X, _ = two_of_each.parts(5)
FACTS = DataFacts(
    "mine.npz", "mine.npz", "d" * 64, 4, 1,
    {"image": (6, 5), "meta": (3,)}, {"image": "uint8", "meta": "float32"},
)  # fmt: skip


@pytest.fixture(scope="module", params=["functional", "subclassed"])
def logged(request: Any, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Any]:
    """The folder of an MLflow model, and what the model itself predicts of the examples."""
    place = tmp_path_factory.mktemp(request.param)
    name = f"two_of_each:{request.param}"
    model = getattr(two_of_each, request.param)()
    expected = model.predict_on_batch({"image": X["image"].astype("float32"), "meta": X["meta"]})
    folder = TrialFolder(place / "trial")
    folder.start(small_config(model=name))
    model.save(folder.model_file)
    save_inference_model(folder, name, (), rows(X, slice(1)))
    signature = folder.signature()
    assert signature is not None
    path = place / "logged"
    write_keras_model(folder.inference_file, signature, Model(), path, FACTS, folder.examples())
    return str(path), expected


def test_it_predicts_by_name(logged: tuple[str, Any]) -> None:
    """By pyfunc, by Keras' own loader, and as JSON by a server, from data as they are held."""
    path, expected = logged
    by_keras = mlflow.keras.load_model(path).predict(X, verbose=0)
    for found in (mlflow.pyfunc.load_model(path).predict(X), by_keras):
        assert set(found) == {"age", "sex"}
        for name, values in found.items():
            np.testing.assert_allclose(values, expected[name], rtol=1e-5)
    served = validate_serving_input(path, load_serving_example(path))
    np.testing.assert_allclose(served["age"], expected["age"][:1], rtol=1e-5)


def test_its_signature_names_them(logged: tuple[str, Any]) -> None:
    """Each with the type and shape in which it is held, and the data set's schema likewise."""
    signature = Model.load(logged[0]).signature
    assert signature is not None
    found = {one.name: (str(one.type), one.shape) for one in signature.inputs.inputs}
    assert found == {"image": ("uint8", (-1, 6, 5)), "meta": ("float32", (-1, 3))}
    assert {one.name: one.shape for one in signature.outputs.inputs} == {
        "sex": (-1, 2), "age": (-1, 1),
    }  # fmt: skip
    schema = json.loads(dataset_input(FACTS).dataset.schema or "")
    features = schema["mlflow_tensorspec"]["features"]
    assert [(one["name"], one["tensor-spec"]["shape"]) for one in features] == [
        ("image", [-1, 6, 5]), ("meta", [-1, 3]),
    ]  # fmt: skip

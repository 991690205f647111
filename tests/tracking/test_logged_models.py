"""Logged models: loaded by all of MLflow's loaders, where nothing is known of clr-sweep."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import mlflow
import numpy as np
import pytest
import yaml
from mlflow.models import Model
from own_process import python
from small_trials import few_images, small_config

from clr_sweep.tracking.logged_models import log_keras_model, write_keras_model
from clr_sweep.tracking.store import connect
from clr_sweep.training.compiling import compiled_model
from clr_sweep.training.folder import TrialFolder
from clr_sweep.training.inference import save_inference_model
from clr_sweep.training.requests import DataFacts

LOAD = """
import json, sys
import numpy as np
import mlflow
uri, images = sys.argv[1], np.load(sys.argv[2])
mlflow.set_tracking_uri(sys.argv[3])
found = {"pyfunc": mlflow.pyfunc.load_model(uri).predict(images)}
import mlflow.keras, mlflow.tensorflow
found["keras"] = mlflow.keras.load_model(uri).predict(images, verbose=0)
found["tensorflow"] = mlflow.tensorflow.load_model(uri).predict(images, verbose=0)
assert "clr_sweep" not in sys.modules
print(json.dumps({name: values.tolist() for name, values in found.items()}))
"""


@pytest.fixture(scope="module")
def logged(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """A model with a cyclical schedule, logged on a run, and what a fresh process makes of it."""
    folder = tmp_path_factory.mktemp("models")
    uri = f"sqlite:///{folder}/mlflow.db"
    client = connect(uri)
    experiment = client.create_experiment("e", artifact_location=(folder / "artifacts").as_uri())
    run_id = client.create_run(experiment).info.run_id
    config = small_config("triangular2", model="tutorial_cnn")
    data = few_images()
    model = compiled_model(config, data, ())
    trial = TrialFolder(folder / "trial")
    trial.start(config)
    trial.save_model(model)
    for key in ("val_loss", "learning_rate"):
        for step in (1, 2):
            client.log_metric(run_id, key, step / 10, step=step)
    client.log_param(run_id, "max_lr", 0.2)
    model_id = log_keras_model(
        client,
        client.get_run(run_id),
        trial,
        (),
        name="study-trial-001",
        note="**What it is**",
        step=2,
        metrics=["val_loss"],
        data=DataFacts("a/few.npz", "a file", "d" * 64, 320, 100, (28, 28), "float32"),
    )
    images = np.asarray(data.x_train[:5]).astype("float32")
    np.save(folder / "images.npy", images)
    arguments = (LOAD, f"models:/{model_id}", folder / "images.npy", uri)
    done = python("-c", *arguments, folder=folder, TF_CPP_MIN_LOG_LEVEL="3")
    return {
        "expected": model.predict(images, verbose=0),
        "found": json.loads(done.stdout.splitlines()[-1]),
        "info": mlflow.models.get_model_info(f"models:/{model_id}"),
        "files": {path.name for path in Path(folder, "artifacts").rglob("*")},
        "run": client.get_run(run_id),
        "model": client.get_logged_model(model_id),
        "history": client.get_metric_history(run_id, "val_loss"),
    }


@pytest.mark.heavy
@pytest.mark.parametrize("loader", ["pyfunc", "keras", "tensorflow"])
def test_every_loader_gives_the_same_predictions(logged: dict[str, Any], loader: str) -> None:
    """Without clr_sweep imported: the optimizer, with its schedule, is left out."""
    np.testing.assert_allclose(logged["found"][loader], logged["expected"], rtol=1e-5, atol=1e-7)


def test_the_signature_is_that_of_the_model(logged: dict[str, Any]) -> None:
    """Images in, a probability for each class out; any number of them."""
    signature = logged["info"].signature
    (images,), (classes,) = signature.inputs.inputs, signature.outputs.inputs
    assert (images.shape, images.type) == ((-1, 28, 28), np.dtype("float32"))
    assert (classes.shape, classes.type) == ((-1, 10), np.dtype("float32"))


def test_the_requirements_are_given_not_inferred(logged: dict[str, Any]) -> None:
    """Versions of what was used; nothing of this project, and nothing pickled."""
    assert {"keras", "python_function"} == set(logged["info"].flavors)
    assert not [name for name in logged["files"] if "pickle" in name]
    (output,) = logged["run"].outputs.model_outputs
    assert output.model_id == logged["info"].model_id
    assert "requirements.txt" in logged["files"]


def test_the_model_stands_in_its_runs_experiment_with_its_metrics(logged: dict[str, Any]) -> None:
    """The named metrics at its epoch, not what counts steps; the run does not get them twice."""
    model, run = logged["model"], logged["run"]
    assert model.experiment_id == run.info.experiment_id
    assert model.source_run_id == run.info.run_id
    assert model.status == "READY"
    assert model.params == {"max_lr": "0.2"}
    (loss,) = model.metrics
    assert (loss.key, loss.step, loss.value) == ("val_loss", 2, 0.2)
    # By which the UI names the data set beside the model.
    assert (loss.dataset_name, loss.dataset_digest) == ("few.npz", "d" * 12)
    assert [(item.step, item.value) for item in logged["history"]] == [(1, 0.1), (2, 0.2)]


def test_a_model_says_what_it_is(logged: dict[str, Any]) -> None:
    """By name among all models of the store, and in a description."""
    model = logged["model"]
    assert model.name == "study-trial-001"
    assert model.tags["mlflow.note.content"] == "**What it is**"


def test_what_is_written_is_what_mlflow_writes(tmp_path: Path) -> None:
    """The same files with the same content, but for the two lines that mlflow.tensorflow needs."""
    import keras
    import mlflow.keras

    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)])
    folder = TrialFolder(tmp_path / "trial")
    folder.start(small_config())
    folder.save_model(model)
    save_inference_model(folder, "tutorial_cnn", ())
    signature = folder.signature()
    assert signature is not None
    ours, theirs = tmp_path / "ours", tmp_path / "theirs"
    described = Model(model_uuid="it")
    write_keras_model(folder.inference_file, signature, described, ours)
    # Of a function's own data nothing is known: what goes in is what the model declares.
    again, of_function = Model(model_uuid="it"), DataFacts("own:fit", "", "", 64, 0, (), "")
    write_keras_model(folder.inference_file, signature, again, tmp_path / "own", of_function)
    assert again.signature == described.signature
    mlflow.keras.save_model(
        model,
        str(theirs),
        mlflow_model=Model(model_uuid="it"),
        signature=described.signature,
        pip_requirements=(ours / "requirements.txt").read_text().split(),
    )

    def files(path: Path) -> set[str]:
        return {str(file.relative_to(path)) for file in path.rglob("*") if file.is_file()}

    assert files(ours) == files(theirs)
    for name in files(ours) - {"MLmodel", "data/model.keras"}:
        assert (ours / name).read_text() == (theirs / name).read_text(), name
    found, expected = (yaml.safe_load((path / "MLmodel").read_text()) for path in (ours, theirs))
    expected["flavors"]["keras"] |= {"model_type": "keras", "save_format": "keras"}
    for key in ("utc_time_created", "model_size_bytes"):
        assert found.pop(key)
        assert expected.pop(key)
    assert found == expected

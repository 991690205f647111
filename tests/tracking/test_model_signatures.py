"""A logged model takes the data that it was trained on, as their owner holds them."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import mlflow
import numpy as np
import pytest
from mlflow.models.utils import load_serving_example
from own_process import python
from real_runs import DATA, Place
from small_trials import SLICE, small_config

from clr_sweep.definition.data_names import DataOptions
from clr_sweep.engines.base import Done, Message
from clr_sweep.engines.local.engine import LocalEngine, local_engine
from clr_sweep.tracking.logged_models import log_keras_model
from clr_sweep.tracking.store import connect
from clr_sweep.training.folder import TrialFolder
from clr_sweep.training.requests import PREPARE_DATA, RUN_TRIAL, DataJob, PreparedData, TrialJob

# What a user has: data of any type of number, from a function or a file, and models that say what
# they take, that say it in integers, or that say nothing.
MINE = f"""
import keras
import numpy as np
from keras import layers

def _held(dtype, scale=1):
    with np.load({str(SLICE)!r}) as arrays:
        found = dict(arrays)
    made = {{key: array[:320 if "train" in key else 60] for key, array in found.items()}}
    for key in ("x_train", "x_test"):
        made[key] = (made[key] / scale).astype(dtype)
    return made

def as_int64():
    return _held("int64")

def as_float64():
    return _held("float64", 255)

def as_bool():
    return _held("bool", 128)

def as_uint8():
    return _held("uint8")

def as_float32():
    return _held("float32", 255)

def declared():
    return keras.Sequential([keras.Input((28, 28)), layers.Flatten(), layers.Dense(10, "softmax")])

def embedding():
    return keras.Sequential([
        keras.Input((28, 28), dtype="int32"),
        layers.Flatten(),
        layers.Embedding(256, 2),
        layers.GlobalAveragePooling1D(),
        layers.Dense(10, "softmax"),
    ])

@keras.saving.register_keras_serializable("mine")
class Undeclared(keras.Model):
    def __init__(self, **arguments):
        super().__init__(**arguments)
        self.flat, self.out = layers.Flatten(), layers.Dense(10, "softmax")

    def call(self, inputs):
        return self.out(self.flat(inputs))

def undeclared():
    return Undeclared()
"""

CASES = {
    "images as stored, the tutorial's model": ("npz", "tutorial_cnn", "uint8"),
    "uint8, nothing declared": ("mine:as_uint8", "mine:undeclared", "uint8"),
    "int64": ("mine:as_int64", "mine:declared", "int64"),
    "int64, an embedding": ("mine:as_int64", "mine:embedding", "int64"),
    "float64": ("mine:as_float64", "mine:declared", "float64"),
    "float64, nothing declared": ("mine:as_float64", "mine:undeclared", "float64"),
    "float32, nothing declared": ("mine:as_float32", "mine:undeclared", "float32"),
    "bool": ("mine:as_bool", "mine:declared", "bool"),
}

LOAD = """
import json, sys
import numpy as np
import mlflow
asked, found = json.loads(sys.argv[1]), {}
mlflow.set_tracking_uri(sys.argv[2])
import mine, mlflow.keras, mlflow.tensorflow
from mlflow.models import validate_serving_input
from mlflow.models.utils import load_serving_example
for case, (uri, file) in asked.items():
    x = np.load(file)["x_test"]
    loaded = {
        "pyfunc": mlflow.pyfunc.load_model(uri).predict(x),
        "keras": mlflow.keras.load_model(uri).predict(x, verbose=0),
        "tensorflow": mlflow.tensorflow.load_model(uri).predict(x, verbose=0),
        "served": validate_serving_input(uri, load_serving_example(uri)),
    }
    found[case] = {name: np.asarray(value).tolist() for name, value in loaded.items()}
assert "clr_sweep" not in sys.modules
print(json.dumps(found))
"""


def done(engine: LocalEngine, function: str, job: Any, log: Path) -> Any:
    """What a job returned, its epochs being let go on."""
    engine.start("job", function, job, log)
    while True:
        for event in engine.wait(600):
            if isinstance(event, Message):
                engine.answer("job", True)
                continue
            assert isinstance(event, Done), (event, log.read_text())
            return event.value


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A user's folder."""
    folder = tmp_path_factory.mktemp("signatures")
    (folder / "mine.py").write_text(MINE)
    return folder


@pytest.fixture(scope="module")
def logged(work: Path) -> Iterator[dict[str, dict[str, Any]]]:
    """For each case the data as held, a model trained on them, and what a fresh process finds."""
    uri = f"sqlite:///{work}/mlflow.db"
    client = connect(uri)
    experiment = client.create_experiment("e", artifact_location=(work / "artifacts").as_uri())
    cases: dict[str, dict[str, Any]] = {}
    with local_engine(1) as engine:
        for number, (case, (data, model, dtype)) in enumerate(CASES.items()):
            log = work / f"{number}.txt"
            name = str(SLICE) if data == "npz" else data
            job = DataJob(name, DataOptions(), (work,), work / f"data-{number}")
            facts: PreparedData = done(engine, PREPARE_DATA, job, log)
            config = small_config("triangular", model=model, max_lr=0.02, epochs=1)
            folder = TrialFolder(work / f"trial-{number}")
            trial = TrialJob(config, facts.stored, folder.path, (work,))
            done(engine, RUN_TRIAL, trial, log)
            run = client.create_run(experiment)
            held = work / f"held-{number}.npz"
            x = np.load(facts.stored.folder / "x_test.npy")[:60]
            np.savez(held, x_test=x)
            assert x.dtype == dtype
            model_id = log_keras_model(
                client, run, folder, (work,), f"model-{number}", "", step=1, data=facts
            )
            cases[case] = {"uri": f"models:/{model_id}", "held": str(held), "folder": folder}
            cases[case]["first"] = np.load(facts.stored.folder / "x_train.npy")[:1]
    mlflow.set_tracking_uri(uri)
    asked = {case: (found["uri"], found["held"]) for case, found in cases.items()}
    loading = python(
        "-c", LOAD, json.dumps(asked), uri, folder=work,
        TF_CPP_MIN_LOG_LEVEL="3", CUDA_VISIBLE_DEVICES="-1", PYTHONPATH=str(work),
    )  # fmt: skip
    for case, values in json.loads(loading.stdout.splitlines()[-1]).items():
        cases[case]["values"] = values
    yield cases
    mlflow.set_tracking_uri("")


def predicted(folder: TrialFolder, x: Any, work: Path) -> Any:
    """What the trial's own model makes of data, cast as its training casts them."""
    import keras

    sys.path.insert(0, str(work))
    try:
        import mine  # type: ignore[import-not-found]  # noqa: F401 - registers its class
    finally:
        sys.path.remove(str(work))
    model = keras.models.load_model(folder.model_file, compile=False)
    inputs = getattr(model, "inputs", None)
    return model.predict(x.astype(inputs[0].dtype if inputs else "float32"), verbose=0)


@pytest.mark.heavy
@pytest.mark.parametrize("case", CASES)
def test_the_data_can_be_predicted_as_they_are_held(
    logged: dict[str, dict[str, Any]], case: str, work: Path
) -> None:
    """By all of MLflow's loaders, and as JSON by a server; with the training's own values."""
    found = logged[case]
    x = np.load(found["held"])["x_test"]
    expected = predicted(found["folder"], x, work)
    assert expected.shape == (60, 10)
    for loader in ("pyfunc", "keras", "tensorflow"):
        np.testing.assert_allclose(found["values"][loader], expected, rtol=1e-4, atol=1e-6)
    served = predicted(found["folder"], found["first"], work)
    np.testing.assert_allclose(found["values"]["served"], served, rtol=1e-4, atol=1e-6)


@pytest.mark.heavy
@pytest.mark.parametrize("case", CASES)
def test_signature_and_example_are_those_of_the_data(
    logged: dict[str, dict[str, Any]], case: str
) -> None:
    """Any number of examples, of the type and shape in which they are held."""
    found, dtype = logged[case], CASES[case][2]
    info = mlflow.models.get_model_info(found["uri"])
    (inputs,), (outputs,) = info.signature.inputs.inputs, info.signature.outputs.inputs
    assert (inputs.type, inputs.shape) == (np.dtype(dtype), (-1, 28, 28))
    assert (outputs.type, outputs.shape) == (np.dtype("float32"), (-1, 10))
    (example,) = json.loads(load_serving_example(found["uri"]))["inputs"]
    np.testing.assert_array_equal(np.asarray(example, dtype), found["first"][0])


@pytest.mark.heavy
def test_the_best_model_of_a_sweep_predicts_its_test_set(finished: Place) -> None:
    """The run's output, as the guide loads it, in a process of its own."""
    best = next(
        run for run in finished.runs()
        if run.data.tags["clr_sweep.kind"] == "trial" and "test_accuracy" in run.data.metrics
    )  # fmt: skip
    (output,) = best.outputs.model_outputs
    script = (
        "import mlflow, numpy as np\n"
        f"mlflow.set_tracking_uri('sqlite:///{finished.database}')\n"
        f"held = np.load({str(DATA / 'fashion_mnist_slice.npz')!r})\n"
        f"model = mlflow.pyfunc.load_model('models:/{output.model_id}')\n"
        "found = model.predict(held['x_test']).argmax(axis=1)\n"
        "print((found == held['y_test']).mean(), held['x_test'].dtype)\n"
    )
    ran = finished.run(sys.executable, "-c", script)
    assert ran.process.returncode == 0, ran.output
    accuracy, dtype = ran.output.split()[-2:]
    assert dtype == "uint8"
    assert float(accuracy) == pytest.approx(best.data.metrics["test_accuracy"], abs=1e-6)

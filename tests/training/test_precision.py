"""Mixed bfloat16: what computes in it, what does not, and that nothing of it stays behind."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from interrupted_trials import assert_same_trial, trained
from own_process import python
from small_trials import BATCH, small_config

from clr_sweep.common.errors import TrialFailedError
from clr_sweep.definition.yaml_file import dump
from clr_sweep.results.export import read_exported
from clr_sweep.tracking.logged_models import log_keras_model
from clr_sweep.tracking.store import connect
from clr_sweep.training.compiling import compiled_model
from clr_sweep.training.data.materialized import Dataset
from clr_sweep.training.folder import TrialFolder
from clr_sweep.training.loop import TrainingLoop
from clr_sweep.training.trial import train

MIXED = small_config(
    "exp_range", model="tutorial_cnn", gamma=0.99, epochs=4, precision="mixed_bfloat16"
)


def built(images: Dataset, **changes: Any) -> Any:
    """A compiled model, the same at each call."""
    keras.utils.set_random_seed(3)
    return compiled_model(small_config(**changes), images, ())


def test_the_tutorials_layers(images: Dataset) -> None:
    """All compute in bfloat16 but the last, on weights that are all float32."""
    model = built(images, model="tutorial_cnn", precision="mixed_bfloat16")
    *hidden, last = [layer.compute_dtype for layer in model.layers]
    assert hidden == ["bfloat16"] * len(hidden) != []
    assert last == "float32"
    assert {weight.dtype for weight in model.weights} == {"float32"}
    assert model.outputs[0].dtype == model.inputs[0].dtype == "float32"


def test_a_users_model_is_built_as_it_is(images: Dataset) -> None:
    """Its last layer too, which says nothing else."""
    model = built(images, precision="mixed_bfloat16")
    assert {layer.compute_dtype for layer in model.layers[1:]} == {"bfloat16"}
    assert model.outputs[0].dtype == "bfloat16"


def test_nothing_stays_behind(images: Dataset) -> None:
    """Models built after one of mixed precision, or after one that failed, are float32's."""
    before = built(images, model="tutorial_cnn")
    built(images, model="tutorial_cnn", precision="mixed_bfloat16")
    with pytest.raises(TrialFailedError, match="Unable to allocate"):
        built(images, model="stateful_models:hungry_at_once", precision="mixed_bfloat16")
    assert keras.config.dtype_policy().name == "float32"
    after = built(images, model="tutorial_cnn")
    assert {layer.compute_dtype for layer in after.layers} == {"float32"}
    for one, other in zip(before.get_weights(), after.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_policy_of_the_users_own_stays(images: Dataset) -> None:
    """`float32` sets nothing: what a module has set for its process holds as it did."""
    keras.config.set_dtype_policy("mixed_float16")
    try:
        model = built(images)
        assert keras.config.dtype_policy().name == "mixed_float16"
    finally:
        keras.config.set_dtype_policy("float32")
    assert {layer.compute_dtype for layer in model.layers[1:]} == {"float16"}


def test_steps_that_loss_scaling_skips_are_counted(images: Dataset, tmp_path: Path) -> None:
    """The trial takes the steps that it is planned to take, and tells how many changed nothing."""
    config = small_config(loss="own_loss_functions:huge", max_lr=0.011, metric="val_loss")
    keras.config.set_dtype_policy("mixed_float16")
    try:
        result = train(config, images, TrialFolder(tmp_path))
    finally:
        keras.config.set_dtype_policy("float32")
    assert (result.state, result.steps) == ("complete", config.steps)
    assert 0 < result.skipped_steps < config.steps
    assert result.learning_rate_deviation


def test_the_loss_of_every_step(images: Dataset) -> None:
    """It is recorded as Keras computes it, and differs from float32's in the digits of bfloat16."""
    tf.config.experimental.enable_op_determinism()
    order = np.arange(3 * BATCH, dtype="int32")
    losses = {}
    for precision in ("float32", "mixed_bfloat16"):
        model = built(images, model="tutorial_cnn", precision=precision)
        loop = TrainingLoop(model, images.x_train, images.y_train, BATCH)
        losses[precision] = loop.train(order, 0, 3)[1]
        assert losses[precision].dtype == np.float32
    again = built(images, model="tutorial_cnn", precision="mixed_bfloat16")
    expected = [
        again.train_on_batch(images.x_train[i : i + BATCH], images.y_train[i : i + BATCH])
        for i in range(0, len(order), BATCH)
    ]
    np.testing.assert_allclose(
        losses["mixed_bfloat16"], [np.atleast_1d(loss)[0] for loss in expected], rtol=1e-5
    )
    assert (losses["mixed_bfloat16"] != losses["float32"]).any()
    np.testing.assert_allclose(losses["mixed_bfloat16"], losses["float32"], rtol=0.02)


@pytest.mark.heavy
def test_interrupted_after_every_epoch(images: Dataset, tmp_path: Path) -> None:
    """Each epoch by another attempt: to the bit what one attempt gives."""
    assert trained(MIXED, images, tmp_path / "whole") == [1, 2, 3, 4]
    for epoch in (1, 2, 3):
        trained(MIXED, images, tmp_path / "cut", epoch)
    assert trained(MIXED, images, tmp_path / "cut") == [3, 4]
    assert_same_trial(TrialFolder(tmp_path / "cut"), TrialFolder(tmp_path / "whole"))
    loaded = keras.saving.load_model(TrialFolder(tmp_path / "whole").model_file)
    assert [layer.compute_dtype for layer in loaded.layers][-2:] == ["bfloat16", "float32"]


def test_an_exported_file_keeps_it(tmp_path: Path) -> None:
    """A file that is older than precision means float32."""
    content = {"config": MIXED.model_dump(mode="json")}
    file = tmp_path / "best.yaml"
    file.write_text(dump(content))
    assert read_exported(file).config == MIXED
    del content["config"]["training"]["precision"]
    file.write_text(dump(content))
    assert read_exported(file).config.training.precision == "float32"


LOAD = """
import json, sys
import numpy as np
import mlflow
mlflow.set_tracking_uri(sys.argv[1])
images, found = np.load(sys.argv[2]), []
for uri in sys.argv[3:]:
    found.append(np.asarray(mlflow.pyfunc.load_model(uri).predict(images)).tolist())
assert "clr_sweep" not in sys.modules
print(json.dumps(found))
"""


@pytest.mark.heavy
def test_logged_models_load_without_us(images: Dataset, tmp_path: Path) -> None:
    """In a process of float32: the tutorial's model and one whose output is bfloat16."""
    uri = f"sqlite:///{tmp_path}/mlflow.db"
    client = connect(uri)
    experiment = client.create_experiment("e", artifact_location=(tmp_path / "a").as_uri())
    x = images.x_train[:5].astype("float32")
    np.save(tmp_path / "images.npy", x)
    expected, uris = [], []
    for name in ("tutorial_cnn", "user_models:perceptron"):
        config = small_config(model=name, precision="mixed_bfloat16")
        model = compiled_model(config, images, ())
        folder = TrialFolder(tmp_path / name.replace(":", "-"))
        folder.start(config)
        folder.save_model(model)
        run = client.create_run(experiment)
        logged = log_keras_model(client, run, folder, (), "model", "", step=1)
        uris.append(f"models:/{logged}")
        expected.append(np.asarray(model.predict(x, verbose=0)).astype("float32"))
    arguments = (LOAD, uri, tmp_path / "images.npy", *uris)
    done = python("-c", *arguments, folder=tmp_path, TF_CPP_MIN_LOG_LEVEL="3")
    found = json.loads(done.stdout.splitlines()[-1])
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(one, other, rtol=0.02, atol=1e-3)

"""Models that Keras saves and cannot load: kept for MLflow as they are, and said."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import keras
import numpy as np
import pytest
from keras import layers
from small_trials import few_images, small_config

from clr_sweep.common.errors import StoreError
from clr_sweep.library.trial import Trial
from clr_sweep.training.folder import TrialFolder
from clr_sweep.training.inference import save_inference_model
from clr_sweep.training.records import TrialRecord
from clr_sweep.training.trial import train
from clr_sweep.training.unloadable import why_unloadable

HERE = (Path(__file__).parent,)
WHY = f"it does not find {__name__}.Thirds, thirds, a Lambda layer"


class Thirds(layers.Layer):
    """Registered nowhere, as the function below."""

    def call(self, inputs):  # type: ignore[no-untyped-def]
        return inputs / 3


def thirds(x):  # type: ignore[no-untyped-def]
    return x / 3


def unloadable() -> keras.Model:
    """A model of all that Keras does not load."""
    return keras.Sequential(
        [
            keras.Input((28, 28)), layers.Flatten(), layers.Rescaling(1 / 255), Thirds(),
            layers.Dense(4, activation=thirds), layers.Lambda(lambda x: x / 3),
            layers.Dense(10, activation="softmax"),
        ]
    )  # fmt: skip


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Trial:
    """A trial that has trained it."""
    folder = TrialFolder(tmp_path_factory.mktemp("unloadable") / "trial")
    config = small_config(model=f"{__name__}:unloadable")
    train(config, few_images(), folder, HERE)
    save_inference_model(folder, config.model.name, HERE, few_images().x_train[:1])
    return Trial(TrialRecord("trial", 0, "complete", None, config, folder.path), HERE)


def test_it_is_kept_with_the_reason_in_the_place_of_its_signature(trained: Trial) -> None:
    """What does not load is named; examples and weights are there."""
    folder = TrialFolder(trained.folder)
    signature = folder.signature()
    assert signature is not None
    assert why_unloadable(signature) == WHY
    assert (signature["inputs"], signature["outputs"]) == ([], [])
    examples = folder.examples()
    assert isinstance(examples, np.ndarray)
    assert examples.shape == (1, 28, 28)


def test_its_own_code_alone_loads_it(trained: Trial) -> None:
    """No optimizer, whose schedule needs clr-sweep, is in the way of the user's code."""
    file = TrialFolder(trained.folder).inference_file
    with zipfile.ZipFile(file) as archive:
        assert "compile_config" not in json.loads(archive.read("config.json"))
    custom = {"Thirds": Thirds, "thirds": thirds}
    loaded = keras.saving.load_model(file, custom_objects=custom, safe_mode=False)
    again = unloadable()
    again.load_weights(TrialFolder(trained.folder).model_file)
    x = few_images().x_train[:4]
    np.testing.assert_array_equal(loaded(x), again(x))
    assert not np.array_equal(again(x), unloadable()(x))


def test_its_trial_says_why_there_is_no_trained_model(trained: Trial) -> None:
    """In one line, with the cure, and how its weights can be had; which they can."""
    with pytest.raises(StoreError) as caught:
        trained.trained_model()
    said = str(caught.value)
    assert WHY in said
    assert "@keras.saving.register_keras_serializable()" in said
    assert "\n" not in said
    model = trained.model()
    model.load_weights(trained.folder / "model.keras")


def test_a_file_that_is_no_model_is_no_such_model(trained: Trial, tmp_path: Path) -> None:
    """What Keras says of it stands, and nothing is written."""
    folder = TrialFolder(tmp_path)
    folder.start(trained.config)
    folder.model_file.write_bytes(b"no archive")
    with pytest.raises((ValueError, OSError)):
        save_inference_model(folder, "tutorial_cnn", HERE)
    assert folder.signature() is None
    assert not folder.inference_file.exists()

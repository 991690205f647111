"""Models that Keras cannot load, or not even save: kept for MLflow as they are, and said."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

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
from clr_sweep.training.unloadable import CURE, cure_of, plain_load_errors, warning, why_unloadable

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


class Then(layers.Layer):
    """Of arguments that are no plain values, and without a `get_config`: Keras does not save it."""

    def __init__(self, inner: keras.Layer, then: Callable[[Any], Any]) -> None:
        super().__init__()
        self.inner, self.then = inner, then

    def call(self, inputs):  # type: ignore[no-untyped-def]
        return self.then(self.inner(inputs))


def unsaveable() -> keras.Model:
    """A model that Keras does not save."""
    return keras.Sequential(
        [
            keras.Input((28, 28)), layers.Flatten(), layers.Rescaling(1 / 255),
            Then(layers.Dense(4), thirds), layers.Dense(10, activation="softmax"),
        ]
    )  # fmt: skip


def trial_of(model: Callable[[], keras.Model], path: Path) -> Trial:
    folder = TrialFolder(path / "trial")
    config = small_config(model=f"{__name__}:{model.__name__}")
    train(config, few_images(), folder, HERE)
    save_inference_model(folder, config.model.name, HERE, few_images().x_train[:1])
    return Trial(TrialRecord("trial", 0, "complete", None, config, folder.path), HERE)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Trial:
    """A trial that has trained what does not load."""
    return trial_of(unloadable, tmp_path_factory.mktemp("unloadable"))


@pytest.fixture(scope="module")
def trained_unsaved(tmp_path_factory: pytest.TempPathFactory) -> Trial:
    """A trial that has trained what is not saved."""
    return trial_of(unsaveable, tmp_path_factory.mktemp("unsaved"))


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
    assert f"Cure: {CURE}; the weights" in said
    assert "of a trial of a study, .model() does" in said
    assert "\n" not in said
    model = trained.model()
    model.load_weights(trained.folder / "model.keras")


def test_of_one_that_keras_cannot_save_the_weights_are_kept(trained_unsaved: Trial) -> None:
    """A trial of it ends as any other; they are those of its last step."""
    folder = TrialFolder(trained_unsaved.folder)
    result = folder.result()
    assert result is not None
    assert result.state == "complete"
    model, x = trained_unsaved.model(), few_images().x_train[:4]
    model.load_weights(folder.model_file)
    trained_on = unsaveable()
    trained_on.load_weights(folder.inference_file)
    np.testing.assert_array_equal(model(x), trained_on(x))
    assert not np.array_equal(model(x), unsaveable()(x))
    assert not list(trained_unsaved.folder.glob("*.weights.h5"))


def test_it_is_said_why_keras_could_not_save_it(trained_unsaved: Trial) -> None:
    """In Keras' words, of which the example of code is left out; the file tells it too."""
    why = why_unloadable(TrialFolder(trained_unsaved.folder).signature())
    assert why.startswith("it could not save it, but for its weights: NotImplementedError: Object ")
    assert why.endswith("Please implement `get_config()`.")
    with pytest.raises(StoreError) as caught:
        trained_unsaved.trained_model()
    assert why in str(caught.value)
    assert "with a get_config for the arguments of a class" in str(caught.value)
    with pytest.raises(TypeError, match="saved with its weights alone: NotImplementedError"):
        keras.saving.load_model(trained_unsaved.folder / "model.keras")


@keras.saving.register_keras_serializable("test_unloadable")
class Halves(layers.Layer):
    """Registered, where this module is imported."""

    def call(self, inputs):  # type: ignore[no-untyped-def]
        return inputs / 2


def test_of_what_is_registered_the_import_is_the_cure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As in a process without it; and of a function's model no `.model()` is spoken of."""
    folder = TrialFolder(tmp_path)
    folder.save_model(keras.Sequential([keras.Input((2,)), Halves()]))
    monkeypatch.delitem(keras.saving.get_custom_objects(), "test_unloadable>Halves")
    cure = f"{__name__}.Halves, of a module that is not imported. Cure: import it at the top of"
    with (
        pytest.raises(StoreError, match=cure) as caught,
        plain_load_errors(folder.model_file, is_functions=True),
    ):
        keras.saving.load_model(folder.model_file)
    assert "make the model by its code and call its load_weights" in str(caught.value)
    save_inference_model(folder, "tutorial_cnn", HERE)
    assert "decorate" not in cure_of(folder.signature())
    assert "Cure: import it at the top of" in warning("trial 0", folder.signature())
    assert warning("trial 0", None) == ""


def test_a_file_that_is_no_model_is_no_such_model(trained: Trial, tmp_path: Path) -> None:
    """What Keras says of it stands, and nothing is written."""
    folder = TrialFolder(tmp_path)
    folder.start(trained.config)
    folder.model_file.write_bytes(b"no archive")
    with pytest.raises((ValueError, OSError)):
        save_inference_model(folder, "tutorial_cnn", HERE)
    assert folder.signature() is None
    assert not folder.inference_file.exists()

"""`clr-sweep export --register` of a model with a class of the user's own, and its serving."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from documentation import BEST_CONFIGURATION, blocks
from mlflow.tracking import MlflowClient
from own_process import python
from small_studies import SmallStudy
from stored_commands import invoke

from clr_sweep.training.folder import TrialFolder
from clr_sweep.training.inference import save_inference_model

MY_MODEL = """
import keras
from keras import layers

@keras.saving.register_keras_serializable("mine")
class Net(keras.Model):
    def __init__(self, **arguments):
        super().__init__(**arguments)
        self.conv, self.flat, self.out = layers.Conv1D(2, 3), layers.Flatten(), layers.Dense(10)

    def call(self, inputs):
        return self.out(self.flat(self.conv(inputs)))
"""

REGISTER = ("export", "digits", "--register", "digits", "--alias", "champion")


@pytest.fixture
def digits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The folder of a study whose best trial has such a model, which is the current one."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path / 'mlflow.db'}")
    (tmp_path / "my_model.py").write_text(MY_MODEL, encoding="utf-8")
    study = SmallStudy(tmp_path, "digits")
    study.add("complete")
    folder = TrialFolder(study.record.best.folder)
    import my_model  # type: ignore[import-not-found]

    model = my_model.Net()
    model(np.zeros((1, 28, 28), "float32"))
    folder.save_model(model)
    save_inference_model(folder, "my_model:Net", [tmp_path])
    study.publisher().trial_runs.reconcile(study.record)
    yield tmp_path
    sys.modules.pop("my_model", None)


@pytest.mark.usefixtures("digits")
def test_what_has_to_be_imported_is_said_each_time(caplog: pytest.LogCaptureFixture) -> None:
    """By the command and on the version's page."""
    for _ in range(2):
        result = invoke(*REGISTER)
        assert result.exit_code == 0, result.output
        (said,) = (one.getMessage() for one in caplog.records if one.name == "clr_sweep")
        caplog.clear()
        assert said.startswith("warning: the model has my_model.Net, which Keras has not: ")
        assert "`mlflow models serve` does not, and cannot load it" in said
    version = MlflowClient().get_model_version("digits", "1")
    assert version.description.endswith("To be imported first: `my_model.Net`.")


LOAD = """
import mlflow
import numpy as np
try:
    mlflow.pyfunc.load_model("models:/digits@champion")
except TypeError as error:
    print(error)
found = mlflow.pyfunc.load_model("models:/digits-served/1").predict(np.ones((2, 28, 28)))
print("shape", found.shape)
"""


@pytest.mark.heavy
def test_logged_again_as_the_page_says_it_loads_without_the_import(
    digits: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """In a process that has neither the module nor its folder; as registered, it does not."""
    assert invoke(*REGISTER).exit_code == 0
    (code,) = (text for _, text in blocks(BEST_CONFIGURATION, "python") if "code_paths" in text)
    (digits / "again.py").write_text(code, encoding="utf-8")
    python("again.py", folder=digits)
    loaded = python("-c", LOAD, folder=tmp_path_factory.mktemp("elsewhere"))
    assert "Could not locate class 'Net'" in loaded.stdout
    assert "shape (2, 10)" in loaded.stdout

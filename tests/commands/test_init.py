"""`clr-sweep init`, as somebody uses it who has data and a model and no sweep file."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from image_files import write_images
from real_runs import DATA, Place

from clr_sweep.cli import main
from clr_sweep.definition.loading import load_sweep

MODEL = """
import keras

def build(input_shape, classes):
    return keras.Sequential([
        keras.Input(input_shape), keras.layers.Rescaling(1 / 255), keras.layers.Flatten(),
        keras.layers.Dense(classes, "softmax"),
    ])

def line(input_shape):
    return keras.Sequential([keras.Input(input_shape), keras.layers.Dense(1)])

def behind(input_shape):
    return keras.Sequential([
        keras.Input(input_shape), keras.layers.BatchNormalization(), keras.layers.Dense(1)
    ])

def logits(input_shape):
    return keras.Sequential([
        keras.Input(input_shape), keras.layers.Flatten(), keras.layers.Dense(10)
    ])
"""


@pytest.fixture(scope="module")
def place(places: Callable[..., Place]) -> Place:
    """A folder with images, amounts and models."""
    place = places("init")
    (place.folder / "my_model.py").write_text(MODEL)
    (place.folder / "data").mkdir()
    with np.load(DATA / "fashion_mnist_slice.npz") as held:
        arrays = {key: array[: 600 if "train" in key else 100] for key, array in held.items()}
    np.savez(place.folder / "data/clothes.npz", **arrays)
    random = np.random.default_rng(1)
    x = random.normal(size=(2400, 3)).astype("float32")
    y = x @ np.array([1.0, -2.0, 0.5], "float32") + random.normal(size=2400).astype("float32")
    parts = {"x_train": x[:2000], "y_train": y[:2000], "x_test": x[2000:], "y_test": y[2000:]}
    np.savez(place.folder / "amounts.npz", **parts)
    return place


def test_a_classification(place: Place) -> None:
    """It looks, says the budget, and what it wrote passes `check` with a look at the data too."""
    options = ("--data", "data/clothes.npz", "--model", "my_model:build")
    done = place.sweep("init", *options, "--quiet", status=0)
    budget = re.search(r"^(Budget: a range test, 20 trials and .*)", done.output, re.MULTILINE)
    assert budget, done.output
    assert done.output.endswith(
        "sweep.yaml is written; what it would do: clr-sweep check sweep.yaml; start it: "
        "clr-sweep run sweep.yaml\n"
    )
    file = place.folder / "sweep.yaml"
    text = file.read_text(encoding="utf-8")
    assert f"# {budget[1]}\n" in text
    schema = Path(text.splitlines()[0].removeprefix("# yaml-language-server: $schema="))
    assert schema.read_text(encoding="utf-8").startswith("{")
    for said in ("600 examples (28, 28) uint8", "class numbers, 10 of them", "7,850 parameters"):
        assert said in text
    sweep = load_sweep(file)
    assert (sweep.name, sweep.model.name) == ("clothes", "my_model:build")
    checked = place.sweep("check", "sweep.yaml", status=0)
    assert checked.output.startswith("sweep.yaml: valid\n")
    again = place.sweep("init", *options, status=2)
    assert "sweep.yaml: is there, and nothing is overwritten" in again.output
    assert file.read_text(encoding="utf-8") == text


@pytest.mark.heavy
def test_images_in_folders(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """It writes the size that fits them too, and names the folder as seen from the file."""
    write_images(place.folder / "data/photos", ["cat", "dog"], 30, sizes=((8, 6), (10, 12)))
    (place.folder / "sweeps").mkdir(exist_ok=True)
    options = ("--data", "images:data/photos", "--model", "my_model:build")
    place.sweep("init", *options, "-o", "sweeps/photos.yaml", "--quiet", status=0)
    monkeypatch.chdir(place.folder)
    dataset = load_sweep(Path("sweeps/photos.yaml")).dataset
    assert (dataset.name, dataset.image_size) == ("images:../data/photos", (9, 9))
    checked = place.sweep("check", "sweeps/photos.yaml", status=0)
    assert "data: images:../data/photos, 38 examples to train on, 10 held out" in checked.output


def test_what_does_not_fit_is_refused_and_nothing_is_written(place: Place) -> None:
    """A model that ends in an output for each row of an image, found by building it."""
    options = ("--data", "data/clothes.npz", "--model", "my_model:line", "-o", "no.yaml")
    done = place.sweep("init", *options, status=2)
    for doing in ("loading data/clothes.npz", "looking at the model my_model:line"):
        assert f"clr-sweep: {doing}" in done.output  # it may take minutes
    assert "no loss goes with labels of the shape ('n',)" in done.output
    assert not (place.folder / "no.yaml").exists()


def test_names_that_are_wrong_are_refused_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both, before anything is loaded."""
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(main, ["init", "--data", "none.npz", "--model", "nowhere:build"])
    assert result.exit_code == 2
    assert "--data: " in result.stderr
    assert "--model: there is no module 'nowhere'" in result.stderr
    assert list(tmp_path.iterdir()) == []
    missing = CliRunner().invoke(main, ["init", "-o", "missing/sweep.yaml"])
    assert "missing/sweep.yaml: cannot be written: there is no such folder" in missing.stderr


@pytest.mark.heavy
def test_logits(place: Place) -> None:
    """A model without a softmax, found by looking at what it predicts, passes `check` too."""
    options = ("--data", "data/clothes.npz", "--model", "my_model:logits", "-o", "logits.yaml")
    place.sweep("init", *options, status=0)
    place.sweep("check", "logits.yaml", "--measure", status=0)
    text = (place.folder / "logits.yaml").read_text(encoding="utf-8")
    assert "from_logits: true" in text


@pytest.mark.heavy
def test_columns_that_no_rate_suits(place: Place) -> None:
    """It warns, in the file too, where sizes differ and the model does not scale them."""
    with np.load(place.folder / "amounts.npz") as held:
        arrays = dict(held)
    for part in ("x_train", "x_test"):
        arrays[part] = arrays[part] * np.array([1, 1, 1000], "float32")
    for part in ("y_train", "y_test"):
        arrays[part] = arrays[part] * 1000
    np.savez(place.folder / "uneven.npz", **arrays)
    options = ("--data", "uneven.npz", "--model", "my_model:line", "-o", "uneven.yaml")
    done = place.sweep("init", *options, status=0)
    assert "\nwarning: the columns differ in size, the largest values from " in done.output
    assert "\nwarning: the labels are large, " in done.output
    text = (place.folder / "uneven.yaml").read_text(encoding="utf-8")
    assert "\n# warning: the labels are large, " in text
    assert "\n# warning: the columns differ in size, the largest values from " in text
    assert load_sweep(place.folder / "uneven.yaml").range_test.rule == "smith"
    options = ("--data", "uneven.npz", "--model", "my_model:behind", "-o", "behind.yaml")
    done = place.sweep("init", *options, status=0)
    assert ", and batch normalisation alone scales them: " in done.output
    assert load_sweep(place.folder / "behind.yaml").range_test.rule == "quarter"


@pytest.mark.heavy
def test_a_regression_runs_as_it_is_written(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """From another folder's file too; the study comes to its end."""
    (place.folder / "sweeps").mkdir(exist_ok=True)
    options = ("--data", "amounts.npz", "--model", "my_model:line", "-o", "sweeps/amounts.yaml")
    place.sweep("init", *options, status=0)
    monkeypatch.chdir(place.folder)  # where the model is
    sweep = load_sweep(Path("sweeps/amounts.yaml"))
    assert sweep.dataset.name == "../amounts.npz"
    assert sweep.training.loss.name == "mean_squared_error"
    place.sweep("run", "sweeps/amounts.yaml", "--trials", "2", status=0)
    assert place.states("amounts") == ["COMPLETE", "COMPLETE"]

"""The code that the documentation shows runs, as a reader would run it."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from documentation import BEST_CONFIGURATION, OWN_MODEL, SWEEP_FILE, blocks
from real_runs import PROJECT, Place

from clr_sweep.definition.loading import load_sweep
from clr_sweep.definition.sweep import ModelConfig
from clr_sweep.lr_range_test.scale import scale_problems
from clr_sweep.search.configurations import baseline_config
from clr_sweep.training.compiling import data_facts
from clr_sweep.training.data.datasets import load_dataset
from clr_sweep.training.folder import TrialFolder
from clr_sweep.training.models import build_model
from clr_sweep.training.trial import train


def run_blocks(page: Path, namespace: dict[str, Any]) -> int:
    """Run a page's Python blocks in their order; errors name the page and its line."""
    found = blocks(page, "python")
    for line, block in found:
        exec(compile("\n" * line + block, str(page), "exec"), namespace)
    return len(found)


def test_the_code_of_the_schedules_page_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The examples of the schedules' page run one after the other, as a reader would run them."""
    monkeypatch.chdir(tmp_path)
    assert run_blocks(PROJECT / "docs" / "schedules.md", {"__name__": "schedules_page"}) > 5
    assert (tmp_path / "cyclical.keras").exists()


def test_the_code_of_the_readme_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The examples of the README run."""
    monkeypatch.chdir(tmp_path)
    assert run_blocks(PROJECT / "README.md", {"__name__": "readme"})


def test_the_code_of_the_sweep_files_page_runs() -> None:
    """An optimizer, a loss and a metric of one's own, which are what they say."""
    page: dict[str, Any] = {"__name__": "sweep_file_page"}
    assert run_blocks(SWEEP_FILE, page) == 5
    assert page["clipped_muon"](0.1, momentum=0.5).momentum == 0.5
    assert page["either"](0.1).momentum == 0.9
    assert isinstance(page["either"](0.1, kind="adam"), keras.optimizers.Adam)
    loss = page["pinball"]([[0.0], [1.0]], [[1.0], [0.0]], quantile=0.9)
    assert [round(float(value), 6) for value in loss] == [0.1, 0.9]
    assert page["weights"](np.zeros((2, 3)), np.array([-2.0, 0.5])).tolist() == [3.0, 1.5]
    assert page["MacroF1"]().average == "macro"


def test_the_augmenting_model_of_the_page_is_one() -> None:
    """It takes images as a trial hands them to it; in training alone it changes them."""
    (code,) = (block for _, block in blocks(OWN_MODEL, "python") if "def augmented" in block)
    page: dict[str, Any] = {"__name__": "own_model_page"}
    exec(compile(code, str(OWN_MODEL), "exec"), page)
    model = page["augmented"]((28, 28), 10)
    images = np.arange(2 * 28 * 28, dtype="float32").reshape(2, 28, 28) % 255
    as_they_are, again, changed = (
        np.asarray(model(images, training=training)) for training in (False, False, True)
    )
    assert as_they_are.shape == (2, 10)
    np.testing.assert_array_equal(as_they_are, again)
    assert not np.array_equal(as_they_are, changed)


def test_the_loader_of_the_data_page_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All its batches, with labels that belong to them."""
    monkeypatch.setenv("CLR_SWEEP_CACHE", str(tmp_path / "cache"))
    page = blocks(PROJECT / "docs" / "data.md", "python")
    (code,) = (block for _, block in page if "Measurements" in block)
    (tmp_path / "measurements.py").write_text(code, encoding="utf-8")
    data = load_dataset("measurements:load", search_path=[tmp_path])
    assert (data.x_train.shape, data.x_test.shape) == ((2000, 8), (500, 8))
    assert ((data.x_train.sum(axis=1) > 0) == data.y_train).all()


def test_the_scaling_of_the_data_page_is_as_it_says(tmp_path: Path) -> None:
    """Columns and labels come out standardised, which no check warns of; so from a saved model."""
    (code,) = (
        block for _, block in blocks(PROJECT / "docs" / "data.md", "python") if "HOUSES" in block
    )
    random = np.random.default_rng(0)
    x = random.uniform([1900, 1e4], [2020, 2e5], (300, 2))
    y = 900 * x[:, 0] + x[:, 1]
    parts = {"x_train": x[:200], "y_train": y[:200], "x_test": x[200:], "y_test": y[200:]}
    np.savez(tmp_path / "houses.npz", **parts)
    (tmp_path / "houses.py").write_text(code, encoding="utf-8")
    data = load_dataset("houses:data", search_path=[tmp_path])
    assert data.y_train.mean() == pytest.approx(0, abs=1e-6)
    assert data.y_train.std() == pytest.approx(1)
    model = build_model(ModelConfig(name="houses:network"), data_facts(data), [tmp_path])
    model.compile("sgd", "mean_squared_error")
    assert scale_problems(model, data.x_train, data.y_train) == ()
    scaled = np.asarray(model.layers[0](data.x_train))
    np.testing.assert_allclose(scaled.mean(axis=0), 0, atol=1e-3)
    np.testing.assert_allclose(scaled.std(axis=0), 1, rtol=1e-3)
    model.save(tmp_path / "houses.keras")
    saved = keras.models.load_model(tmp_path / "houses.keras")
    np.testing.assert_array_equal(saved(data.x_test), model(data.x_test))


def test_the_example_of_several_inputs_and_outputs_trains(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The page's sweep: its first trial, but for fewer epochs, and what it measures."""
    monkeypatch.syspath_prepend(str(tmp_path))
    (code,) = (block for _, block in blocks(OWN_MODEL, "python") if "def two_ends" in block)
    (sweep,) = (block for _, block in blocks(OWN_MODEL, "yaml") if "people:two_ends" in block)
    (tmp_path / "people.py").write_text(code, encoding="utf-8")
    (tmp_path / "people.yaml").write_text(sweep, encoding="utf-8")
    read = load_sweep(tmp_path / "people.yaml")
    data = load_dataset(read.dataset.name, search_path=[tmp_path])
    config = baseline_config(read, data.training_examples)
    done = train(config, data, TrialFolder(tmp_path / "trial"), [tmp_path])
    assert done.state == "complete"
    of_each = {"loss", "age_loss", "sex_loss", "age_mean_absolute_error", "sex_accuracy"}
    assert set(done.metrics) == of_each | {f"val_{name}" for name in of_each}
    assert done.value == done.metrics["val_sex_accuracy"] > 0.7


@pytest.fixture(scope="module")
def rings(places: Callable[..., Place]) -> Place:
    """The example of one's own data and model, written out and run."""
    place = places("rings")
    (code,) = (block for _, block in blocks(OWN_MODEL, "python") if "def network" in block)
    (sweep,) = (block for _, block in blocks(OWN_MODEL, "yaml") if "rings:network" in block)
    (place.folder / "rings.py").write_text(code, encoding="utf-8")
    (place.folder / "rings.yaml").write_text(sweep, encoding="utf-8")
    place.sweep("run", "rings.yaml", "--jobs", "1", status=0)
    return place


@pytest.mark.heavy
def test_the_pages_own_model_trains(rings: Place) -> None:
    """The page's data and model train, with what the search space gives to the model."""
    trials = rings.runs_of_kind("trial")
    assert len(trials) == 4
    assert {run.data.params["model.units"] for run in trials} <= {"8", "32"}
    assert "4 trials: 4 complete" in "\n".join(
        file.read_text() for file in rings.folder.glob("output-*.txt")
    )


@pytest.mark.heavy
def test_the_pages_code_loads_the_models(rings: Place) -> None:
    """The page's code loads a logged model three ways, and the whole model from its folder."""
    loading = [text for _, text in blocks(BEST_CONFIGURATION, "python") if "rings" in text]
    best = rings.study("rings").best_trial.number
    code = re.sub(r"/\d{4}/", f"/{best:04d}/", "\n".join(loading))
    code = re.sub(r"^(mlflow\.\w+\.load_model.*?)( *#.*)?$", r"print(\1)", code, flags=re.MULTILINE)
    code += "\nassert int(model.optimizer.iterations) == 200\nprint('all loaded')\n"
    (rings.folder / "loading.py").write_text(code, encoding="utf-8")
    done = rings.run(sys.executable, "loading.py")
    assert done.process.returncode == 0, done.output
    assert "all loaded" in done.output
    assert code.count("print(mlflow.") == 3

"""The gallery's models and data are what its page says of them."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from documentation import text_of
from real_runs import PROJECT

from clr_sweep.definition.data_names import DataOptions
from clr_sweep.definition.loading import load_sweep
from clr_sweep.definition.own_functions import import_function
from clr_sweep.training.data.datasets import load_dataset
from clr_sweep.training.models import build_model

PAGE = PROJECT / "docs" / "gallery.md"
FOLDER = PROJECT / "sweeps" / "gallery"
FILES = sorted(FOLDER.glob("*.yaml"))


def section(file: Path) -> str:
    """What the page says of a sweep: the section that has its command."""
    (found,) = (
        part for part in text_of(PAGE).split("\n## ") if f"run sweeps/gallery/{file.name}\n" in part
    )
    return " ".join(found.split())


def test_each_has_a_module_and_a_section() -> None:
    """Beside each sweep file its model, and on the page its command."""
    assert sorted(file.stem for file in FOLDER.glob("*.py")) == [file.stem for file in FILES]
    assert len(FILES) == len(re.findall("run sweeps/gallery/", text_of(PAGE)))


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_it_is_what_the_page_says(file: Path) -> None:
    """Its data and its budget in numbers; all are searched and compared alike."""
    sweep, said = load_sweep(file), section(file)
    data = load_dataset(sweep.dataset.name, DataOptions(test=sweep.dataset.test), [FOLDER])
    held_out = round(sweep.dataset.validation * len(data.x_train))
    trained = len(data.x_train) - held_out
    steps = -(-trained // sweep.training.batch_size)
    assert f"{trained:,} to train on, {held_out:,} for validation" in said
    assert f"{sweep.training.epochs} epochs of {steps} steps" in said
    assert sweep.search_space.origin == "range_test"
    assert sweep.study.trials == 20
    assert sweep.comparison is not None
    assert "constant" in sweep.comparison.rivals
    assert (sweep.comparison.finalists, sweep.comparison.finalist_seeds) == (3, 3)
    assert sweep.comparison.seeds == 10


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_its_model_takes_its_data(file: Path) -> None:
    """Probabilities of each class, or amounts of the size of the labels."""
    sweep = load_sweep(file)
    data = load_dataset(sweep.dataset.name, DataOptions(test=sweep.dataset.test), [FOLDER])
    of_classes = sweep.training.loss.name == "sparse_categorical_crossentropy"
    facts = {"input_shape": data.x_train.shape[1:]}
    if of_classes:
        facts["classes"] = int(data.y_train.max()) + 1
    model = build_model(sweep.model, facts, [FOLDER])
    found = np.asarray(model(data.x_train[:50]))
    if of_classes:
        assert found.shape == (50, facts["classes"])
        np.testing.assert_allclose(found.sum(axis=1), 1, rtol=1e-5)
    else:
        assert found.shape == (50, 1)
        assert data.y_train.min() < np.median(found) < data.y_train.max()


def test_the_text_is_cut_as_the_page_says() -> None:
    """40 characters and the next one; of the last fifth of a page the training sees nothing."""
    load, _ = import_function("next_character:data", [FOLDER])
    (x, y), (x_test, y_test) = load()
    assert x.shape[1] == x_test.shape[1] == 40
    assert len(x) == len(y) > 4 * len(x_test) == 4 * len(y_test)
    assert set(np.unique(y)) == set(range(int(y.max()) + 1))
    # Windows of a page begin every 30 characters, so ten of the next one are in this one.
    both = np.concatenate([x, y[:, None]], axis=1)
    assert np.mean((both[:-1, 30:] == both[1:, :11]).all(axis=1)) > 0.9
    # The pages repeat some phrases.
    known = {window.tobytes() for window in x}
    assert np.mean([window.tobytes() in known for window in x_test]) < 0.05

"""Data sets by name, and their checks before a run."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from own_process import python

from clr_sweep.common.errors import DataError
from clr_sweep.training.data import datasets
from clr_sweep.training.data.datasets import (
    check_dataset_name,
    load_dataset,
    training_examples,
)

DATA = Path(__file__).parents[2] / "data"
SLICE = "fashion_mnist_slice.npz"


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLR_SWEEP_CACHE", str(tmp_path / "cache"))


def test_the_slice_is_balanced_and_real() -> None:
    """The test data has 200 training and 50 test images of each class, in the whole range."""
    data = load_dataset(SLICE, search_path=[DATA])
    assert data.x_train.shape == (2000, 28, 28)
    assert data.x_test.shape == (500, 28, 28)
    assert np.bincount(data.y_train).tolist() == [200] * 10
    assert np.bincount(data.y_test).tolist() == [50] * 10
    assert data.x_train.dtype == np.uint8
    assert (data.x_train.min(), data.x_train.max()) == (0, 255)
    # the first labels of Fashion-MNIST, known to all who have used it
    assert data.y_train[:4].tolist() == [9, 0, 0, 3]
    assert data.y_test[:4].tolist() == [9, 2, 1, 1]


def test_each_kind_of_name_is_loaded(tmp_path: Path) -> None:
    """A file and a function with the same content have the same digest, so it is the content's."""
    (tmp_path / "kinds_of_names.py").write_text(
        f"import numpy as np\ndef load():\n    return dict(np.load({str(DATA / SLICE)!r}))\n"
    )
    by_file = load_dataset(SLICE, search_path=[DATA])
    by_function = load_dataset("kinds_of_names:load", search_path=[tmp_path])
    assert by_file.digest == by_function.digest
    assert by_file.source == str(DATA / SLICE)
    assert by_function.source == f"{tmp_path / 'kinds_of_names.py'}:load"


@pytest.mark.parametrize("name", ["fashion-mnist", "Fashion_MNIST", "fashon_mnist"])
def test_an_unknown_name_gets_the_nearest_and_all_known(name: str) -> None:
    """A misspelt name is answered by the one that was meant, before and at loading."""
    (problem,) = check_dataset_name(name, [])
    assert problem.startswith(f"unknown data set {name!r} - did you mean 'fashion_mnist'?")
    assert "module:function" in problem
    with pytest.raises(DataError, match="did you mean 'fashion_mnist'"):
        load_dataset(name)


@pytest.mark.parametrize("name", ["breast_cancer", "Breast-Cancer"])
def test_a_toy_set_of_scikit_learn_is_named_with_its_kind(name: str) -> None:
    """Its bare name, as scikit-learn has it, is no name of ours."""
    (problem,) = check_dataset_name(name, [])
    assert f"{name!r} - did you mean 'sklearn:breast_cancer'?" in problem


def test_a_name_like_no_other_gets_no_guess() -> None:
    """Without a near name, those known are listed and nothing is guessed."""
    (problem,) = check_dataset_name("imagenet", [])
    assert "did you mean" not in problem
    assert all(name in problem for name in datasets._BUILT_IN)


def test_checks_answer_without_reading_the_data() -> None:
    """Names that can be loaded have no problems, and their lengths are known from headers."""
    assert check_dataset_name("fashion_mnist", []) == []
    assert check_dataset_name(SLICE, [DATA]) == []
    assert training_examples("fashion_mnist", search_path=[]) == 60_000
    assert training_examples(SLICE, search_path=[DATA]) == 2000
    assert training_examples("absent.npz", search_path=[DATA]) is None
    assert training_examples("some_module:load", search_path=[]) is None
    assert training_examples("unheard_of", search_path=[]) is None


def test_importing_and_checking_are_cheap() -> None:
    """Neither the import nor a check loads Keras, an HTTP client or the module that is named."""
    code = (
        "import sys\n"
        "from clr_sweep.training.data.datasets import check_dataset_name\n"
        "assert check_dataset_name('keras.datasets.mnist:load_data', []) == []\n"
        "assert check_dataset_name('keras.datasets.absent:load_data', [])\n"
        "heavy = {'keras', 'tensorflow', 'pydantic', 'urllib.request', 'http.client'}\n"
        "print(sorted(heavy & set(sys.modules)))\n"
    )
    assert python("-c", code).stdout == "[]\n"

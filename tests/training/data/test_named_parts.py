"""Data sets of several arrays by name: from files, functions and loaders, and what is wrong."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
import two_of_each

from clr_sweep.common.errors import DataError
from clr_sweep.training.data.arrays import in_order
from clr_sweep.training.data.datasets import check_dataset_name, load_dataset
from clr_sweep.training.data.from_function import load_from_function
from clr_sweep.training.data.loaders import store_loaders
from clr_sweep.training.data.materialized import Dataset, in_memory, materialize, stored
from clr_sweep.training.data.named import flat, nested

KEYS = [
    "x_train.image", "x_train.meta", "y_train.age", "y_train.sex",
    "x_test.image", "x_test.meta", "y_test.age", "y_test.sex",
]  # fmt: skip


def arrays() -> dict[str, Any]:
    """The arrays of the data set, by their keys."""
    return dict(two_of_each.dataset().arrays())


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A cache of its own."""
    monkeypatch.setenv("CLR_SWEEP_CACHE", str(tmp_path / "cache"))


def from_file(folder: Path) -> Dataset:
    """From an `.npz` file."""
    np.savez_compressed(folder / "people.npz", extra=np.zeros(3), **arrays())
    assert check_dataset_name("people.npz", [folder]) == []
    return load_dataset("people.npz", search_path=[folder])


def from_function(_: Path) -> Dataset:
    """From a function's dicts of arrays."""
    return load_from_function("two_of_each:data", [])


def from_flat_dict(folder: Path) -> Dataset:
    """From a function that returns what `numpy.load` gives."""
    np.savez(folder / "people.npz", **arrays())
    (folder / "flat_people.py").write_text(
        f"import numpy as np\ndef data():\n    return np.load({str(folder / 'people.npz')!r})\n"
    )
    return load_from_function("flat_people:data", [folder])


def from_loaders(folder: Path) -> Dataset:
    """From loaders of batches."""
    train, test = (tf.data.Dataset.from_tensor_slices(part).batch(7) for part in two_of_each.data())
    return store_loaders("people", (train, test), "here", folder / "stored")


@pytest.mark.parametrize("source", [from_file, from_function, from_flat_dict, from_loaders])
def test_every_source_gives_the_same_data(
    tmp_path: Path, source: Callable[[Path], Dataset]
) -> None:
    """The same digest, whatever they came from; stored, they are read again as they were."""
    found = source(tmp_path)
    assert found.digest == two_of_each.dataset().digest
    assert list(found.arrays()) == KEYS
    assert (found.training_examples, found.test_examples) == (240, 60)
    again = stored(materialize(found, tmp_path / "again").folder or tmp_path)
    assert again is not None
    for key, array in again.arrays().items():
        np.testing.assert_array_equal(array, arrays()[key], strict=True)
    assert again.nbytes() == sum(array.nbytes for array in arrays().values())


def test_flat_and_nested_are_each_others_inverse() -> None:
    """Names in their order, parts in theirs; a part of one array is left as it is."""
    parts = {"x_train": {"b": 1, "a": 2}, "y_train": 3}
    assert flat(parts) == {"x_train.a": 2, "x_train.b": 1, "y_train": 3}
    assert nested(flat(parts)) == parts
    assert list(in_order(dict.fromkeys(reversed(KEYS)))) == KEYS


def changed(**others: Any) -> dict[str, Any]:
    """The arrays with others in place of some, `__` for the dot; None leaves one out."""
    found = arrays() | {key.replace("__", "."): array for key, array in others.items()}
    return {key: array for key, array in found.items() if array is not None}


@pytest.mark.parametrize(
    ("others", "problem"),
    [
        ({"x_test__meta": None}, "x_test.meta: is missing, and x_train.meta is there"),
        (
            {"y_test__sex": None, "y_test__sexx": np.zeros(60)},
            "y_test.sex: is missing, and y_train.sex is there - did you mean 'sexx'?",
        ),
        (
            {"x_train": np.zeros((240, 2))},
            "x_train: must be one array, or several by name, got both x_train and x_train.image: "
            "leave one out, or give it a name too",
        ),
        (
            {"x_train__meta": np.zeros((239, 3), "float32")},
            "x_train.meta: must have a row for each of the 240 examples of x_train.image, got 239",
        ),
        (
            {"y_train__age": np.zeros(7, "float32")},
            "y_train.age: must have a label for each of the 240 examples of x_train.image, got 7",
        ),
        (
            {"y_test__age": np.zeros(60, "float64")},
            "y_test.age: must have the dtype float32 of y_train.age, got float64",
        ),
        (
            {"x_train__a/b": np.zeros(240)},
            "x_train.a/b: must have a name of letters, digits, - and _, got 'a/b'",
        ),
    ],
)
def test_what_is_wrong_is_told_by_key(others: dict[str, Any], problem: str) -> None:
    """The array, what it must be and what it is."""
    with pytest.raises(DataError) as raised:
        in_memory("people", changed(**others), "here")
    assert problem in raised.value.problems


def test_a_name_that_names_no_file(tmp_path: Path) -> None:
    """Of what loaders give, which is stored as it comes: the name alone is what is wrong."""
    train, test = (
        tf.data.Dataset.from_tensor_slices(({"a/b": x["meta"]}, y["age"])).batch(7)
        for x, y in two_of_each.data()
    )
    with pytest.raises(DataError) as raised:
        store_loaders("people", (train, test), "here", tmp_path / "stored")
    assert raised.value.problems == (
        "the train loader gives what cannot be used: x_train.a/b: must have a name of letters, "
        "digits, - and _, got 'a/b'",
    )


def test_values_that_are_not_finite() -> None:
    """In one of several arrays."""
    age = arrays()["y_train.age"].copy()
    age[5] = np.nan
    with pytest.raises(DataError, match=r"y_train.age: must hold finite numbers alone, got NaN"):
        in_memory("people", changed(y_train__age=age), "here")

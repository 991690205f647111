"""TensorFlow Datasets by name: small sets that are made here, read back by their names alone."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow_datasets as tfds
from documentation import blocks
from real_runs import PROJECT

from clr_sweep.common.errors import DataError
from clr_sweep.definition.data_names import DataOptions
from clr_sweep.training.data import tfds_sets
from clr_sweep.training.data.cache import one_process_at_a_time
from clr_sweep.training.data.datasets import (
    check_dataset_name,
    examined,
    load_dataset,
    training_examples,
)
from clr_sweep.training.data.splits import hold_out

GREY = tfds.features.Image(shape=(4, 4, 1))
THREE = tfds.features.ClassLabel(names=["a", "b", "c"])
BOTH = ("x", "y")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder of TensorFlow Datasets, in which nothing is known by code."""
    folder = tmp_path_factory.mktemp("tfds")
    tfds.disable_progress_bar()
    plain = {"x": GREY, "y": THREE}
    _make(folder, "whole", plain, BOTH, {"train": 40, "test": 10, "extra": 2})
    _make(folder, "no_test", plain, BOTH, {"train": 40})
    _make(folder, "no_train", plain, BOTH, {"test": 3})
    _make(folder, "no_keys", plain, None, {"train": 3})
    _make(folder, "weighted", plain, ("x", "y", "y"), {"train": 3})
    _make(folder, "texts", {"x": tfds.features.Text(), "y": THREE}, BOTH, {"train": 3})
    varied = tfds.features.Image(shape=(None, None, 1))
    _make(folder, "varied", {"x": varied, "y": THREE}, BOTH, {"train": 3, "test": 2})
    several = tfds.features.FeaturesDict({"left": GREY, "right": GREY})
    _make(folder, "several", {"x": several, "y": THREE}, BOTH, {"train": 3})
    return folder


def _make(
    folder: Path, named: str, features: dict[str, Any], keys: Any, splits: dict[str, int]
) -> None:
    with tfds.core.registered.skip_registration():
        made = _builder_class(named, features, keys, splits)
    made(data_dir=folder).download_and_prepare()


def _builder_class(named: str, features: dict[str, Any], keys: Any, splits: dict[str, int]) -> Any:
    def example(index: int) -> Any:
        image = np.full((4, 4, 1), index, np.uint8)
        texts = {"texts": "some words", "several": {"left": image, "right": image}}
        return {"x": texts.get(named, image), "y": index % 3}

    class Made(tfds.core.GeneratorBasedBuilder):
        name = named
        VERSION = tfds.core.Version("1.0.0")

        def _info(self) -> Any:
            held = tfds.features.FeaturesDict(features)
            return tfds.core.DatasetInfo(builder=self, features=held, supervised_keys=keys)

        def _split_generators(self, dl_manager: Any) -> Any:  # noqa: ARG002 - as it is called
            return {split: self._generate_examples(count) for split, count in splits.items()}

        def _generate_examples(self, count: int) -> Any:
            return ((index, example(index)) for index in range(count))

    return Made


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An own cache for each test."""
    monkeypatch.setenv("CLR_SWEEP_CACHE", str(tmp_path / "cache"))


def as_it_is(folder: Path, name: str, split: str) -> tuple[Any, Any]:
    """Examples and labels in the order of TensorFlow Datasets."""
    pairs = tfds.as_numpy(tfds.load(name, split=split, data_dir=folder, as_supervised=True))
    x, y = zip(*pairs, strict=True)
    return np.stack(x), np.array(y)


def test_training_and_test_set_are_what_it_has(folder: Path) -> None:
    """In its order and dtypes, from its own files at first and then from the cache."""
    options = DataOptions(folder=folder)
    data = load_dataset("tfds:whole:1.0.0", options)
    for part in ("train", "test"):
        x, y = as_it_is(folder, "whole", part)
        for kind, expected in (("x", x), ("y", y)):
            found = data.arrays()[f"{kind}_{part}"]
            assert (found.dtype, found.shape) == (expected.dtype, expected.shape)
            assert np.array_equal(found, expected)
    assert data.source == (
        f"TensorFlow Datasets' whole/1.0.0 in {folder}/whole/1.0.0 (classes 0 a, 1 b, 2 c; not "
        f"read: extra)"
    )
    again = load_dataset("tfds:whole", options)
    assert (again.folder, again.digest) == (data.folder, data.digest)
    assert training_examples("tfds:whole", options) == 40


def test_a_test_set_is_held_out_where_there_is_none(folder: Path) -> None:
    """By the rule of all such data; how many are left is known before anything is loaded."""
    options = DataOptions(folder=folder, test=0.25)
    x, y = as_it_is(folder, "no_test", "train")
    train, test = hold_out(40, 0.25, 0)
    assert training_examples("tfds:no_test", options) == len(train)
    data = load_dataset("tfds:no_test", options)
    assert np.array_equal(data.x_train, x[train])
    assert np.array_equal(data.y_train, y[train])
    assert np.array_equal(data.x_test, x[test])
    assert load_dataset("tfds:no_test", DataOptions(folder=folder)).x_test.shape[0] == 8


def test_what_another_process_prepares_meanwhile_is_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It holds the lock while this one waits, and has prepared the set when this one goes on."""
    made = _builder_class("meanwhile", {"x": GREY, "y": THREE}, BOTH, {"train": 6, "test": 3})

    @contextlib.contextmanager
    def waiting(folder: Path, name: str) -> Iterator[None]:
        made(data_dir=tmp_path / "sets").download_and_prepare()
        with one_process_at_a_time(folder, name):
            yield

    monkeypatch.setattr(tfds_sets, "one_process_at_a_time", waiting)
    data = load_dataset("tfds:meanwhile", DataOptions(folder=tmp_path / "sets"))
    assert (data.training_examples, data.test_examples) == (6, 3)


@pytest.mark.parametrize(
    ("which", "test", "message"),
    [
        ("no_keys", None, r"does not say which of its features \(x, y\) are examples and labels"),
        ("weighted", None, r"supervised keys \('x', 'y', 'y'\), and not one for examples"),
        ("texts", None, "the feature 'x' must hold numbers, got string"),
        ("varied", None, r"the feature 'x' must have one shape, got \(None, None, 1\)"),
        ("several", None, "the feature 'x' is no array"),
        ("no_train", None, "must have a split 'train', got test"),
        ("whole", 3, "dataset.test: has no effect on tfds:whole, which has a test set of its own"),
        ("no_test", 39, "dataset.test: must leave at least two of the 40 examples"),
    ],
)
def test_what_cannot_be_used_is_refused_with_the_way_around(
    folder: Path, which: str, test: int | None, message: str
) -> None:
    """Before anything is stored; what a function of the user's can mend says so."""
    options = DataOptions(folder=folder, test=test)
    with pytest.raises(DataError, match=message) as raised:
        load_dataset(f"tfds:{which}", options)
    if test is None:
        assert "from a function of yours, dataset.name: module:function" in str(raised.value)
    else:
        problem = examined(f"tfds:{which}", options).test_problem
        assert f"dataset.test: {problem}" in str(raised.value)


def test_the_way_around_of_the_page_is_one(folder: Path, tmp_path: Path) -> None:
    """A function that resizes images of varied shapes."""
    page = blocks(PROJECT / "docs" / "data.md", "python")
    (code,) = (block for _, block in page if "tfds.load" in block)
    assert code.count('"beans"') == 1
    code = code.replace('"beans"', f'"varied", data_dir="{folder}"')
    (tmp_path / "resized_images.py").write_text(code, encoding="utf-8")
    data = load_dataset("resized_images:load", search_path=[tmp_path])
    assert (data.x_train.shape, data.x_test.shape) == ((3, 64, 64, 1), (2, 64, 64, 1))


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("tfds:whole", None),
        ("tfds:mnist", None),
        ("tfds:hole", "no data set 'hole' - did you mean 'whole'? (it knows"),
        ("tfds:whole:2.0.0", "has no whole:2.0.0 prepared, there is whole/1.0.0"),
        ("tfds:whole/small", "has no whole/small prepared, there is whole/1.0.0"),
        ("tfds:a b", "must name a data set as tfds:NAME, tfds:NAME/CONFIG or"),
    ],
)
def test_names_are_known_without_a_network(folder: Path, name: str, message: str | None) -> None:
    """Those of the package and those that lie in the folder."""
    problems = check_dataset_name(name, options=DataOptions(folder=folder))
    assert len(problems) == (message is not None)
    assert message is None or message in problems[0]


def test_what_it_refuses_itself_is_told(folder: Path) -> None:
    """A version that its code does not have; and nothing is downloaded to find that out."""
    with pytest.raises(DataError, match=r"tfds:mnist:9.9.9: cannot be found: .* only: 3\.") as told:
        load_dataset("tfds:mnist:9.9.9", DataOptions(folder=folder))
    assert len(str(told.value)) < 1200
    assert not (folder / "mnist").exists()


def test_without_the_package_it_is_refused_with_the_cure(monkeypatch: pytest.MonkeyPatch) -> None:
    """When the sweep file is read."""
    monkeypatch.setitem(sys.modules, "tensorflow_datasets", None)  # not to be found by Python
    assert check_dataset_name("tfds:mnist") == [
        "tfds:mnist needs TensorFlow Datasets, which is not installed: "
        "pip install 'clr-sweep[tfds]'"
    ]

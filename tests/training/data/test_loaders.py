"""Loaders that a user's function returns: read once, whatever they are made of."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from clr_sweep.common.errors import DataError, TrialFailedError
from clr_sweep.training.data import loaders
from clr_sweep.training.data.datasets import load_dataset
from clr_sweep.training.data.loaders import store_loaders

X = np.arange(7 * 4 * 3, dtype=np.float32).reshape(7, 4, 3)
Y = np.arange(7, dtype=np.uint8)
TEST = (X[:2], Y[:2])
tensors = tf.data.Dataset.from_tensor_slices


class Batches(keras.utils.PyDataset):
    """Three batches, the last of one example."""

    def __init__(self, batches: int | None = 3) -> None:
        super().__init__()
        self.batches = batches

    @property
    def num_batches(self) -> int | None:
        return self.batches

    def on_epoch_begin(self) -> None:
        self.x, self.y = X, Y

    def __getitem__(self, index: int) -> Any:
        part = slice(3 * index, 3 * index + 3)
        return self.x[part], self.y[part]


def of_unknown_length() -> tf.data.Dataset:
    spec = (tf.TensorSpec((4, 3), tf.float32), tf.TensorSpec((), tf.uint8))
    return tf.data.Dataset.from_generator(lambda: zip(X, Y, strict=True), output_signature=spec)


@pytest.mark.parametrize(
    "loader",
    [
        pytest.param(tensors((X, Y)), id="single examples"),
        pytest.param(tensors((X, Y)).batch(3), id="batches"),
        pytest.param(tensors((X, Y)).batch(3).prefetch(2).cache(), id="cached batches"),
        pytest.param(of_unknown_length(), id="of unknown length"),
        pytest.param(of_unknown_length().batch(3), id="batches of unknown length"),
        pytest.param(
            tensors((X, Y)).map(lambda x, y: (x + 0, y), 4, deterministic=False), id="in parallel"
        ),
        pytest.param(Batches(), id="PyDataset"),
        pytest.param([X, Y], id="arrays beside a loader"),
    ],
)
def test_all_examples_are_stored_in_their_order(tmp_path: Path, loader: Any) -> None:
    """Batched or not, of known length or not: the same files, mapped, as of the arrays."""
    data = store_loaders("mine:load", (loader, tensors(TEST).batch(2)), "mine.py", tmp_path / "d")
    assert data.folder == tmp_path / "d"
    assert isinstance(data.x_train, np.memmap)
    for key, expected in zip(data.arrays(), (X, Y, *TEST), strict=True):
        found = data.arrays()[key]
        assert found.dtype == expected.dtype
        assert np.array_equal(found, expected)


def test_images_without_shapes_of_their_own_labels_are_told_from_batches(tmp_path: Path) -> None:
    """One-hot labels: an example has axes of other lengths than its label."""
    one_hot = np.eye(10, dtype=np.float32)[Y]
    data = store_loaders("mine:load", (tensors((X, one_hot)), TEST_ONE_HOT), "m", tmp_path / "d")
    assert (data.x_train.shape, data.y_train.shape) == ((7, 4, 3), (7, 10))


TEST_ONE_HOT = (X[:2], np.eye(10, dtype=np.float32)[:2])


@pytest.mark.parametrize(
    ("loader", "message"),
    [
        (tensors((X, Y)).repeat(), r"is infinite: leave out .repeat\(\), or say .take"),
        (Batches(None), "is infinite: give it the length of one pass"),
        (tensors(X), r"must give \(x, y\), .* got examples without labels"),
        (tensors((X, Y, Y)), "got sample weights too, which a training here does not take"),
        (tensors({"image": X, "label": Y}), "got dicts of image, label: map it"),
        (tensors(((X, X), Y)), "got several arrays of examples without names: name them"),
        (tensors((X, {"a": Y, "b": Y})), "y_test.a: is missing, and y_train.a is there"),
        (tensors((X, X)), r"shapes \(4, 3\) and \(4, 3\), which may be batches or single"),
        (tensors((X, Y)).batch(2, drop_remainder=True), "without drop_remainder"),
        (tensors((X, Y.astype(str))), "gives labels of the dtype string: map them to numbers"),
        (tensors((tf.ragged.constant([[1.0], [1.0, 2.0]]), Y[:2])), "as a RaggedTensorSpec: map"),
        (
            tensors((X, Y)).map(lambda x, y: (tf.numpy_function(np.abs, [x], tf.float32), y)),
            "does not tell the shapes of its elements: .*ensure_shape",
        ),
        (tensors((X, Y)).take(0), "gives what cannot be used: no examples at all"),
        (tensors((X * np.nan, Y)), "x_train: must hold finite numbers alone"),
        (zip(X, Y, strict=True), "got a zip; tf.data.Dataset.from_generator"),
    ],
)
def test_what_cannot_be_used_is_refused_with_a_cure(
    tmp_path: Path, loader: Any, message: str
) -> None:
    """The part, the reason, the way around and the function; nothing is left in the folder."""
    with pytest.raises(DataError, match=message) as raised:
        store_loaders("mine:load", (loader, tensors(TEST).batch(2)), "mine.py:load", tmp_path / "d")
    assert raised.value.source == "mine.py:load"
    assert list(tmp_path.iterdir()) == []


def test_both_loaders_are_judged_at_once(tmp_path: Path) -> None:
    """What is wrong with the second one is not hidden by the first."""
    with pytest.raises(DataError) as raised:
        store_loaders("m:f", (tensors((X, Y)).repeat(), tensors(X)), "m.py:f", tmp_path / "d")
    train, test = raised.value.problems
    assert train.startswith("the train loader is infinite")
    assert test.startswith("the test loader must give (x, y)")


@pytest.mark.parametrize(
    ("second", "message"),
    [
        ((X[:, :2], Y), r"the train loader gives .* must have the shape \(n, 4, 3\) of the"),
        ((X.astype(np.float64), Y), "must have the dtype float32 of the examples before, got f"),
        ((X, Y[:5]), "a batch of 7 examples with 5 labels"),
        ((X, {"a": Y}), "a batch of x_train, y_train.a after one of x_train, y_train"),
        ((X, (Y, Y)), "got several arrays of labels without names: name them"),
    ],
)
def test_batches_that_do_not_go_together_are_refused(
    tmp_path: Path, second: Any, message: str
) -> None:
    """Before they are stored wrongly: each batch is held against those before."""

    class Odd(Batches):
        def __getitem__(self, index: int) -> Any:
            return (X, Y) if index == 0 else second

    with pytest.raises(DataError, match=message):
        store_loaders("mine:load", (Odd(), TEST), "mine.py", tmp_path / "d")


def test_an_exception_of_the_loader_is_shown_with_its_line(tmp_path: Path) -> None:
    """It is the user's code that runs, batch by batch."""

    class Broken(Batches):
        def __getitem__(self, index: int) -> Any:
            return super().__getitem__(index) if index == 0 else 1 / (index - 1)

    with pytest.raises(TrialFailedError, match=r"(?s)train loader .*, batch 1 raised .*ZeroDivis"):
        store_loaders("mine:load", (Broken(), TEST), "mine.py", tmp_path / "d")
    assert list(tmp_path.iterdir()) == []


def test_one_without_an_end_does_not_fill_the_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that does not tell that it has none is stopped while there is room left."""
    monkeypatch.setattr(loaders, "_LOOK_BYTES", 1000)
    monkeypatch.setattr(loaders, "_FREE_BYTES", shutil.disk_usage(tmp_path).total)
    endless = of_unknown_length().repeat().filter(lambda x, y: True)
    with pytest.raises(DataError, match=r"examples so far, and the disk of .* say .take\(n\)"):
        store_loaders("mine:load", (endless, TEST), "mine.py", tmp_path / "d")


SHUFFLED = """
import numpy as np
import tensorflow as tf

offset = np.random.rand()

def load():
    x, y = np.arange(50.0) + offset, np.arange(50)
    train = tf.data.Dataset.from_tensor_slices((x[:, None], y)).shuffle(50).batch(8)
    return train, tf.data.Dataset.from_tensor_slices((x[:5, None], y[:5]))

def one():
    return load()[0]

def by_key():
    return dict(zip(("x_train", "y_train", "x_test", "y_test"), load() * 2))
"""


def test_a_loader_that_shuffles_gives_the_same_at_each_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is not seeded by the user is by us: a study goes on, and each node has the same data."""
    monkeypatch.setenv("CLR_SWEEP_CACHE", str(tmp_path / "cache"))
    digests = set()
    for name in ("first_start", "second_start"):
        (tmp_path / f"{name}.py").write_text(SHUFFLED)
        data = load_dataset(f"{name}:load", search_path=[tmp_path], into=tmp_path / name)
        assert data.folder == tmp_path / name
        assert sorted(data.y_train) == list(range(50)) != list(data.y_train)
        digests.add(data.digest)
    assert len(digests) == 1
    kept = load_dataset("first_start:load", search_path=[tmp_path])
    assert kept.folder is not None
    assert kept.folder.is_relative_to(tmp_path / "cache")


@pytest.mark.parametrize(
    ("function", "message"),
    [
        ("one", "got one _BatchDataset: return a second one with the test set beside it"),
        ("by_key", r"x_train: must be an array, got a _BatchDataset .*return \(train, test\)"),
    ],
)
def test_loaders_come_as_a_pair(tmp_path: Path, function: str, message: str) -> None:
    """One alone has no test set beside it, and a dict holds arrays."""
    (tmp_path / f"pairs_{function}.py").write_text(SHUFFLED)
    with pytest.raises(DataError, match=message):
        load_dataset(f"pairs_{function}:{function}", search_path=[tmp_path])

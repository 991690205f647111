"""The data that `fit` takes, as the range test of a model in hand goes through them."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from clr_sweep.common.errors import InputError
from clr_sweep.lr_range_test.data_in_hand import DataInHand, data_in_hand

X = {"a": np.arange(50.0).reshape(50, 1), "b": np.arange(100.0).reshape(50, 2)}
Y, WEIGHTS = np.arange(50), np.arange(50) / 10


def in_hand(x: Any, y: Any = None, weights: Any = None, splits: bool = True) -> DataInHand:
    """In batches of 8, for a model that needs labels."""
    return data_in_hand(x, y, weights, 8, needs_labels=True, splits=splits)


def labels(data: DataInHand, seed: int, epoch: int) -> list[int]:
    """Of an epoch, in its order."""
    return [int(label) for _, y, _ in data.batches(seed, epoch) for label in np.asarray(y)]


def test_arrays() -> None:
    """Several inputs with weights: rows stay together; a tenth is held out, and not trained on."""
    data = in_hand(X, Y, WEIGHTS)
    assert data.steps == 6
    for x, y, weights in data.batches(0, 1):
        np.testing.assert_array_equal(x["a"][:, 0], y)
        np.testing.assert_array_equal(x["b"][:, 0], 2.0 * y)
        np.testing.assert_array_equal(weights, y / 10)
    held_out = data.held_out(2000)
    assert held_out is not None
    orders = [labels(data, seed, epoch) for seed in (0, 1) for epoch in (1, 2)]
    assert len({tuple(order) for order in orders}) == 4
    for order in orders:
        assert sorted([*order, *held_out[1]]) == list(range(50))
    few = data.held_out(3)
    assert few is not None
    assert len(few[1]) == 3
    whole = in_hand(X, Y, splits=False)
    assert (whole.steps, whole.held_out(9), len(whole.some(20)[1])) == (7, None, 20)
    assert whole.some(20)[2] is None


class Batches(keras.utils.PyDataset):
    """Seven batches that are opened when an epoch begins, and whose order is not to be touched."""

    is_open = False

    def __len__(self) -> int:
        return 7

    def on_epoch_begin(self) -> None:
        self.is_open = True

    def __getitem__(self, index: int) -> Any:
        assert self.is_open
        some = slice(8 * index, 8 * index + 8)
        return {name: array[some] for name, array in X.items()}, Y[some]

    def on_epoch_end(self) -> None:
        raise AssertionError("it may order its examples anew")


class WithoutLength(keras.utils.PyDataset):
    """Neither `num_batches` nor `__len__`."""

    def __getitem__(self, index: int) -> Any:
        return X, Y


def test_loaders() -> None:
    """Batches in another order for each seed, where they have numbers; their length is counted."""
    data = in_hand(Batches())
    assert data.steps == 7
    assert labels(data, 0, 1) != labels(data, 1, 1)
    assert sorted(labels(data, 0, 1)) == list(range(50))
    x, y, weights = data.some(12)
    assert (len(x["a"]), len(x["b"]), len(y), weights) == (12, 12, 12, None)
    np.testing.assert_array_equal(x["a"][:, 0], y)
    of_tf = tf.data.Dataset.from_tensor_slices((X, Y)).batch(8).filter(lambda _, y: True)
    assert in_hand(of_tf).steps == 7
    assert labels(in_hand(of_tf), 3, 2) == list(range(50))
    with pytest.raises(InputError, match=r"x: is infinite: .* \.take\(n\)"):
        in_hand(of_tf.repeat())
    with pytest.raises(InputError, match="x: is infinite: give it the length of one pass"):
        in_hand(WithoutLength())

"""The data that `fit` takes, batch by batch: arrays, or a loader."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Protocol

import keras
import numpy as np

from clr_sweep.common.errors import InputError
from clr_sweep.training.data.loaders import count_of, is_loader
from clr_sweep.training.data.splits import Rows, epoch_order, evenly_spread, hold_out

Batch = tuple[Any, Any, Any]
"""Examples, labels and what each example counts; the last two may be None."""

# Of arrays, where no validation data are given.
_HELD_OUT = 0.1


class DataInHand(Protocol):
    """What a model is trained on.

    Attributes:
        steps: batches of an epoch.
    """

    @property
    def steps(self) -> int: ...

    def batches(self, seed: int, epoch: int) -> Iterator[Batch]:
        """An epoch, counted from 1, in the order of this seed."""

    def held_out(self, most: int) -> Batch | None:
        """At most so many of the examples that it is not trained on; None where there are none."""

    def some(self, most: int) -> Batch:
        """At most so many of the examples that it is trained on."""


def data_in_hand(
    x: Any, y: Any, sample_weight: Any, batch_size: int, needs_labels: bool, splits: bool
) -> DataInHand:
    """What was given as `fit` takes it.

    Args:
        x, y, sample_weight: arrays, or nested lists, tuples and dicts of arrays; or a loader (a
            `tf.data.Dataset`, a `keras.utils.PyDataset` or whatever has a length and can be
            iterated over again) alone.
        needs_labels: the model has a loss to compute from them.
        splits: a part of arrays is held out.

    Raises:
        InputError: they cannot be trained on; every problem at once.
    """
    if _gives_batches(x):
        given = {"y": y, "sample_weight": sample_weight}
        if problems := [
            f"{name}: a {type(x).__name__} gives them itself, as (x, y) or (x, y, sample_weight): "
            "leave it out"
            for name, value in given.items()
            if value is not None
        ]:
            raise InputError(problems)
        return _Loader(x, _count(x))
    problems, counts = [], {}
    arrays = {}
    for name, value in (("x", x), ("y", y), ("sample_weight", sample_weight)):
        arrays[name] = None if value is None else keras.tree.map_structure(np.asarray, value)
        shapes = [one.shape for one in keras.tree.flatten(arrays[name]) if one is not None]
        if any(not shape for shape in shapes) or (name == "x" and not shapes):
            problems.append(
                f"{name}: must be arrays, or a data set that gives batches, got a "
                f"{type(value).__name__}"
            )
        elif shapes:
            counts[name] = sorted({shape[0] for shape in shapes})
    if y is None and needs_labels:
        problems.append("y: is missing, and the loss that the model is compiled with needs labels")
    if len({count for several in counts.values() for count in several}) > 1:
        found = ", ".join(f"{name} {' and '.join(map(str, n))}" for name, n in counts.items())
        problems.append(f"x: must have as many examples as what goes with them, got {found}")
    if problems:
        raise InputError(problems)
    ((examples,), *_) = counts.values()
    rows, held_out = np.arange(examples, dtype=np.int32), None
    if splits:
        rows, held_out = hold_out(examples, _HELD_OUT, seed=0)
    return _Arrays((arrays["x"], arrays["y"], arrays["sample_weight"]), rows, held_out, batch_size)


@dataclass(frozen=True)
class _Arrays:
    arrays: Batch
    rows: Rows
    held_out_rows: Rows | None
    batch_size: int

    @property
    def steps(self) -> int:
        return math.ceil(len(self.rows) / self.batch_size)

    def held_out(self, most: int) -> Batch | None:
        rows = self.held_out_rows
        return None if rows is None else self._taken(evenly_spread(rows, most))

    def batches(self, seed: int, epoch: int) -> Iterator[Batch]:
        order = epoch_order(self.rows, seed, epoch)
        for start in range(0, len(order), self.batch_size):
            yield self._taken(order[start : start + self.batch_size])

    def some(self, most: int) -> Batch:
        return self._taken(evenly_spread(self.rows, most))

    def _taken(self, rows: Rows) -> Batch:
        return _mapped(lambda array: array[rows], self.arrays)


@dataclass(frozen=True)
class _Loader:
    loader: Any
    steps: int

    def held_out(self, most: int) -> None:  # noqa: ARG002 - the protocol's
        return None

    def batches(self, seed: int, epoch: int) -> Iterator[Batch]:
        if isinstance(self.loader, keras.utils.PyDataset):
            # As `fit` does it. But `on_epoch_end` is not called, which may order the examples anew.
            self.loader.on_epoch_begin()
            order = epoch_order(np.arange(self.steps, dtype=np.int32), seed, epoch)
            batches = (self.loader[int(index)] for index in order)
        else:
            batches = iter(self.loader)
        for _, batch in zip(range(self.steps), batches, strict=False):
            yield self._batch(batch)

    def some(self, most: int) -> Batch:
        found: list[Batch] = []
        count = 0
        for batch in self.batches(0, 1):
            found.append(_mapped(np.asarray, batch))
            count += len(keras.tree.flatten(found[-1])[0])
            if count >= most:
                break
        return _mapped(lambda *some: np.concatenate(some)[:most], *found)

    def _batch(self, batch: Any) -> Batch:
        unpacked: Batch = keras.utils.unpack_x_y_sample_weight(batch)
        is_tensorflow = keras.backend.backend() == "tensorflow"
        return unpacked if is_tensorflow else _mapped(np.asarray, unpacked)


def _mapped(function: Callable[..., Any], *batches: Batch) -> Batch:
    """The function of every array, where there are any."""
    x, y, weights = (
        None if parts[0] is None else keras.tree.map_structure(function, *parts)
        for parts in zip(*batches, strict=True)
    )
    return x, y, weights


def _gives_batches(value: Any) -> bool:
    if is_loader(value):
        return True
    is_array = hasattr(value, "__array__") or hasattr(value, "shape")
    is_nest = isinstance(value, list | tuple | dict | str)
    return hasattr(value, "__len__") and hasattr(value, "__iter__") and not (is_array or is_nest)


def _count(loader: Any) -> int:
    """The batches of one pass."""
    if isinstance(loader, keras.utils.PyDataset):
        count = count_of(loader)
    elif is_loader(loader):
        import tensorflow as tf  # imported already: the loader is of it

        count = int(loader.cardinality())
        if count == tf.data.UNKNOWN_CARDINALITY:
            count = sum(1 for _ in loader)
        if count == tf.data.INFINITE_CARDINALITY:
            count = None
    else:
        count = len(loader)
    if count is None:
        raise InputError("x: is infinite: give it the length of one pass, as by .take(n)")
    return int(count)

"""The data that `fit` takes, batch by batch: arrays, or a loader."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

import keras
import numpy as np

from clr_sweep.common.errors import DataError, InputError
from clr_sweep.definition.own_functions import users_code
from clr_sweep.training.data.arrays import Array, cure_of_names, value_problem
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
        all_known: whether `known` gives all of it.
    """

    all_known: ClassVar[bool]

    @property
    def steps(self) -> int: ...

    def batches(self, seed: int, epoch: int) -> Iterator[Batch]:
        """An epoch, counted from 1, in the order of this seed."""

    def held_out(self, most: int) -> Batch | None:
        """At most so many of the examples that it is not trained on; None where there are none."""

    def some(self, most: int) -> Batch:
        """At most so many of the examples that it is trained on."""

    def known(self, most: int) -> Batch:
        """All that is known before a step: whole arrays; of a loader at most so many examples.

        Raises:
            InputError: what a loader gives is not finite; of arrays that is known already.
        """


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
    if gives_batches(x):
        given = {"y": y, "sample_weight": sample_weight}
        if problems := [
            f"{name}: a {type(x).__name__} gives them itself, as (x, y) or (x, y, sample_weight): "
            "leave it out"
            for name, value in given.items()
            if value is not None
        ]:
            raise InputError(problems)
        return _Loader(x, _count(x), needs_labels)
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
            problems += _array_problems(name, arrays[name])
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
        try:
            rows, held_out = hold_out(examples, _HELD_OUT, seed=0)
        except DataError:
            raise InputError(
                f"x: is too few examples to hold out a tenth of them, on which the metric is "
                f"measured, got {examples}: give validation_data=(x, y)"
            ) from None
    return _Arrays((arrays["x"], arrays["y"], arrays["sample_weight"]), rows, held_out, batch_size)


@dataclass(frozen=True)
class _Arrays:
    all_known: ClassVar[bool] = True

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

    def known(self, most: int) -> Batch:  # noqa: ARG002 - the protocol's
        return self.arrays

    def _taken(self, rows: Rows) -> Batch:
        return _mapped(lambda array: array[rows], self.arrays)


@dataclass(frozen=True)
class _Loader:
    all_known: ClassVar[bool] = False

    loader: Any
    steps: int
    needs_labels: bool

    def held_out(self, most: int) -> None:  # noqa: ARG002 - the protocol's
        return None

    def batches(self, seed: int, epoch: int) -> Iterator[Batch]:
        with users_code("reading x"):
            read = self._reader(seed, epoch)
        for _ in range(self.steps):
            with users_code("reading x"):
                batch = next(read, None)
                unpacked = None if batch is None else keras.utils.unpack_x_y_sample_weight(batch)
            if unpacked is None:
                return
            if (problem := self._batch_problem(unpacked)) is not None:
                raise InputError(problem)
            is_tensorflow = keras.backend.backend() == "tensorflow"
            yield unpacked if is_tensorflow else _mapped(np.asarray, unpacked)

    def _reader(self, seed: int, epoch: int) -> Iterator[Any]:
        if not isinstance(self.loader, keras.utils.PyDataset):
            return iter(self.loader)
        # As `fit` does it. But `on_epoch_end` is not called, which may order the examples anew.
        self.loader.on_epoch_begin()
        order = epoch_order(np.arange(self.steps, dtype=np.int32), seed, epoch)
        return (self.loader[int(index)] for index in order)

    def some(self, most: int) -> Batch:
        found: list[Batch] = []
        count = 0
        for batch in self.batches(0, 1):
            found.append(_mapped(np.asarray, batch))
            count += len(keras.tree.flatten(found[-1])[0])
            if count >= most:
                break
        return _mapped(lambda *some: np.concatenate(some)[:most], *found)

    def known(self, most: int) -> Batch:
        found = self.some(most)
        if problems := value_problems(found):
            raise InputError(problems)
        return found

    def _batch_problem(self, batch: Batch) -> str | None:
        """What makes it something else than a batch of examples, with their labels."""
        x, y, _ = batch
        if y is None and self.needs_labels:
            return (
                "x: must give the labels too, as (x, y), since the loss that the model is compiled "
                "with needs them, got examples alone"
            )
        found = [one for one in keras.tree.flatten((x, y)) if one is not None]
        shapes = [tuple(one.shape) if hasattr(one, "shape") else np.shape(one) for one in found]
        if all(shapes) and len({shape[0] for shape in shapes}) == 1:
            return None
        listed = " and ".join(map(str, dict.fromkeys(shapes)))
        return (
            f"x: must give batches, arrays with an axis of as many examples each, got some of the "
            f"shapes {listed}: where it gives single examples, end it in .batch(n)"
        )


def _mapped(function: Callable[..., Any], *batches: Batch) -> Batch:
    """The function of every array, where there are any."""
    x, y, weights = (
        None if parts[0] is None else keras.tree.map_structure(function, *parts)
        for parts in zip(*batches, strict=True)
    )
    return x, y, weights


def value_problems(batch: Batch) -> list[str]:
    """What is not finite in examples, labels or weights."""
    named = zip(("x", "y", "sample_weight"), batch, strict=True)
    pairs = [(key, array) for name, value in named for key, array in _keyed(name, value)]
    found = (value_problem(key, np.asarray(array)) for key, array in pairs)
    return [problem for problem in found if problem is not None]


def _array_problems(name: str, value: Any) -> Iterator[str]:
    """What makes arrays some that no model can be trained on; x may be texts, as some take them."""
    for key, array in _keyed(name, value):
        if array.dtype.kind in ("Mm" if name == "x" else "MmOSU"):
            yield (
                f"{key}: must hold numbers (integers, floats or booleans), got dtype {array.dtype}"
                f"{cure_of_names(key, array.dtype)}"
            )
        elif not array.size:
            yield f"{key}: must not be empty, got the shape {array.shape}"
        elif (problem := value_problem(key, array)) is not None:
            yield problem
        elif name == "sample_weight" and not array.any():
            yield f"{key}: must leave an example a weight above 0, got 0 for all {len(array)}"


def _keyed(name: str, value: Any) -> Iterator[tuple[str, Array]]:
    """Each array of a nest, with the words of Python that lead to it."""
    for path, array in keras.tree.flatten_with_path(value):
        if array is not None:
            yield name + "".join(f"[{part!r}]" for part in path), array


def gives_batches(value: Any) -> bool:
    """Whether it is a loader, whatever made it."""
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

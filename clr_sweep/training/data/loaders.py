"""Loaders of Keras and TensorFlow, read once, batch by batch, into the files that trials share.

A training orders its examples by its own seed and epoch, so the order that a loader gives them in
means nothing, and what it draws at random (augmentation) is drawn once.
"""

from __future__ import annotations

import functools
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from clr_sweep.common.counts import plural
from clr_sweep.common.errors import DataError
from clr_sweep.common.when_imported import if_imported
from clr_sweep.definition.own_functions import called
from clr_sweep.training.data.array_file import ArrayFile
from clr_sweep.training.data.materialized import Dataset, store_parts
from clr_sweep.training.data.named import Array, Part, each, flat

# What is left free on the disk, and after how many bytes that is looked at.
_FREE_BYTES = 2**30
_LOOK_BYTES = 2**26
# Examples that come one by one are read so many at a time.
_AT_ONCE = 256

_Batch = tuple[Part, Part]


def is_loader(value: Any) -> bool:
    """Whether it is a tf.data.Dataset or a keras.utils.PyDataset; neither is imported for that."""
    return _is_tf(value) or _is_py(value)


def count_of(loader: Any) -> int | None:
    """The batches of one pass of a keras.utils.PyDataset, or None: it has no end, or tells none."""
    try:
        count: int | None = loader.num_batches
    except NotImplementedError:
        return None
    return count


def store_loaders(name: str, parts: tuple[Any, Any], source: str, folder: Path) -> Dataset:
    """Stores what a training and a test loader give.

    Args:
        parts: loaders; one of them may be a pair of arrays, (x, y).
        source: the user's function, for people.
        folder: as for `materialized.store_parts`.

    Raises:
        DataError: a loader has no end, gives something else than examples with labels, or more
            than the disk can hold; or see `materialized.store_parts`.
        TrialFailedError: a loader raised an exception.
    """
    readers, problems = {}, []
    for part, loader in zip(("train", "test"), parts, strict=True):
        try:
            readers[part] = _reader(loader, f"reading the {part} loader of {source}")
        except DataError as error:
            problems += [f"the {part} loader {problem}" for problem in error.problems]
    if problems:
        raise DataError(problems, source)

    def fill(files: Mapping[str, ArrayFile]) -> None:
        for part, batches in readers.items():
            try:
                _append(batches, part, files, folder)
            except DataError as error:
                text = "; ".join(error.problems)
                raise DataError(f"the {part} loader gives what cannot be used: {text}") from None

    try:
        return store_parts(name, fill, source, folder)
    except DataError as error:
        raise error if error.source else DataError(error.problems, source) from None


def _append(
    batches: Iterator[_Batch], part: str, files: Mapping[str, ArrayFile], folder: Path
) -> None:
    written = count = 0
    keys: tuple[str, ...] = ()
    for x, y in batches:
        arrays = flat({f"x_{part}": x, f"y_{part}": y})
        keys = keys or tuple(arrays)
        if tuple(arrays) != keys:
            raise DataError(f"a batch of {', '.join(arrays)} after one of {', '.join(keys)}")
        lengths = {key: len(array) for key, array in arrays.items() if array.ndim}
        if len(set(lengths.values())) > 1:
            raise DataError(_unequal(x, y, lengths))
        for key, array in arrays.items():
            files[key].append(array)
            written += array.nbytes
        count += next(iter(lengths.values()), 0)
        if written > _LOOK_BYTES:
            written = 0
            if shutil.disk_usage(folder.parent).free < _FREE_BYTES:
                raise DataError(
                    f"{count} examples so far, and the disk of {folder} is almost full: make "
                    f"room or, where the loader has no end, say .take(n)"
                )
    if not keys:
        raise DataError("no examples at all")


def _unequal(x: Part, y: Part, lengths: Mapping[str, int]) -> str:
    if isinstance(x, Mapping) or isinstance(y, Mapping):
        found = ", ".join(f"{key} of {length}" for key, length in lengths.items())
        return f"a batch whose arrays have other numbers of examples: {found}"
    return f"a batch of {plural(len(x), 'example')} with {plural(len(y), 'label')}"


def _reader(loader: Any, doing: str) -> Iterator[_Batch]:
    """What it gives, batch by batch; checked as far as it shows before anything is read."""
    if _is_tf(loader):
        return _tf_batches(loader, doing)
    if _is_py(loader):
        return _py_batches(loader, doing)
    if isinstance(loader, tuple | list) and len(loader) == 2:
        return iter([_arrays(loader)])
    raise DataError(
        f"must be a tf.data.Dataset, a keras.utils.PyDataset or a pair of arrays (x, y), got a "
        f"{type(loader).__name__}; tf.data.Dataset.from_generator makes a loader of a generator"
    )


def _py_batches(loader: Any, doing: str) -> Iterator[_Batch]:
    batches = called(doing, functools.partial(count_of, loader))
    if batches is None:
        raise DataError("is infinite: give it the length of one pass, by __len__ or num_batches")

    def read() -> Iterator[_Batch]:
        called(doing, loader.on_epoch_begin)  # as fit does before its first batch
        for index in range(batches):
            batch = called(f"{doing}, batch {index}", functools.partial(loader.__getitem__, index))
            if (problem := _structure_problem(batch)) is not None:
                raise DataError(problem)
            yield _arrays(batch)

    return read()


def _tf_batches(loader: Any, doing: str) -> Iterator[_Batch]:
    import tensorflow as tf  # imported already: the loader is of it

    spec = loader.element_spec
    if (problem := _structure_problem(spec)) is not None:
        raise DataError(problem)
    flat_spec = flat(dict(zip(("examples", "labels"), spec, strict=True)))
    for which, one in flat_spec.items():
        if not isinstance(one, tf.TensorSpec):
            raise DataError(f"gives {which} as a {type(one).__name__}: map it, as by .to_tensor()")
        if np.dtype(one.dtype.as_numpy_dtype).kind not in "biuf":
            raise DataError(f"gives {which} of the dtype {one.dtype.name}: map them to numbers")
    if loader.cardinality() == tf.data.INFINITE_CARDINALITY:
        raise DataError("is infinite: leave out .repeat(), or say .take(n)")
    if not _is_batched({which: one.shape for which, one in flat_spec.items()}):
        loader = loader.batch(_AT_ONCE)
    options = tf.data.Options()
    options.deterministic = True  # of what is read side by side, the order too
    batches = loader.with_options(options).as_numpy_iterator()
    return iter(lambda: called(doing, lambda: next(batches, None)), None)


def _is_batched(shapes: Mapping[str, Any]) -> bool:
    """Whether elements of these shapes are batches, as `fit` takes them, or single examples."""
    if any(shape.rank is None for shape in shapes.values()):
        raise DataError(
            "does not tell the shapes of its elements: say them, as by "
            ".map(lambda x, y: (tf.ensure_shape(x, ...), tf.ensure_shape(y, ...)))"
        )
    if any(shape.rank == 0 for shape in shapes.values()):
        return False
    lengths = {shape[0] for shape in shapes.values()}
    if lengths == {None}:
        return True
    if len(lengths) == 1:
        # drop_remainder, or examples and labels that are as long as one another.
        listed = " and ".join(str(tuple(shape)) for shape in shapes.values())
        raise DataError(
            f"gives elements of the shapes {listed}, which may be batches or "
            f"single examples: end it in .batch(n), without drop_remainder"
        )
    return False


def _structure_problem(element: Any) -> str | None:
    """What makes it something else than examples and labels, an array each or some by name."""
    if isinstance(element, Mapping):
        found = f"dicts of {', '.join(map(str, element))}"
    elif not isinstance(element, tuple | list):
        found = "examples without labels"
    elif len(element) == 3:
        found = "sample weights too, which a training here does not take"
    elif len(element) != 2:
        found = f"{plural(len(element), 'value')}"
    elif several := [
        which
        for which, value in zip(("examples", "labels"), element, strict=True)
        if isinstance(value, tuple | list)
    ]:
        found = f"several arrays of {' and of '.join(several)} without names"
        return f"must give (x, y), an array each or a dict of arrays, got {found}: name them"
    else:
        return None
    return f"must give (x, y), an array each or a dict of arrays, got {found}: map it to (x, y)"


def _arrays(pair: Any) -> _Batch:
    x, y = (each(part, _array) for part in pair)
    return x, y


def _array(value: Any) -> Array:
    try:
        return np.asarray(value)  # a tensor of whatever backend too
    except Exception as error:
        raise DataError(f"must give arrays, got a {type(value).__name__} ({error})") from error


def _is_tf(value: Any) -> bool:
    tensorflow = if_imported("tensorflow")
    return tensorflow is not None and isinstance(value, tensorflow.data.Dataset)


def _is_py(value: Any) -> bool:
    keras = if_imported("keras")
    return keras is not None and isinstance(value, keras.utils.PyDataset)

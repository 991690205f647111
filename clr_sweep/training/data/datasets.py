"""The data sets that a sweep can train on, by the kinds of their names.

To add one that is known by its name: write a module that loads it, as fashion_mnist.py does, and
enter it in `_BUILT_IN`.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from clr_sweep.common.errors import DataError
from clr_sweep.common.nearest import hint, same
from clr_sweep.definition.data_names import NO_OPTIONS, DataOptions, kind_of, named_within
from clr_sweep.definition.own_functions import function_problems, own_name
from clr_sweep.training.data import fashion_mnist, sklearn_sets, tfds_sets
from clr_sweep.training.data.from_function import load_from_function
from clr_sweep.training.data.image_folders import find_images
from clr_sweep.training.data.images import load_images
from clr_sweep.training.data.materialized import Dataset
from clr_sweep.training.data.npz import find_npz, load_npz, npz_problems, read_headers
from clr_sweep.training.data.splits import test_problem

logger = logging.getLogger("clr_sweep")


@dataclass(frozen=True)
class _BuiltIn:
    load: Callable[[Path | None], Dataset]
    training_examples: int


_BUILT_IN = {"fashion_mnist": _BuiltIn(fashion_mnist.load, fashion_mnist.TRAINING_EXAMPLES)}


def load_dataset(
    name: str,
    options: DataOptions = NO_OPTIONS,
    search_path: Sequence[Path] = (),
    into: Path | None = None,
) -> Dataset:
    """Loads a data set; its arrays cannot be written to.

    Args:
        name: a name of `_BUILT_IN`; or the path of an .npz file with x_train, y_train,
            x_test and y_test, as Keras' own files; or `module:function`, which returns
            ((x_train, y_train), (x_test, y_test)), a dict with these keys or two loaders; or
            `sklearn:NAME`, `images:FOLDER`, `tfds:NAME`.
        options: what else the sweep says of it.
        search_path: folders where files, folders and modules are looked for, before the current
            folder and Python's path; usually the folder of the sweep file.
        into: where the examples of loaders are stored, see `load_from_function`.

    Returns:
        The data set. Known ones and files are memory-mapped from the cache, so that processes
        share one copy; arrays that a function returns are in this process's memory until
        `materialize` has stored it.

    Raises:
        DataError: it cannot be found, read or trusted; holds every problem.
        TrialFailedError: the user's function raised an exception.
    """
    match kind_of(name):
        case "file":
            dataset = load_npz(name, search_path)
        case "function":
            dataset = load_from_function(name, search_path, into)
        case "sklearn":
            dataset = sklearn_sets.load(name, options)
        case "images":
            dataset = load_images(name, options, search_path)
        case "tfds":
            dataset = tfds_sets.load(name, options)
        case _:
            if name not in _BUILT_IN:
                raise DataError(_unknown(name, search_path))
            dataset = _BUILT_IN[name].load(options.folder)
    logger.info(
        "data set %s: %d training and %d test examples from %s",
        name,
        dataset.training_examples,
        dataset.test_examples,
        dataset.source,
    )
    return dataset


def check_dataset_name(
    name: str, search_path: Sequence[Path] = (), options: DataOptions = NO_OPTIONS
) -> list[str]:
    """The problems that show without loading the data or importing TensorFlow.

    Args:
        name, search_path, options: as for `load_dataset`.

    Returns:
        One sentence a problem; empty where the data set can be loaded as far as is known. A
        file's arrays are judged by their headers, images by the names of their files, a function
        by its module being there.
    """
    match kind_of(name):
        case "file":
            return npz_problems(name, search_path)
        case "function":
            return function_problems(name, search_path)
        case "sklearn":
            return sklearn_sets.name_problems(name)
        case "images":
            try:
                find_images(name, search_path)
            except DataError as error:
                return error.with_source()
            return []
        case "tfds":
            return tfds_sets.name_problems(name, options)
        case _:
            return [] if name in _BUILT_IN else [_unknown(name, search_path)]


@dataclass(frozen=True)
class Examined:
    """What is known of a data set without loading it.

    Attributes:
        problems: of its name; then nothing else is known.
        test_problem: of `dataset.test`.
        training_examples: None where that is not known, or `dataset.test` has a problem.
    """

    problems: Sequence[str] = ()
    test_problem: str | None = None
    training_examples: int | None = None


def examined(name: str, options: DataOptions, search_path: Sequence[Path] = ()) -> Examined:
    """All of it with one look: a folder of images may hold many files.

    Args:
        name, options, search_path: as for `load_dataset`.
    """
    if kind_of(name) == "images":
        try:
            images = find_images(name, search_path)
        except DataError as error:
            return Examined(error.with_source())
        if (wrong := images.test_problem(name, options.test)) is not None:
            return Examined(test_problem=wrong)
        return Examined(training_examples=len(images.parts(options.test)["train"][0]))
    if problems := check_dataset_name(name, search_path, options):
        return Examined(problems)
    if (wrong := _test_problem(name, options)) is not None:
        return Examined(test_problem=wrong)
    return Examined(training_examples=training_examples(name, options, search_path))


def _test_problem(name: str, options: DataOptions) -> str | None:
    match kind_of(name):
        case "sklearn":
            return test_problem(sklearn_sets.EXAMPLES[named_within(name)], options.test)
        case "tfds":
            return tfds_sets.known_test_problem(name, options)
        case _:
            return None


def training_examples(
    name: str, options: DataOptions = NO_OPTIONS, search_path: Sequence[Path] = ()
) -> int | None:
    """The number of training examples where it is known without loading them, else None.

    Args:
        name, options: neither has a problem.
    """
    match kind_of(name):
        case "name":
            return _BUILT_IN[name].training_examples if name in _BUILT_IN else None
        case "sklearn":
            return sklearn_sets.training_examples(name, options)
        case "images":
            return len(find_images(name, search_path).parts(options.test)["train"][0])
        case "tfds":
            return tfds_sets.known_training_examples(name, options)
        case "file":
            try:
                headers = read_headers(find_npz(name, search_path))
            except DataError:
                return None
            shape = next(iter(headers.values())).shape  # the first are those of x_train
            return shape[0] if shape else None
        case _:
            return None


def _unknown(name: str, search_path: Sequence[Path]) -> str:
    meant = own_name(name, search_path)
    if meant is None and (toy := same(name, sklearn_sets.EXAMPLES)) is not None:
        meant = f"sklearn:{toy}"
    near = hint(name, _BUILT_IN) if meant is None else f" - did you mean {meant!r}?"
    return (
        f"unknown data set {name!r}{near} (known: {', '.join(_BUILT_IN)}; or the "
        f"path of an .npz file, module:function, sklearn:NAME, images:FOLDER or tfds:NAME)"
    )

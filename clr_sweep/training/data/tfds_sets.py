"""The data sets of TensorFlow Datasets, by name: downloaded and prepared by it, once.

https://www.tensorflow.org/datasets/overview
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
import os
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from clr_sweep.common.errors import DataError
from clr_sweep.common.nearest import hint
from clr_sweep.definition.data_names import DataOptions, named_within, test_without_effect
from clr_sweep.training.data.cache import one_process_at_a_time, writable_cache_folder
from clr_sweep.training.data.contents import contents
from clr_sweep.training.data.kept import kept_or_stored
from clr_sweep.training.data.loaders import store_loaders
from clr_sweep.training.data.materialized import Dataset
from clr_sweep.training.data.splits import split_off_test, test_problem

_NAME = re.compile(r"(?P<name>[A-Za-z]\w*)(/(?P<config>[^/:\s]+))?(:(?P<version>\d+\.\d+\.\d+))?")
_BY_FUNCTION = "return what you make of it from a function of yours, dataset.name: module:function"
_AT_ONCE = 32


def load(name: str, options: DataOptions) -> Dataset:
    """The data set `tfds:NAME`, its supervised examples as TensorFlow Datasets has them.

    What is not there yet is downloaded and prepared as `tfds.load` does it, in `options.folder` or
    in its own folder; then read once, in its own order, into the cache, and mapped from there.

    Raises:
        DataError: there is none of this name, it cannot be had, or it has no examples and labels
            that are arrays of one shape.
    """
    if problems := name_problems(name, options):
        raise DataError(problems)
    builder = _builder(name, options)
    source = f"TensorFlow Datasets' {builder.info.full_name}"
    if problems := list(_feature_problems(builder.info)):
        raise DataError([f"{problem}: {_BY_FUNCTION}" for problem in problems], source)
    folder = Path(builder.data_path)
    if not builder.info.splits:
        lock = hashlib.sha256(str(folder).encode()).hexdigest()
        with one_process_at_a_time(writable_cache_folder(), f"tfds-{lock[:16]}"):
            # It knows what was there when it was made: another process may have prepared it since.
            builder = _builder(name, options)
            if not builder.is_prepared():
                _prepare(builder, source)
    test, not_read = _test_split(name, builder, options, source)
    classes = getattr(builder.info.features[builder.info.supervised_keys[1]], "names", None)
    source = f"{source} in {folder}"
    if held := contents(classes or (), not_read):
        source += f" ({held})"
    state = (folder / "dataset_info.json").stat()
    key = hashlib.sha256(
        f"{folder}|{state.st_size}|{state.st_mtime_ns}|{options.test}".encode()
    ).hexdigest()

    def store(place: Path) -> Dataset:
        return store_loaders(name, _loaders(builder, test), source, place)

    dataset = kept_or_stored("tfds", builder.name, key, store)
    return replace(dataset, name=name, source=source)


def name_problems(name: str, options: DataOptions) -> list[str]:
    """What is wrong with the name `tfds:NAME`, found without TensorFlow and without a network."""
    within = named_within(name)
    if (match := _NAME.fullmatch(within)) is None:
        return [
            f"must name a data set as tfds:NAME, tfds:NAME/CONFIG or tfds:NAME/CONFIG:1.0.0, "
            f"got {name!r}"
        ]
    if importlib.util.find_spec("tensorflow_datasets") is None:
        return [
            f"{name} needs TensorFlow Datasets, which is not installed: "
            f"pip install 'clr-sweep[tfds]'"
        ]
    folder = _data_folder(options)
    readable = folder.is_dir() and os.access(folder, os.R_OK | os.X_OK)
    prepared = sorted(os.listdir(folder)) if readable else []
    if match["name"] in prepared and any(_prepared(match, folder)):
        return []  # whoever made it
    import tensorflow_datasets as tfds  # imports TensorFlow only when it needs it

    known = tfds.list_builders(with_community_datasets=False)
    if match["name"] in known:
        return []
    if match["name"] in prepared:
        found = sorted((folder / match["name"]).glob("**/dataset_info.json"))
        there = ", ".join(str(info.parent.relative_to(folder)) for info in found)
        return [f"{folder} has no {within} prepared, there is {there or 'nothing that is whole'}"]
    return [
        f"TensorFlow Datasets has no data set {match['name']!r}"
        f"{hint(match['name'], [*prepared, *known])} (it knows {len(known)}, and those in "
        f"{folder}: prepare one of your own there by `tfds build --data_dir`, or say by "
        f"dataset.folder where it lies)"
    ]


def known_training_examples(name: str, options: DataOptions) -> int | None:
    """How many there are, of a set that is prepared already; None of one that is not."""
    splits = _prepared_splits(name, options)
    if "test" in splits or "train" not in splits:
        return splits.get("train")
    return len(split_off_test(splits["train"], options.test)[0])


def known_test_problem(name: str, options: DataOptions) -> str | None:
    """What is wrong with `dataset.test`, as far as it shows before the set is loaded."""
    splits = _prepared_splits(name, options)
    if "test" in splits:
        return None if options.test is None else test_without_effect(name, options.test)
    return test_problem(splits["train"], options.test) if "train" in splits else None


def _data_folder(options: DataOptions) -> Path:
    """Where TensorFlow Datasets keeps its files."""
    if options.folder is not None:
        return options.folder.expanduser().absolute()
    own = os.environ.get("TFDS_DATA_DIR") or "~/tensorflow_datasets"
    return Path(own).expanduser().absolute()


def _prepared_splits(name: str, options: DataOptions) -> Mapping[str, int]:
    """The examples of each split, of the one prepared set that the name can mean."""
    match = _NAME.fullmatch(named_within(name))
    assert match is not None
    found = list(_prepared(match, _data_folder(options)))
    if len(found) != 1:
        return {}
    try:
        splits = json.loads(found[0].read_text(encoding="utf-8"))["splits"]
        return {split["name"]: sum(map(int, split["shardLengths"])) for split in splits}
    except (OSError, ValueError, KeyError, TypeError):
        return {}  # what is wrong with it, TensorFlow Datasets says


def _prepared(match: re.Match[str], folder: Path) -> Iterator[Path]:
    """The descriptions of the prepared sets that the name can mean."""
    levels = [match["name"], *filter(None, [match["config"]]), match["version"] or "*.*.*"]
    return folder.glob("/".join([*levels, "dataset_info.json"]))


def _builder(name: str, options: DataOptions) -> Any:
    import tensorflow_datasets as tfds

    def make() -> Any:
        return tfds.builder(named_within(name), data_dir=str(_data_folder(options)), try_gcs=False)

    return _asked(make, "cannot be found", name)


def _prepare(builder: Any, source: str) -> None:
    import tensorflow_datasets as tfds

    tfds.disable_progress_bar()
    command = f"tfds build {builder.info.full_name.partition('/')[0]} --data_dir FOLDER"
    _asked(
        builder.download_and_prepare,
        "cannot be downloaded and prepared here: where there is a network, `" + command + "` does "
        "it, and dataset.folder says where it lies; what was raised",
        source,
    )


def _asked(of: Callable[[], Any], problem: str, source: str) -> Any:
    """What TensorFlow Datasets gives; whatever it raises, many kinds of errors, is told."""
    try:
        return of()
    except Exception as error:
        text = " ".join(str(error).split())
        raise DataError(f"{problem}: {type(error).__name__}: {text[:1000]}", source) from error


def _feature_problems(info: Any) -> Iterator[str]:
    """What makes its supervised examples something else than an array and a label."""
    import tensorflow as tf
    from tensorflow_datasets.core.features import TensorInfo

    keys = info.supervised_keys
    if keys is None:
        held = ", ".join(sorted(info.features or ()))
        yield f"does not say which of its features ({held}) are examples and labels"
        return
    if len(keys) != 2 or not all(isinstance(key, str) for key in keys):
        yield f"has the supervised keys {keys}, and not one for examples and one for labels"
        return
    for key in keys:
        found = info.features[key].get_tensor_info()
        if not isinstance(found, TensorInfo):
            yield f"the feature {key!r} is no array"
        elif not (
            (dtype := tf.as_dtype(found.dtype)).is_bool or dtype.is_integer or dtype.is_floating
        ):
            yield f"the feature {key!r} must hold numbers, got {dtype.name}"
        elif None in found.shape:
            shape = tuple(found.shape)
            yield f"the feature {key!r} must have one shape, got {shape}, which varies"


def _test_split(
    name: str, builder: Any, options: DataOptions, source: str
) -> tuple[np.ndarray[Any, Any] | None, list[str]]:
    """Which training examples are the test set, None where it has one; and what is not read."""
    splits = builder.info.splits
    if "train" not in splits:
        raise DataError(
            f"must have a split 'train', got {', '.join(splits)}: {_BY_FUNCTION}", source
        )
    not_read = [split for split in splits if split not in ("train", "test")]
    if "test" not in splits:
        count = splits["train"].num_examples
        is_test = np.zeros(count, bool)
        is_test[split_off_test(count, options.test)[1]] = True
        return is_test, not_read
    if options.test is not None:
        raise DataError(f"dataset.test: {test_without_effect(name, options.test)}", source)
    return None, not_read


def _loaders(builder: Any, is_test: np.ndarray[Any, Any] | None) -> tuple[Any, Any]:
    """Batches of the training and of the test part, in the order of the files."""
    import tensorflow as tf
    import tensorflow_datasets as tfds

    def read(split: str) -> Any:
        settings = tfds.ReadConfig(try_autocache=False)
        return builder.as_dataset(
            split=split, as_supervised=True, shuffle_files=False, read_config=settings
        )

    def rows(of: np.ndarray[Any, Any]) -> Any:
        chosen = tf.constant(of)
        numbered = read("train").enumerate().filter(lambda row, _: chosen[row])
        return numbered.map(lambda _, example: example)

    parts = (read("train"), read("test")) if is_test is None else (rows(~is_test), rows(is_test))
    train, test = (part.batch(_AT_ONCE) for part in parts)
    return train, test

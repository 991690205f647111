"""What a data set's name and the keys beside it mean, without loading anything."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from clr_sweep.definition.image_options import (
    NO_IMAGE_OPTIONS,
    ImageOptions,
    image_option_problems,
)
from clr_sweep.definition.problems import Problem

Kind = Literal["name", "file", "function", "sklearn", "images", "tfds"]

_PREFIXES: dict[str, Kind] = {"sklearn:": "sklearn", "images:": "images", "tfds:": "tfds"}
# Those of some names, or of all.
_MAY_LACK_A_TEST_SET: tuple[Kind, ...] = ("sklearn", "images", "tfds")
# Whose files are not looked for in `dataset.folder`, and why.
_WITHOUT_FOLDER: dict[Kind, str] = {
    "file": "which names the file's folder itself",
    "function": "which finds its data itself",
    "sklearn": "which scikit-learn brings along",
    "images": "which names its folder",
}


@dataclass(frozen=True)
class DataOptions:
    """What a sweep says of a data set beside its name.

    Attributes:
        folder: where the files of a known data set are looked for first, or those of TensorFlow
            Datasets lie.
        test: what is held out as the test set of data that have none: a number of examples, or
            a part of them in (0, 1); None: a fifth.
        in_memory: whether a training holds all examples in memory; `auto`: where they are small.
        images: how images become arrays.
    """

    folder: Path | None = None
    test: int | float | None = None
    in_memory: bool | Literal["auto"] = "auto"
    images: ImageOptions = NO_IMAGE_OPTIONS


NO_OPTIONS = DataOptions()


def kind_of(name: str) -> Kind:
    """What is named; `name` is everything that is none of the others."""
    for prefix, kind in _PREFIXES.items():
        if name.startswith(prefix):
            return kind
    if name.lower().endswith(".npz"):  # before the colon: a Windows path has one too
        return "file"
    return "function" if ":" in name else "name"


def named_within(name: str) -> str:
    """What follows the kind: `digits` of `sklearn:digits`."""
    return name.partition(":")[2]


def option_problems(name: str, options: DataOptions) -> Iterator[Problem]:
    """What is wrong with options that shows without the data, by their keys."""
    kind = kind_of(name)
    if options.test is not None and kind not in _MAY_LACK_A_TEST_SET:
        yield ("test",), test_without_effect(name, options.test)
    if options.folder is not None and kind in _WITHOUT_FOLDER:
        yield ("folder",), f"has no effect on {name}, {_WITHOUT_FOLDER[kind]}: leave it out"
    if kind == "images":
        yield from image_option_problems(options.images)
    else:
        for key, value in options.images.given().items():
            yield (
                (key,),
                f"has no effect on {name}, only on images:FOLDER, got {value}: leave it out",
            )


def test_without_effect(name: str, test: int | float) -> str:
    """What is wrong with a test part of data that have a test set."""
    return f"has no effect on {name}, which has a test set of its own, got {test}: leave it out"

"""What a data set's name and the keys beside it mean, without loading anything."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from clr_sweep.definition.problems import Problem

Kind = Literal["name", "file", "function", "sklearn"]

_PREFIXES: dict[str, Kind] = {"sklearn:": "sklearn"}
_HAVE_NO_TEST_SET: tuple[Kind, ...] = ("sklearn",)


@dataclass(frozen=True)
class DataOptions:
    """What a sweep says of a data set beside its name.

    Attributes:
        folder: where the files of a known data set are looked for first.
        test: what is held out as the test set of data that have none: a number of examples, or
            a part of them in (0, 1); None: a fifth.
        in_memory: whether a training holds all examples in memory; `auto`: where they are small.
    """

    folder: Path | None = None
    test: int | float | None = None
    in_memory: bool | Literal["auto"] = "auto"


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
    """The options that have no effect on this data set, by their keys."""
    kind = kind_of(name)
    if options.test is not None and kind not in _HAVE_NO_TEST_SET:
        yield (
            ("test",),
            f"has no effect on {name}, which has a test set of its own, got {options.test}: "
            f"leave it out",
        )

"""A sweep in Python: what a sweep file says, with functions in hand in place of their names."""

from __future__ import annotations

import copy
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from clr_sweep.common.door import in_python
from clr_sweep.common.errors import DataError, InputError
from clr_sweep.definition.engine_config import renamed
from clr_sweep.definition.loading import checked_sweep, load_sweep
from clr_sweep.definition.shipped_sweeps import find_sweep
from clr_sweep.definition.sweep import Sweep as Definition
from clr_sweep.definition.yaml_file import dump
from clr_sweep.library.arrays import Written, holds_arrays, written_arrays
from clr_sweep.library.given import given_file
from clr_sweep.library.keras_names import keras_name, kind_of, made_already
from clr_sweep.library.named import name_of_function
from clr_sweep.library.process import say
from clr_sweep.study.part import SweepSource

Named = str | os.PathLike[str] | Callable[..., Any] | Mapping[str, Any]
Arrays = tuple[tuple[Any, Any], tuple[Any, Any]]
"""`((x_train, y_train), (x_test, y_test))`."""


class Sweep:
    """A sweep: each argument is a section of the sweep file, as docs/sweep-file.md has it.

    Args:
        name: of the study too.
        dataset: a known name, an `.npz` file, `module:function` or that function; or arrays,
            `((x_train, y_train), (x_test, y_test))` or a dict of them, which are written to an
            `.npz` file in the current folder here, unless it is there, and named by it; or a
            mapping with `name` being one of these, and `validation`.
        model: a known name, `module:function` or that function (a class too); or a mapping with
            `name` being one of these, and `arguments`. Left out where `training.function` trains.
        training: `epochs` at least. Where `module:name` may stand (`metrics`, `loss`, `optimizer`,
            `function`), the function or class itself may, Keras' own among them.
        search_space: the dimensions by name: a value, a list of values, or a mapping with `low`,
            `high` and perhaps `log`.
        description, objective, study, baseline, range_test, comparison, engine, tracking: as in
            the file; left out where they are None.

    Attributes:
        definition: the whole sweep with its defaults in place, a frozen record (pydantic).
        source: where it was read from, and where what it names is looked for.

    Raises:
        InputError: something in it is wrong; every problem at once, each with its place.
    """

    definition: Definition
    source: SweepSource

    def __init__(
        self,
        name: str,
        *,
        dataset: Named | Arrays | None = None,
        model: Named | None = None,
        training: Mapping[str, Any],
        search_space: Mapping[str, Any],
        description: str | None = None,
        objective: Mapping[str, Any] | None = None,
        study: Mapping[str, Any] | None = None,
        baseline: Mapping[str, Any] | None = None,
        range_test: Mapping[str, Any] | None = None,
        comparison: Mapping[str, Any] | None = None,
        engine: Mapping[str, Any] | None = None,
        tracking: Mapping[str, Any] | None = None,
    ) -> None:
        found = _Names(name)
        given = {
            "name": name, "description": description,
            "dataset": found.section("dataset", dataset),
            "model": found.section("model", model),
            "training": found.named("training", training), "search_space": search_space,
            "objective": objective, "study": study, "baseline": baseline,
            "range_test": range_test, "comparison": comparison, "engine": engine,
            "tracking": tracking,
        }  # fmt: skip
        self._content = {key: _plain(value) for key, value in given.items() if value is not None}
        self._folders = (*found.folders, Path.cwd())
        try:
            self._check(found.problems)
        except BaseException:
            found.drop_arrays()
            raise
        if found.arrays is not None and found.arrays.is_new:
            say(f"the arrays are in {found.arrays.file.name} now, which the sweep names")

    @classmethod
    def from_file(
        cls, file: str | os.PathLike[str], overrides: Mapping[str, Any] | None = None
    ) -> Sweep:
        """The sweep of a file.

        Args:
            file: its path, or the name of a sweep that clr-sweep ships, such as fashion_mnist.
            overrides: values by dotted key (`{"study.trials": 8}`), in place of the file's.

        Raises:
            InputError: the file cannot be read, or something in it or in the overrides is wrong;
                every problem at once.
        """
        made = cls.__new__(cls)
        path = find_sweep(given_file("file", file, "a sweep file"))
        with in_python():
            made.definition = load_sweep(path, overrides)
        made.source = SweepSource.of(path)
        made._overrides = dict(overrides or {})
        return made

    @classmethod
    def asked(cls, given: Sweep | str | os.PathLike[str], overrides: Mapping[str, Any]) -> Sweep:
        """A sweep, or that of a file, with other values by dotted key; what is None is not given.

        Raises:
            InputError: as `from_file`.
        """
        values = {key: value for key, value in overrides.items() if value is not None}
        if not isinstance(given, Sweep):
            return cls.from_file(given_file("sweep", given, "a Sweep or a sweep file"), values)
        return given.replaced(values) if values else given

    def replaced(self, overrides: Mapping[str, Any]) -> Sweep:
        """This sweep with other values, by dotted key; it is checked as a whole again.

        Raises:
            InputError: as `Sweep`.
        """
        if self.source.is_written:
            return self.from_file(self.source.file, self._overrides | dict(overrides))
        made = copy.copy(self)
        made._content = copy.deepcopy(self._content)
        for key, value in overrides.items():
            *above, last = key.split(".")
            section = made._content
            for part in above:
                section = section.setdefault(part, {})
            section[last] = _plain(value)
            if key == "engine.name":
                made._content["engine"] = renamed(section, section[last])
        made._check([])
        return made

    @property
    def text(self) -> str:
        """It as a sweep file, for `clr-sweep run` and to be kept with the code."""
        return self.source.text

    def save(self, file: str | os.PathLike[str], *, overwrite: bool = False) -> None:
        """Write it as a sweep file.

        What it names is looked for beside that file, in the current folder and on Python's path.

        Args:
            overwrite: in the place of another file of this name too, with its comments.

        Raises:
            InputError: there is a file of this name that holds something else.
        """
        path = Path(file)
        if not overwrite and path.exists() and path.read_bytes() != self.text.encode():
            raise InputError(
                f"{path}: is there already, and is not this sweep: name another file, or give "
                "overwrite=True"
            )
        path.write_text(self.text, encoding="utf-8")

    def _check(self, problems: Sequence[tuple[str, str]]) -> None:
        """Validate what was given, and say where it is from.

        Args:
            problems: the places of functions that have no name, and why.
        """
        wrong, known = [f"{place}: {text}" for place, text in problems], dict(problems)
        try:
            self.definition = checked_sweep(self._content, self._folders)
        except InputError as error:
            # What else is wrong; not that, for one, an objective is not what the stand-in measures.
            found = (text for text in error.problems if text.partition(": ")[0] not in known)
            wrong += [text for text in found if not known or _STAND_IN not in text]
        if wrong:
            raise InputError(wrong)
        name, text = self.definition.name, dump(self._content)
        self.source = SweepSource(Path(name), text, self._folders, is_written=False)

    def __repr__(self) -> str:
        definition = self.definition
        return (
            f"<Sweep {definition.study_name}: {definition.model.name} on "
            f"{definition.dataset.name}, {definition.study.trials} trials>"
        )

    _content: dict[str, Any]
    _folders: tuple[Path, ...]
    _overrides: dict[str, Any]


# What each trial makes anew, where nothing but a name can say what is meant.
_MADE = ("dataset.name", "model.name")
_STAND_IN = "in_hand"  # for what has no name, so that all else can be checked
_PLAIN = (str, bytes, int, float, np.generic, type(None))


class _Names:
    """The names of what was given in hand.

    Args:
        sweep: its name, after which a file with arrays is named.

    Attributes:
        folders: in which their modules are found.
        problems: of those that have no name: the place, and why.
        arrays: the file of the arrays that were in hand.
    """

    def __init__(self, sweep: str) -> None:
        self._sweep = str(sweep)
        self.folders: dict[Path, None] = {}
        self.problems: list[tuple[str, str]] = []
        self.arrays: Written | None = None

    def section(self, place: str, given: Named | Arrays | None) -> Any:
        """A section that may be its `name` alone."""
        if place == "dataset":
            given = self._with_file(given)
        if given is None or isinstance(given, Mapping):
            return self.named(place, given)
        return {"name": self.named(f"{place}.name", given)}

    def _with_file(self, given: Any) -> Any:
        """The section of the data, with the file that holds them in place of arrays in hand."""
        is_section = isinstance(given, Mapping) and "name" in given
        arrays = given["name"] if is_section else given
        # No name is a list, and what holds no array may be made one.
        if not isinstance(arrays, tuple | list) and not holds_arrays(arrays):
            return given
        name = "arrays"
        try:
            self.arrays = written_arrays(arrays, self._sweep)
            name = self.arrays.file.name
        except DataError as error:
            self.problems += [("dataset.name", problem) for problem in error.problems]
        return {**given, "name": name} if is_section else {"name": name}

    def drop_arrays(self) -> None:
        """Leave nothing behind of a sweep that is refused."""
        if self.arrays is not None and self.arrays.is_new:
            self.arrays.file.unlink(missing_ok=True)

    def named(self, place: str, given: Any) -> Any:
        """What was given, with a name in place of each function and class in it."""
        if isinstance(given, Mapping):
            return {key: self.named(f"{place}.{key}", value) for key, value in given.items()}
        if isinstance(given, list | tuple):
            return [self.named(f"{place}.{index}", one) for index, one in enumerate(given)]
        if isinstance(given, os.PathLike):
            return os.fspath(given)
        if (kind := kind_of(place)) is not None and not isinstance(given, _PLAIN):
            if (problem := made_already(kind, given)) is not None:
                return self._without_name(place, problem)
            if (known := keras_name(kind, given)) is not None:
                return known
        if not callable(given) and (place not in _MADE or isinstance(given, _PLAIN)):
            return given  # a name, or what the definition refuses
        try:
            name, folder = name_of_function(given, f"my_{place.partition('.')[0]}")
        except ValueError as error:
            return self._without_name(place, str(error))
        if folder is not None:
            self.folders[folder] = None
        return name

    def _without_name(self, place: str, problem: str) -> str:
        self.problems.append((place, problem))
        return _STAND_IN


def _plain(value: Any) -> Any:
    """What a YAML file holds: NumPy's numbers as Python's, tuples as lists."""
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value.item() if isinstance(value, np.generic) else value

"""What stands among the hyperparameters, where a name of any kind could stand, and is none.

These are keys of other sections, hyperparameters below the name of the section that has them, and
dimensions in the form of another program.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from clr_sweep.common.nearest import same
from clr_sweep.definition.dimensions import Dimension, Range
from clr_sweep.definition.keys_in_file import adapters, fields_in_file
from clr_sweep.definition.meant_keys import elsewhere
from clr_sweep.definition.optimizers import NOT_TAKEN, OPTIMIZERS, OptimizerConfig
from clr_sweep.definition.problems import Problem, as_written, shown
from clr_sweep.definition.search_space import SearchSpace
from clr_sweep.definition.sections import section
from clr_sweep.definition.space_checks import space_problems
from clr_sweep.definition.sweep import Sweep
from clr_sweep.definition.sweep_checks import known_arguments

# Of `training` too, and not misplaced here; of epochs it is said why they are not searched.
_OF_BOTH = ("batch_size", "optimizer", "epochs")
_DIMENSION: TypeAdapter[Any] = TypeAdapter(Dimension)


def without_misplaced(
    content: dict[str, Any], folders: tuple[Path, ...]
) -> tuple[dict[str, Any], list[Problem]]:
    """A definition as it is written, without such keys, and what was meant by each of them.

    A dimension of which that is known stands there as it was meant: what is wrong beside it is
    found all the same.

    Args:
        folders: in which the module of the model is looked for.
    """
    space = section(content, "search_space")
    model_arguments = _model_arguments(content, folders)
    is_right = partial(_is_right, content, model_arguments)
    optimizer = section(section(content, "training"), "optimizer")
    known: set[str] = {*fields_in_file(SearchSpace), *_OF_BOTH, *NOT_TAKEN}
    known.update(section(optimizer, "arguments"), model_arguments or (), *OPTIMIZERS.values())
    left: dict[str, Any] = {}
    problems: list[Problem] = []
    for key, value in space.items():
        keys, text, meant = ("search_space", key), "", {}
        if isinstance(value, Mapping) and not _OF_DIMENSIONS & value.keys():
            meant = _meant_dimensions(key, value, is_right)
            forms = {name: as_written(one) for name, one in meant.items()}
            written = [f"{name}: {form}" for name, form in forms.items() if form is not None]
            if len(written) < len(meant) or meant.keys() & (space.keys() - {key}):
                meant = {}
            elif meant:
                is_one = key in known or list(meant) == [key]
                wanted = "must be a value, a list of values, or a range with low and high"
                what = f"{wanted}, got {shown(value)}" if is_one else _unknown(key)
                form = forms[key] if list(meant) == [key] else " and ".join(written)
                text = f"{what} - did you mean {form}?"
        if not text and str(key).isidentifier() and same(key, known) is None:
            near = elsewhere(Sweep, content, keys)
            text = f"{_unknown(key)}{near}" if near else ""
        if text:
            problems.append((keys, text))
        left |= meant if text else {key: value}
    return ({**content, "search_space": left}, problems) if problems else (content, [])


def _unknown(key: str) -> str:
    return f"unknown hyperparameter {shown(key)}"


_OF_DIMENSIONS = {"low", "high", "ratio"}
# Sections whose values are searched, each under its own name.
_SECTIONS = ("training", "optimizer", "model")


def _meant_dimensions(
    key: str, found: Mapping[str, Any], is_right: Callable[[Mapping[str, Any]], bool]
) -> dict[str, Any]:
    """The hyperparameters that were meant by a mapping that is none, as they are written."""
    if key in ("from", "when"):
        return {}
    for form in _forms(found):
        if is_right({key: form}):
            return {key: form}
    below = dict(_below(key, found))
    return below if is_right(below) else {}


def _forms(found: Mapping[str, Any]) -> Iterator[Any]:
    """A dimension in the words of other programs.

    `{min: 1, max: 2}`, `{values: [1, 2]}`, `{distribution: loguniform, min: 1, max: 2}`,
    `{range: {low: 1, high: 2}, log: true}`.
    """
    flat: dict[str, Any] = {}
    for key, value in found.items():
        flat |= value if isinstance(value, Mapping) else {key: value}
    named = {Range.other_words.get(key, key): value for key, value in flat.items()}
    yield named
    kinds = [key for key, value in named.items() if isinstance(value, str)]
    if len(kinds) == 1:
        is_log = "log" in named.pop(kinds[0]).lower()
        yield {**named, "log": True} if is_log else named
    listed = [value for value in found.values() if isinstance(value, list)]
    yield from listed if len(listed) == 1 else ()
    yield from found.values() if len(found) == 1 else ()


def _below(key: str, found: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """The hyperparameters of a mapping by the names that they have in the search space."""
    for name, value in found.items():
        if name == "arguments" and isinstance(value, Mapping):
            yield from _below(key, value)
        elif name == "name":
            yield key, value
        elif name in _SECTIONS and isinstance(value, Mapping):
            yield from _below(name, value)
        else:
            yield (f"model.{name}" if key == "model" else name), value


def _model_arguments(
    content: Mapping[str, Any], folders: tuple[Path, ...]
) -> tuple[str, ...] | None:
    names = {
        "training.function": section(content, "training").get("function"),
        "model.name": section(content, "model").get("name"),
    }
    named = {key: name for key, name in names.items() if isinstance(name, str)}
    return known_arguments(named, folders).names


def _is_right(
    content: Mapping[str, Any],
    model_arguments: tuple[str, ...] | None,
    written: Mapping[str, Any],
) -> bool:
    """Whether these are hyperparameters, as far as they, the optimizer and the model tell."""
    of_space = adapters(SearchSpace)
    try:
        read = {
            key: of_space.get(key, _DIMENSION).validate_python(value)
            for key, value in written.items()
        }
        training = section(content, "training")
        optimizer = OptimizerConfig.model_validate(training.get("optimizer", "sgd"))
    except ValidationError:
        return False
    searched = section(content, "search_space").get("optimizer")
    if isinstance(searched, list) and "optimizer" not in read:
        read["optimizer"] = tuple(searched)
    return not any(space_problems(read, optimizer, model_arguments))

"""What was meant by a key that its section does not have: a near one, or one of another place."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import cache, partial
from typing import Any, NamedTuple

from pydantic import BaseModel

from clr_sweep.common.nearest import hint, nearest, same
from clr_sweep.definition.dimensions import Frozen
from clr_sweep.definition.keys_in_file import (
    fields_in_file,
    records_in,
    section_of,
    takes,
    value_at,
)
from clr_sweep.definition.meant_sections import as_section
from clr_sweep.definition.own_names import OWN
from clr_sweep.definition.problems import as_written, shown
from clr_sweep.definition.with_arguments import WithArguments

# Keys of so many things that nobody knows which was meant.
_OF_ANY = ("name", "arguments")


class Place(NamedTuple):
    """A key of a file.

    Attributes:
        keys: that lead to it.
        section: the record that it holds, if it holds one that is written as a mapping.
        takes: whether a value is right there by itself.
    """

    keys: tuple[str, ...]
    section: type[Frozen] | None
    takes: Callable[[Any], bool]


def unknown_key(
    root: type[BaseModel], model: type[BaseModel] | None, content: Any, keys: tuple[str, ...]
) -> str:
    """The message for an unknown key, with what was meant by it as far as that is known.

    Args:
        root: what the file is read as.
        model: the section that does not have the key, as far as it is known.
        content: of the file.
        keys: that lead to it there.
    """
    if (reason := getattr(model, "not_taken", {}).get(keys[-1])) is not None:
        return f"is not taken: {reason}"
    known = list(fields_in_file(model)) if model is not None else []
    listed = f" (known: {', '.join(known)})" if known else ""
    return f"unknown key {shown(keys[-1])}{_meant(root, model, content, keys, known)}{listed}"


def _meant(
    root: type[BaseModel],
    model: type[BaseModel] | None,
    content: Any,
    keys: tuple[str, ...],
    known: list[str],
) -> str:
    key, written = keys[-1], value_at(content, keys[:-1])
    word = getattr(model, "other_words", {}).get(key)
    if word is not None:
        return f" - {word} is given already" if word in written else _hint(word)
    if (spelled := same(key, known)) is not None:
        return _hint(spelled)
    thing = model if model is not None and issubclass(model, WithArguments) else None
    own = "" if thing is None else _of_thing(thing, key, written)
    # A key of another place comes before one that is merely near, and leaves nothing to guess.
    found = own or elsewhere(root, content, keys) or _as_argument(root, content, keys)
    if not found and not any(_ends_in(place, key) for place in places(root)):
        found = hint(key, known)
    if found or "arguments" not in known:
        return found
    function = "the model's function" if thing is None else written.get(thing.name_key)
    return f" - if {function} takes it, it is written 'arguments.{key}'" if function else ""


def elsewhere(root: type[BaseModel], content: Any, keys: tuple[str, ...]) -> str:
    """The hint for a key that stands at the wrong place; empty where no other takes its value.

    Args:
        root, content, keys: as `unknown_key` has them.
    """
    key, value = keys[-1], value_at(content, keys)
    found = [
        place
        for place in places(root)
        if key not in _OF_ANY
        and _ends_in(place, key)
        and place.keys != keys[: len(place.keys)]
        and _may_hold(place, value)
    ]
    if found:
        # One below the section at hand first, then the one that is least deep.
        best = min(found, key=lambda one: (one.keys[0] != keys[0], len(one.keys)))
        return _at(best, keys, value)
    return ""


@cache
def places(root: type[BaseModel]) -> tuple[Place, ...]:
    """Every key of a file, in its order, but for those of things with a name and arguments."""
    return tuple(_places(root, ()))


def _places(cls: type[BaseModel], above: tuple[str, ...]) -> Iterator[Place]:
    for key, field in fields_in_file(cls).items():
        inner = section_of(field.annotation)
        section = None
        if inner is not None and issubclass(inner, Frozen) and not issubclass(inner, WithArguments):
            section = inner
        yield Place((*above, key), section, partial(takes, cls, key))
        if section is not None:
            yield from _places(section, (*above, key))


def _ends_in(place: Place, key: str) -> bool:
    return same(key, [place.keys[-1]]) is not None


def _may_hold(place: Place, value: Any) -> bool:
    """Whether a value may stand there, as it is or as what it stands for."""
    if place.section is None:
        return place.takes(value)
    return isinstance(value, Mapping) or as_section(place.section, value) is not None


def _at(place: Place, keys: tuple[str, ...], value: Any) -> str:
    form = None
    if place.section is not None and not isinstance(value, Mapping):
        form = as_section(place.section, value)
    if len(place.keys) > 1:
        where = ".".join(place.keys)
        return _hint(where) if form is None else f" - did you mean {where}: {form}?"
    text = f" - it stands beside {keys[0]}, not in it"
    return text if form is None else f"{text}: {place.keys[0]}: {form}"


def _as_argument(root: type[BaseModel], content: Any, keys: tuple[str, ...]) -> str:
    """The hint for an argument of a thing that the file names at its own place."""
    key, value, others = keys[-1], value_at(content, keys), ""
    for where, cls, default in _things(root):
        thing = value_at(content, where)
        name, arguments = _parts(cls, default if thing is None else thing)
        if not isinstance(name, str) or not isinstance(arguments, Mapping) or where == keys[:-1]:
            continue
        place = f"{'.'.join(where)}.arguments.{key}"
        if key in cls.known_arguments(name):
            whole = {cls.name_key: name, "arguments": {**arguments, key: value}}
            form = as_written(whole) if cls.takes(whole) else None
            return _hint(place) if form is None else f" - did you mean {'.'.join(where)}: {form}?"
        if OWN.fullmatch(name) is None:
            others = others or cls.of_others(name, key)
        elif cls.of_others("", key):
            others = others or f" - if {name} takes it, it is written {place!r}"
    return others


def _parts(cls: type[WithArguments], thing: Any) -> tuple[Any, Any]:
    """The name and the arguments of a thing, as a record or as it is written."""
    given = thing.by_key() if isinstance(thing, cls) else thing
    if isinstance(given, Mapping):
        return given.get(cls.name_key), given.get("arguments") or {}
    return given, {}


def _things(
    cls: type[BaseModel], above: tuple[str, ...] = ()
) -> Iterator[tuple[tuple[str, ...], type[WithArguments], Any]]:
    """The keys to things with a name and arguments, their records and defaults."""
    for key, field in fields_in_file(cls).items():
        for inner in records_in(field.annotation):
            if issubclass(inner, WithArguments):
                yield (*above, key), inner, field.default
            else:
                yield from _things(inner, (*above, key))


def _of_thing(cls: type[WithArguments], key: str, written: Mapping[str, Any]) -> str:
    """The hint for an argument beside the name of its thing."""
    name = written.get(cls.name_key)
    if not isinstance(name, str):
        return _hint(f"arguments.{key}") if cls.of_others("", key) else ""
    known = cls.known_arguments(name)
    if key in known or not (others := cls.of_others(name, key)):
        near = nearest(key, known)
        return "" if near is None else _hint(f"arguments.{near}")
    return others if known else ""


def _hint(meant: str) -> str:
    return f" - did you mean {meant!r}?"

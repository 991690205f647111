"""What a file holds, as a record of ours, or else all that is wrong with it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, TypeVar, get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from clr_sweep.common.errors import FieldProblemsError, InputError
from clr_sweep.common.nearest import hint, same
from clr_sweep.definition.dimensions import TAGS, Frozen
from clr_sweep.definition.meant_sections import meant_section
from clr_sweep.definition.problems import Problem, sentence, shown, unknown

Record = TypeVar("Record", bound=BaseModel)

_EXPECTED = {
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "bool_type": "true or false",
    "string_type": "text",
    "string_too_short": "text that is not empty",
    "string_too_long": "a shorter text (at most {max_length} characters)",
    "tuple_type": "a list",
    "too_short": "a list with at least one value",
    "dict_type": "a mapping of keys to values",
    "model_type": "a mapping of keys to values",
    "model_attributes_type": "a mapping of keys to values",
    "expected": "{text}",
    "greater_than": "above {gt:g}",
    "greater_than_equal": "at least {ge:.10g}",
    "less_than": "below {lt:.10g}",
    "less_than_equal": "at most {le:.10g}",
    "string_pattern_mismatch": (
        "letters, digits, '.', '_' and '-' (at most 100, the first a letter or digit)"
    ),
}


def validated(cls: type[Record], content: Any, source: str) -> Record:
    """The record made from what a file holds.

    Raises:
        InputError: every problem, each as `<dotted.key>: must be ..., got ...`.
    """
    record, problems = validation(cls, content)
    if record is None:
        raise InputError([sentence(keys, text) for keys, text in problems], source)
    return record


def validation(cls: type[Record], content: Any) -> tuple[Record | None, list[Problem]]:
    """The record made from what a file holds, or else every problem: the keys to it and a text."""
    try:
        return cls.model_validate(content), []
    except ValidationError as error:
        problems = [found for detail in error.errors() for found in _problems(cls, content, detail)]
        return None, list(dict.fromkeys(problems))


def _problems(cls: type[BaseModel], content: Any, detail: ErrorDetails) -> Iterable[Problem]:
    kind, context = detail["type"], detail.get("ctx", {})
    keys, model = _keys(cls, content, detail)
    found = _value_at(content, keys)
    error = context.get("error")
    if isinstance(error, FieldProblemsError):
        for below, text in error.problems:
            yield (*keys, *those_written(found, below)), text
    elif kind == "too_short" and found:
        return  # its items are wrong, and pydantic counts those that are right
    elif kind == "missing":
        yield keys, "is required"
    elif kind == "extra_forbidden":
        yield keys, _unknown_key(cls, model, keys[-1])
    elif kind == "literal_error":
        names = re.findall(r"'([^']*)'", context["expected"])
        allowed = " or ".join(filter(None, [", ".join(names[:-1]), names[-1]]))
        one_of = "one of " if len(names) > 1 else ""
        yield keys, f"must be {one_of}{allowed}, got {shown(found)}{hint(found, names)}"
    else:
        template = _EXPECTED.get(kind)
        wanted = f"must be {template.format(**context)}" if template else detail["msg"]
        near = _hint_of_one(found, context.get("names", ()))
        if kind.startswith("model_") and (section := _section_at(model, keys[-1:])) is not None:
            near = meant_section(section, found)
        yield keys, f"{wanted}, got {shown(found)}{near}"


def _unknown_key(cls: type[BaseModel], model: type[BaseModel] | None, key: str) -> str:
    """The message for an unknown key: the nearest one at its place, or the place it belongs to."""
    known = list(model.model_fields) if model else []
    if (reason := getattr(model, "not_taken", {}).get(key)) is not None:
        return f"is not taken: {reason}"
    # A key of another section's own comes before one that is merely near.
    elsewhere = None if same(key, known) else same(key, keys_of(cls))
    if elsewhere is None and "arguments" in known and not hint(key, known):
        elsewhere = f"arguments.{key}"
    if elsewhere is not None:
        listed = ", ".join(known)
        return f"unknown key {shown(key)} - did you mean {elsewhere!r}? (known: {listed})"
    return unknown("key", key, known)


def keys_of(cls: type[BaseModel]) -> Iterator[str]:
    """The keys of a record, each with those of its section: `study`, `study.trials`."""
    for name, field in cls.model_fields.items():
        yield name
        section = section_of(field.annotation)
        fields = section.model_fields if section else {}
        yield from (f"{name}.{one.alias or key}" for key, one in fields.items())


def _section_at(model: type[BaseModel] | None, keys: tuple[str, ...]) -> type[Frozen] | None:
    """The section that a record holds at this key."""
    fields = {} if model is None else model.model_fields
    found = next((section_of(fields[key].annotation) for key in keys if key in fields), None)
    return found if found is not None and issubclass(found, Frozen) else None


def _hint_of_one(found: Any, names: Sequence[str]) -> str:
    """The hint for the first of the names found that is not known."""
    listed = found if isinstance(found, (list, tuple)) else (found,)
    return next((text for one in listed if one not in names and (text := hint(one, names))), "")


def _keys(
    cls: type[BaseModel], content: Any, detail: ErrorDetails
) -> tuple[tuple[str, ...], type[BaseModel] | None]:
    """The keys, as in the file, that lead to a problem, and the record at that place."""
    keys: list[str] = []
    model: type[BaseModel] | None = cls
    location = detail["loc"]
    for index, part in enumerate(location):
        if part in TAGS:
            model = TAGS[str(part)]
            continue
        if index < len(location) - 1 and model is not None:
            field = model.model_fields.get(str(part))
            model = None if field is None else section_of(field.annotation)
        # A mapping that was written as a text has no keys in the file.
        if isinstance(content, (Mapping, list, tuple)):
            keys.append(str(part))
            content = _item(content, part)
    return tuple(keys), model


def section_of(annotation: Any) -> type[BaseModel] | None:
    """The record that a key holds, if it holds one; it may be one that can be left out."""
    for kind in (annotation, *get_args(annotation)):
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            return kind
    return None


def those_written(content: Any, keys: tuple[str, ...]) -> tuple[str, ...]:
    """The keys as far as they stand in the file."""
    written: list[str] = []
    for key in keys:
        if not isinstance(content, Mapping) or key not in content:
            break
        written.append(key)
        content = content[key]
    return tuple(written)


def _value_at(content: Any, keys: tuple[str, ...]) -> Any:
    for key in keys:
        content = _item(content, key)
    return content


def _item(content: Any, key: str | int) -> Any:
    if isinstance(content, Mapping):
        return content.get(key)
    if isinstance(content, (list, tuple)) and int(key) < len(content):
        return content[int(key)]
    return None

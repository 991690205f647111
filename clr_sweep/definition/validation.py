"""What a file holds, as a record of ours, or else all that is wrong with it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeVar, get_origin

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from clr_sweep.common.errors import FieldProblemsError, InputError
from clr_sweep.common.nearest import hint
from clr_sweep.definition.dimensions import TAGS, Frozen
from clr_sweep.definition.keys_in_file import section_of, value_at
from clr_sweep.definition.meant_keys import unknown_key
from clr_sweep.definition.meant_sections import meant_section
from clr_sweep.definition.problems import Problem, as_written, sentence, shown
from clr_sweep.definition.with_arguments import WithArguments, meant_thing

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
        details = error.errors()
        things = dict(_meant_things(cls, content, details))
        problems = [*things.items()]
        for detail in details:
            # A thing that is written in another way is one problem, not one for each of its keys.
            of_thing = things.keys() & _above(_keys(cls, content, detail)[0])
            problems += () if of_thing else _problems(cls, content, detail)
        return None, list(dict.fromkeys(problems))


def _meant_things(
    cls: type[BaseModel], content: Any, details: Iterable[ErrorDetails]
) -> Iterable[Problem]:
    """The places where something with a name has none, and what was meant there."""
    for detail in details:
        keys, model = _keys(cls, content, detail)
        if detail["type"] != "missing" or model is None or not issubclass(model, WithArguments):
            continue
        found = value_at(content, keys[:-1])
        if keys[-1] != model.name_key or not isinstance(found, Mapping):
            continue
        meant = meant_thing(model, found)
        if meant is not None and (form := as_written(meant)) is not None:
            yield keys[:-1], f"must be {model.wanted()}, got {shown(found)} - did you mean {form}?"


def _above(keys: tuple[str, ...]) -> set[tuple[str, ...]]:
    """The places above one, itself among them."""
    return {keys[:end] for end in range(len(keys) + 1)}


def _problems(cls: type[BaseModel], content: Any, detail: ErrorDetails) -> Iterable[Problem]:
    kind, context = detail["type"], detail.get("ctx", {})
    keys, model = _keys(cls, content, detail)
    found = value_at(content, keys)
    error = context.get("error")
    if isinstance(error, FieldProblemsError):
        for below, text in error.problems:
            yield (*keys, *those_written(found, below)), text
    elif kind == "too_short" and found:
        return  # its items are wrong, and pydantic counts those that are right
    elif kind == "missing":
        yield keys, "is required"
    elif kind == "extra_forbidden":
        yield keys, unknown_key(cls, model, content, keys)
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
    in_mapping = False
    for index, part in enumerate(location):
        if part in TAGS:
            model = TAGS[str(part)]
            continue
        if in_mapping:
            in_mapping = False  # a name of the user's, under which the record stands
        elif index < len(location) - 1 and model is not None:
            field = model.model_fields.get(str(part))
            model = None if field is None else section_of(field.annotation)
            in_mapping = field is not None and get_origin(field.annotation) is dict
        # A mapping that was written as a text has no keys in the file.
        if isinstance(content, (Mapping, list, tuple)):
            keys.append(str(part))
            content = value_at(content, (part,))
    return tuple(keys), model


def those_written(content: Any, keys: tuple[str, ...]) -> tuple[str, ...]:
    """The keys as far as they stand in the file."""
    written: list[str] = []
    for key in keys:
        if not isinstance(content, Mapping) or key not in content:
            break
        written.append(key)
        content = content[key]
    return tuple(written)

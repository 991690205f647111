"""How problems with the user's input are worded, the same everywhere."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from clr_sweep.errors import InputError

Record = TypeVar("Record", bound=BaseModel)

_EXPECTED = {
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "finite_number": "a finite number",
    "bool_type": "true or false",
    "string_type": "text",
    "string_too_short": "text that is not empty",
    "string_too_long": "a shorter text (at most {max_length} characters)",
    "tuple_type": "a list",
    "list_type": "a list",
    "too_short": "a list with at least one value",
    "dict_type": "a mapping of keys to values",
    "model_type": "a mapping of keys to values",
    "literal_error": "one of {expected}",
    "greater_than": "above {gt}",
    "greater_than_equal": "at least {ge}",
    "less_than": "below {lt}",
    "less_than_equal": "at most {le}",
    "string_pattern_mismatch": (
        "letters, digits, '.', '_' and '-' (at most 100, the first a letter or digit)"
    ),
}


def unknown(what: str, found: str, known: Iterable[str]) -> str:
    """The message for a name that is not among those known, with the nearest one."""
    names = list(known)
    near = difflib.get_close_matches(found, names, n=1)
    hint = f" - did you mean {near[0]!r}?" if near else ""
    return f"unknown {what} {found!r}{hint} (known: {', '.join(names)})"


def validated(cls: type[Record], content: Any, source: str) -> Record:
    """The record made from what a file holds.

    Raises:
        InputError: every problem, each as `<dotted.key>: must be ..., got ...`.
    """
    try:
        return cls.model_validate(content)
    except ValidationError as error:
        expected: dict[tuple[str, str], list[str]] = {}
        sentences: list[str] = []
        for detail in error.errors():
            keys, known = _keys(cls, content, detail)
            place = ".".join(keys) or "the file"
            if detail["type"] in ("value_error", "assertion_error"):
                text = detail["msg"].removeprefix("Value error, ")
                sentences.append(f"{place}: {text}")
            elif detail["type"] == "missing":
                sentences.append(f"{place}: is required")
            elif detail["type"] == "extra_forbidden":
                parent = ".".join(keys[:-1])
                sentences.append(
                    (f"{parent}: " if parent else "") + unknown("key", keys[-1], known)
                )
            else:
                text = _EXPECTED.get(detail["type"], detail["msg"]).format(**detail.get("ctx", {}))
                found = _value_at(content, keys)
                expected.setdefault((place, repr(found)), []).append(text)
        sentences += [
            f"{place}: must be {' or '.join(dict.fromkeys(texts))}, got {found}"
            for (place, found), texts in expected.items()
        ]
        raise InputError(list(dict.fromkeys(sentences)), source) from None


def _keys(cls: type[BaseModel], content: Any, detail: ErrorDetails) -> tuple[list[str], list[str]]:
    """The keys, as in the file, that lead to a problem, and the keys known at that place.

    pydantic's location also names the members of unions, which no user has written.
    """
    keys: list[str] = []
    here: Any = content
    model: Any = cls
    last = len(detail["loc"]) - 1
    for index, part in enumerate(detail["loc"]):
        named = index == last and detail["type"] in ("missing", "extra_forbidden")
        inside = isinstance(here, dict) and part in here
        item = isinstance(here, (list, tuple)) and isinstance(part, int) and part < len(here)
        if inside or item:
            here = here[part]
            keys.append(str(part))
        elif named:
            keys.append(str(part))
        if not named and isinstance(part, str):
            model = _model_below(model, part)
    fields = getattr(model, "model_fields", {})
    return keys, [name for name in fields if name != "further"]


def _model_below(model: Any, key: str) -> Any:
    field = getattr(model, "model_fields", {}).get(key)
    if field is None:
        from clr_sweep.dimensions import Range, RatioRange

        return {"range": Range, "ratio": RatioRange}.get(key, model)
    return field.annotation


def _value_at(content: Any, keys: list[str]) -> Any:
    for key in keys:
        content = content[key] if isinstance(content, Mapping) else content[int(key)]
    return content

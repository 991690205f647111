"""The schema of a sweep file, and as much of JSON Schema (draft 2020-12) as it uses."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from clr_sweep.definition.sweep import Sweep

SWEEP_SCHEMA = Sweep.model_json_schema()

_TYPES: dict[str, Callable[[Any], bool]] = {
    "object": lambda value: isinstance(value, dict),
    "array": lambda value: isinstance(value, list),
    "string": lambda value: isinstance(value, str),
    "boolean": lambda value: isinstance(value, bool),
    "null": lambda value: value is None,
    "integer": lambda value: isinstance(value, int) and not isinstance(value, bool),
    "number": lambda value: isinstance(value, int | float) and not isinstance(value, bool),
}
_NOTES = {"$schema", "$defs", "title", "description", "default"}


def allows(schema: dict[str, Any], value: Any, root: dict[str, Any] | None = None) -> bool:
    """Whether a value is valid; a keyword that is not known here is an error, not ignored."""
    root = root or schema
    return all(
        _holds(keyword, wanted, schema, value, root)
        for keyword, wanted in schema.items()
        if keyword not in _NOTES
    )


def _holds(
    keyword: str, wanted: Any, schema: dict[str, Any], value: Any, root: dict[str, Any]
) -> bool:
    number = _TYPES["number"](value)
    match keyword:
        case "$ref":
            return allows(root["$defs"][wanted.removeprefix("#/$defs/")], value, root)
        case "type":
            kinds = [wanted] if isinstance(wanted, str) else wanted
            return any(_TYPES[kind](value) for kind in kinds)
        case "enum":
            return value in wanted
        case "const":
            return bool(value == wanted)
        case "anyOf":
            return any(allows(option, value, root) for option in wanted)
        case "oneOf":
            return sum(allows(option, value, root) for option in wanted) == 1
        case "properties":
            there = value.items() if isinstance(value, dict) else ()
            return all(allows(wanted[key], item, root) for key, item in there if key in wanted)
        case "additionalProperties":
            there = value.items() if isinstance(value, dict) else ()
            more = [item for key, item in there if key not in schema.get("properties", {})]
            return not more if wanted is False else all(allows(wanted, m, root) for m in more)
        case "required":
            return not isinstance(value, dict) or all(key in value for key in wanted)
        case "minProperties":
            return not isinstance(value, dict) or len(value) >= wanted
        case "items":
            return not isinstance(value, list) or all(allows(wanted, v, root) for v in value)
        case "minItems":
            return not isinstance(value, list) or len(value) >= wanted
        case "maxItems":
            return not isinstance(value, list) or len(value) <= wanted
        case "uniqueItems":
            return not isinstance(value, list) or all(value.count(v) == 1 for v in value)
        case "minimum":
            return not number or value >= wanted
        case "maximum":
            return not number or value <= wanted
        case "exclusiveMinimum":
            return not number or value > wanted
        case "exclusiveMaximum":
            return not number or value < wanted
        case "minLength":
            return not isinstance(value, str) or len(value) >= wanted
        case "maxLength":
            return not isinstance(value, str) or len(value) <= wanted
        case "pattern":
            return not isinstance(value, str) or re.search(wanted, value) is not None
    raise AssertionError(f"the keyword {keyword} is not known here")

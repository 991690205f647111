"""YAML as people write it: 1e-4 is a number, a key stands once, and errors name the line."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import yaml

from clr_sweep.errors import InputError


class _Loader(yaml.SafeLoader):
    """SafeLoader with YAML 1.2 floats and without duplicate keys."""


# YAML 1.1, which PyYAML reads, takes 1e-4 for a string: it wants a dot and a signed exponent.
_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float",
    re.compile(r"^[-+]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)[eE][-+]?[0-9]+$"),
    list("-+0123456789."),
)


def _mapping(loader: _Loader, node: yaml.MappingNode) -> dict[Any, Any]:
    seen: set[Any] = set()
    for key_node, _ in node.value:
        key = loader.construct_object(key_node, deep=True)
        if not isinstance(key, str):
            raise yaml.constructor.ConstructorError(
                None, None, f"key {key!r} is no text", key_node.start_mark
            )
        if key in seen:
            raise yaml.constructor.ConstructorError(
                None, None, f"key {key!r} stands twice", key_node.start_mark
            )
        seen.add(key)
    return loader.construct_mapping(node, deep=True)


_Loader.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, _mapping)


def read_mapping(path: Path) -> dict[str, Any]:
    """Read a YAML file whose top level is a mapping.

    Raises:
        InputError: the file cannot be read, is no YAML, is empty or holds something else.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror or error}", str(path)) from error
    except UnicodeDecodeError as error:
        raise InputError(f"is no UTF-8 text: {error}", str(path)) from error
    try:
        content = yaml.load(text, Loader=_Loader)
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        where = getattr(error, "problem_mark", None)
        line = f"line {where.line + 1}, column {where.column + 1}: " if where else ""
        problem = getattr(error, "problem", None) or str(error)
        raise InputError(f"is no valid YAML: {line}{problem}", str(path)) from error
    if content is None:
        raise InputError("is empty, expected a mapping of keys to values", str(path))
    if not isinstance(content, dict):
        raise InputError(
            f"must hold a mapping of keys to values, got a {type(content).__name__}", str(path)
        )
    return content


class _Dumper(yaml.SafeDumper):
    """SafeDumper that keeps the order of keys and writes short lists on one line."""


def _sequence(dumper: _Dumper, value: list[Any] | tuple[Any, ...]) -> yaml.Node:
    flow = all(not isinstance(item, (dict, list, tuple)) for item in value)
    return dumper.represent_sequence("tag:yaml.org,2002:seq", value, flow_style=flow)


_Dumper.add_representer(list, _sequence)
_Dumper.add_representer(tuple, _sequence)


def dump(content: dict[str, Any]) -> str:
    """The content as YAML in the order given; floats are written so that they read back equal."""
    return yaml.dump(content, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=100)

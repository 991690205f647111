"""YAML as people write it: 1e-4 is a number, a key stands once, and errors name the line.

A key that is a whole number is read as its text.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import yaml

from clr_sweep.common.errors import InputError
from clr_sweep.common.file_kinds import other_than_file
from clr_sweep.common.nearest import nearest

_SUFFIXES = (".yaml", ".yml")
_TAG = "tag:yaml.org,2002:"


class _Loader(yaml.SafeLoader):
    """SafeLoader with numbers as YAML 1.2 has them, without dates and without duplicate keys."""

    # PyYAML reads YAML 1.1, where 1e-4 is a text, 010 is eight, 1:30 is ninety and 2024-01-01 is
    # a date.
    yaml_implicit_resolvers = {
        first: [pair for pair in pairs if pair[0].removeprefix(_TAG) in ("bool", "null", "merge")]
        for first, pairs in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }


# As YAML 1.2 has them, and with underscores as Python's own. One that begins with a zero, 010, is
# eight to readers of YAML 1.1 and ten to those of 1.2: a text, which is refused as a number.
_INT = re.compile(  # Python refuses those of many digits
    r"^(?:[-+]?(?:0|[1-9][0-9_]{0,99})|0o[0-7]{1,99}|0x[0-9a-fA-F]{1,99})$"
)
_FLOAT = re.compile(
    r"""^(?:[-+]?(?:(?:[0-9][0-9_]*)?\.[0-9]+|[0-9][0-9_]*\.)(?:[eE][-+]?[0-9]+)?
    |[-+]?[0-9][0-9_]*[eE][-+]?[0-9]+
    |[-+]?\.(?:inf|Inf|INF)
    |\.(?:nan|NaN|NAN))$""",
    re.VERBOSE,
)
_Loader.add_implicit_resolver(_TAG + "int", _INT, list("-+0123456789"))
_Loader.add_implicit_resolver(_TAG + "float", _FLOAT, list("-+0123456789."))


def _mapping(loader: _Loader, node: yaml.MappingNode) -> dict[Any, Any]:
    seen: set[Any] = set()
    for key_node, _ in node.value:
        if key_node.tag == _TAG + "merge":
            continue  # `<<: *anchor`, which construct_mapping below resolves
        key = loader.construct_object(key_node, deep=True)
        if type(key) is int:
            key = str(key)  # a class, as in JSON, whose keys are texts
        if not isinstance(key, str):
            raise _error(f"the key {key!r} must be a text", key_node)
        if key in seen:
            raise _error(f"the key {key!r} stands twice", key_node)
        seen.add(key)
    made = loader.construct_mapping(node, deep=True)
    return {key if isinstance(key, str) else str(key): value for key, value in made.items()}


def _refused(loader: _Loader, node: yaml.Node) -> Any:  # noqa: ARG001
    tag = node.tag.replace(_TAG, "!!")
    raise _error(f"unknown tag {tag}: write the value without it", node)


def _error(problem: str, node: yaml.Node) -> yaml.MarkedYAMLError:
    return yaml.constructor.ConstructorError(None, None, problem, node.start_mark)


_Loader.add_constructor(_TAG + "map", _mapping)
# Only what JSON has too: no sets, no dates, no bytes, and nothing that a tag makes of a value.
for _name in ("binary", "timestamp", "omap", "pairs", "set"):
    _Loader.add_constructor(_TAG + _name, _refused)
_Loader.add_constructor(None, _refused)


def read_mapping(path: Path) -> dict[str, Any]:
    """Read a YAML file whose top level is a mapping.

    Returns:
        Mappings with text as keys, lists, texts, numbers, booleans and None.

    Raises:
        InputError: the file cannot be read, is no YAML, is empty or holds something else.
    """
    if kind := other_than_file(path):
        raise InputError(f"must be a YAML file, got {kind}", str(path))
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        near = _nearest_file(path) if isinstance(error, FileNotFoundError) else ""
        raise InputError(f"cannot be read: {error.strerror or error}{near}", str(path)) from error
    except UnicodeDecodeError as error:
        problem = f"must be UTF-8 text, got byte 0x{error.object[error.start]:02x}"
        raise InputError(f"{problem} at position {error.start}", str(path)) from error
    try:
        content = yaml.load(text, Loader=_Loader)
    except RecursionError as error:
        raise InputError("is no valid YAML: nested too deeply", str(path)) from error
    except yaml.MarkedYAMLError as error:
        where = error.problem_mark or error.context_mark
        line = f"line {where.line + 1}, column {where.column + 1}: " if where else ""
        problem = str(error.problem)
        if problem.startswith("but ") and error.context:
            problem = f"{error.context}, {problem}"
        raise InputError(f"is no valid YAML: {line}{problem}", str(path)) from error
    except yaml.reader.ReaderError as error:
        line = f"line {text.count(chr(10), 0, error.position) + 1}: "
        problem = f"character #x{error.character:04x}, which YAML does not allow"
        raise InputError(f"is no valid YAML: {line}{problem}", str(path)) from error
    except ValueError as error:
        raise InputError(f"is no valid YAML: {error}", str(path)) from error
    if content is None:
        raise InputError("must hold a mapping of keys to values, got an empty file", str(path))
    if not isinstance(content, dict):
        kind = {list: "a list", str: "a text", bool: "true or false"}.get(type(content), "a number")
        raise InputError(f"must hold a mapping of keys to values, got {kind}", str(path))
    return content


def read_value(text: str) -> Any:
    """A value as it is written in a file; None also where it cannot be read."""
    try:
        return yaml.load(text, Loader=_Loader)
    except (yaml.YAMLError, ValueError):
        return None


def _nearest_file(path: Path) -> str:
    """The hint for a file that is not there: the nearest YAML file of its folder."""
    try:
        names = sorted(file.name for file in path.parent.iterdir() if file.suffix in _SUFFIXES)
    except OSError:
        return ""
    names = [name for name in names if name != path.name]
    near = nearest(path.name, names) or nearest(path.stem, [Path(name).stem for name in names])
    if near is None:
        return ""
    if near not in names:
        near = next(name for name in names if Path(name).stem == near)
    return f" - did you mean {str(path.with_name(near))!r}?"


class _Dumper(yaml.SafeDumper):
    """SafeDumper that keeps the order of keys and writes short lists on one line.

    A text is quoted where YAML 1.1 or `_Loader` would take it for something else.
    """


def _sequence(dumper: _Dumper, value: list[Any] | tuple[Any, ...]) -> yaml.Node:
    flow = all(not isinstance(item, (dict, list, tuple)) for item in value)
    return dumper.represent_sequence("tag:yaml.org,2002:seq", value, flow_style=flow)


_Dumper.add_implicit_resolver(_TAG + "int", _INT, list("0"))
_Dumper.add_implicit_resolver(_TAG + "float", _FLOAT, list("-+0123456789."))
_Dumper.add_representer(list, _sequence)
_Dumper.add_representer(tuple, _sequence)


def dump(content: dict[str, Any]) -> str:
    """The content as YAML in the order given; floats are written so that they read back equal."""
    return yaml.dump(content, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=100)

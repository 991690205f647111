"""The values of a sweep file that are right by themselves, however wrong the others are.

One wrong value must not hide what is wrong with the others, so the checks that need more than
one value work on those that can be read.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

from pydantic import TypeAdapter, ValidationError

from clr_sweep.definition.dimensions import Dimension
from clr_sweep.definition.keys_in_file import adapters, fields_in_file, section_of
from clr_sweep.definition.sections import Section
from clr_sweep.definition.sweep import Sweep


def readable_values(content: Mapping[str, Any]) -> dict[str, Any]:
    """The validated values by dotted key (`study.trials`), in the order of the file.

    What the file leaves out has its default. Of a section that is no mapping nothing is read.
    """
    read = dict(_read(content))
    written = [
        f"{section}.{key}"
        for section, inner in content.items()
        if isinstance(inner, Mapping)
        for key in inner
    ]
    return {key: read[key] for key in dict.fromkeys([*written, *read]) if key in read}


def _read(content: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for section, field in Sweep.model_fields.items():
        cls = section_of(field.annotation)
        # One that may be None is not there where it is not written; of one that must be written
        # nothing is known, and least that its keys have their defaults.
        is_filled = field.annotation is cls and not field.is_required()
        given = content.get(section, {} if is_filled else None)
        if cls is None or not isinstance(given, Mapping):
            continue
        if issubclass(cls, Section):
            given = cls.filled(given)
        fields = fields_in_file(cls)
        for key, adapter in adapters(cls).items():
            default = fields[key]
            if key in given or not default.is_required():
                value = given[key] if key in given else default.get_default()
                yield from _validated(f"{section}.{key}", adapter, value)
        if cls.model_config.get("extra") == "allow":
            for key in given.keys() - fields.keys():
                yield from _validated(f"{section}.{key}", _dimension(), given[key])


def _validated(key: str, adapter: TypeAdapter[Any], value: Any) -> Iterator[tuple[str, Any]]:
    try:
        yield key, adapter.validate_python(value)
    except ValidationError:
        return


@cache
def _dimension() -> TypeAdapter[Any]:
    return TypeAdapter(Dimension)

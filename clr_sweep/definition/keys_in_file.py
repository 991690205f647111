"""The keys of a section as they stand in a file, and what each of them takes by itself."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from typing import Annotated, Any, get_args, get_origin

from pydantic import BaseModel, TypeAdapter, ValidationError
from pydantic.fields import FieldInfo


def fields_in_file(cls: type[BaseModel]) -> dict[str, FieldInfo]:
    """The fields of a section under their names in the file: `from` is a keyword of Python's."""
    return {field.alias or name: field for name, field in cls.model_fields.items()}


@cache
def adapters(cls: type[BaseModel]) -> dict[str, TypeAdapter[Any]]:
    """What validates the value of each key."""
    return {key: _adapter(field) for key, field in fields_in_file(cls).items()}


def takes(cls: type[BaseModel], key: str, value: Any) -> bool:
    """Whether a value is right for a key, whatever the others have."""
    try:
        adapters(cls)[key].validate_python(value)
    except ValidationError:
        return False
    return True


def section_of(annotation: Any) -> type[BaseModel] | None:
    """The record that a key holds, if it holds one; it may be one that can be left out."""
    for kind in (annotation, *get_args(annotation)):
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            return kind
    return None


def records_in(annotation: Any) -> Iterator[type[BaseModel]]:
    """The records among what a key may hold; not those within a mapping or a list."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    elif get_origin(annotation) not in (dict, list, tuple):
        for one in get_args(annotation):
            yield from records_in(one)


def _adapter(field: FieldInfo) -> TypeAdapter[Any]:
    # Not with the field itself, whose name in the file means nothing here.
    annotation: Any = field.annotation
    return TypeAdapter(Annotated[annotation, *field.metadata] if field.metadata else annotation)


def value_at(content: Any, keys: Iterable[str | int]) -> Any:
    """What stands in a file under these keys; None where nothing does."""
    for key in keys:
        if isinstance(content, Mapping):
            content = content.get(key)
        elif isinstance(content, (list, tuple)) and str(key).isdecimal():
            content = content[int(key)] if int(key) < len(content) else None
        else:
            return None
    return content

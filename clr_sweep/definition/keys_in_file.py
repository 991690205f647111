"""The keys of a section as they stand in a file, and what each of them takes by itself."""

from __future__ import annotations

from functools import cache
from typing import Annotated, Any

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


def _adapter(field: FieldInfo) -> TypeAdapter[Any]:
    # Not with the field itself, whose name in the file means nothing here.
    annotation: Any = field.annotation
    return TypeAdapter(Annotated[annotation, *field.metadata] if field.metadata else annotation)

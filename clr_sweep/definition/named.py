"""What a sweep file names by a text alone, or by a mapping of its name and its arguments."""

from __future__ import annotations

from typing import Any, ClassVar

from pydantic import GetJsonSchemaHandler, StrictStr, model_validator
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from clr_sweep.definition.arguments import as_keras_takes_them
from clr_sweep.definition.dimensions import Scalar, expected, with_arguments
from clr_sweep.definition.fields import Name
from clr_sweep.definition.own_names import OWN
from clr_sweep.definition.with_arguments import WithArguments


class Named(WithArguments):
    """A thing of Keras', or of the user's own as `module:name`, with the arguments it is made with.

    Attributes:
        what: it is, for messages.
    """

    what: ClassVar[str]
    other_words = {"type": "name", "class": "name", "class_name": "name"}
    name: Name
    arguments: dict[StrictStr, Scalar] = {}

    @classmethod
    def wanted(cls) -> str:
        """See `WithArguments`."""
        return f"the name of {cls.what}, or a mapping of name and arguments"

    @property
    def is_own(self) -> bool:
        """Whether it is of the user's own code."""
        return OWN.fullmatch(self.name) is not None

    @model_validator(mode="before")
    @classmethod
    def _as_mapping(cls, value: Any) -> Any:
        if isinstance(value, str):
            return {"name": value}
        if not isinstance(value, (dict, Named)):
            raise expected(cls.wanted())
        if isinstance(value, Named) or "arguments" not in value:
            return value
        name = value.get("name")
        known = cls.known_arguments(name) if isinstance(name, str) else {}
        return {**value, "arguments": as_keras_takes_them(known, value["arguments"])}

    def __str__(self) -> str:
        """With its arguments, in words."""
        return with_arguments(self.name, self.arguments)

    @classmethod
    def __get_pydantic_json_schema__(
        cls, core_schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        mapping = handler.resolve_ref_schema(handler(core_schema))
        text = {
            key: value for key, value in mapping["properties"]["name"].items() if key != "title"
        }
        told = {key: mapping.pop(key) for key in ("title", "description")}
        return {"anyOf": [text, mapping], **told}

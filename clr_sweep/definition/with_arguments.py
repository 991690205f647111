"""A thing that a sweep file names, with the arguments it is made with."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar

from pydantic import ValidationError

from clr_sweep.definition.arguments import Argument
from clr_sweep.definition.dimensions import Frozen


class WithArguments(Frozen):
    """A thing by its name, with the arguments it is made with.

    Attributes:
        name_key: the key that holds the name.
    """

    name_key: ClassVar[str] = "name"

    @classmethod
    @abstractmethod
    def wanted(cls) -> str:
        """What is asked for in its place, for messages."""

    @classmethod
    @abstractmethod
    def known_arguments(cls, name: str) -> Mapping[str, Argument]:
        """The arguments of the thing of this name, as far as they are known here."""

    @classmethod
    @abstractmethod
    def of_others(cls, name: str, argument: str) -> str:
        """What is said of an argument that others have and this one has not; empty if none has."""

    @classmethod
    def takes(cls, written: Any) -> bool:
        """Whether this is such a thing, by its name alone or as a mapping."""
        try:
            made = cls.model_validate(written)
        except ValidationError:
            return False
        return made.is_known()

    def is_known(self) -> bool:
        """Whether there is one of this name with these arguments, as far as is known here."""
        return True


def meant_thing(cls: type[WithArguments], found: Mapping[str, Any]) -> Any:
    """What was meant by a mapping without the key of the name, as it is written; None: not known.

    The name is looked for under other words for that key, `{type: sgd}`, and as a key itself,
    `{sgd: {momentum: 0.9}}`; what stands beside it is taken for the arguments.
    """
    rest = {key: value for key, value in found.items() if key != "arguments"}
    arguments = found.get("arguments") or {}
    named = [key for key in rest if cls.other_words.get(key) == cls.name_key]
    if len(named) == 1:
        name = rest.pop(named[0])
        below: Any = rest
    elif len(rest) == 1 and not named:
        ((name, below),) = rest.items()
    else:
        return None
    if not isinstance(arguments, Mapping) or not isinstance(below or {}, Mapping):
        return None
    arguments = {**arguments, **(below or {})}
    whole = {cls.name_key: name, "arguments": arguments}
    forms = [whole] if arguments else [name, {cls.name_key: name}]
    return next((one for one in forms if isinstance(name, str) and cls.takes(one)), None)

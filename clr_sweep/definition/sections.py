"""A section of a sweep file, whose values are held against one another as far as they are right."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Mapping
from typing import Any, Self

from pydantic import model_validator

from clr_sweep.common.errors import FieldProblemsError
from clr_sweep.definition.dimensions import Frozen
from clr_sweep.definition.problems import Problem


class Section(Frozen):
    """A section of a sweep file whose values have to suit one another."""

    @classmethod
    def filled(cls, written: Mapping[str, Any]) -> Mapping[str, Any]:
        """What is written, with what it leaves out filled in where its other values tell."""
        return written

    @classmethod
    @abstractmethod
    def together(cls, values: Mapping[str, Any]) -> Iterator[Problem]:
        """What is wrong with values that are right by themselves, as far as these tell.

        Args:
            values: by their keys. Of a file that is wrong elsewhere some are missing, those that
                cannot be read: one wrong value must not hide what is wrong with the others.
        """

    @model_validator(mode="before")
    @classmethod
    def _fill(cls, value: Any) -> Any:
        return cls.filled(value) if isinstance(value, dict) else value

    @model_validator(mode="after")
    def _check(self) -> Self:
        if problems := list(self.together(self.by_key())):
            raise FieldProblemsError(problems)
        return self


def section(content: Any, name: str) -> Mapping[str, Any]:
    """A section of a definition as it is written; empty where it is none."""
    found = content.get(name) if isinstance(content, Mapping) else None
    return found if isinstance(found, Mapping) else {}


def of_section(values: Mapping[str, Any], section: str) -> dict[str, Any]:
    """The values of one section by their keys in it, of values by dotted key."""
    start = f"{section}."
    return {
        key.removeprefix(start): value for key, value in values.items() if key.startswith(start)
    }

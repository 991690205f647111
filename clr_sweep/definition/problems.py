"""How problems with the user's input are worded, the same everywhere."""

from __future__ import annotations

import reprlib
from collections.abc import Iterable
from typing import Any

from clr_sweep.common.nearest import hint
from clr_sweep.common.secrets import hidden_address
from clr_sweep.definition.yaml_file import read_value

Problem = tuple[tuple[str, ...], str]
"""What is wrong with an input: the keys that lead to its place, and a text."""


class _Shown(reprlib.Repr):
    """Values as they stand in a file, long ones shortened."""

    def __init__(self) -> None:
        super().__init__()
        self.maxlevel, self.maxdict = 2, 8
        self.maxstring = self.maxother = 100
        self.maxlong = 40

    def repr_NoneType(self, _: None, level: int) -> str:  # noqa: ARG002, N802
        return "nothing"

    def repr_str(self, value: str, level: int) -> str:
        return super().repr_str(hidden_address(value), level)

    def repr_int(self, value: int, level: int) -> str:
        try:
            return super().repr_int(value, level)
        except ValueError:  # Python writes so many digits only when asked twice
            return f"a whole number of {value.bit_length()} bits"

    def repr_bool(self, value: bool, level: int) -> str:  # noqa: ARG002
        return str(value).lower()

    def repr_dict(self, value: dict[Any, Any], level: int) -> str:
        if level <= 0:
            return "{...}"
        inner = [f"{self._key(k)}: {self.repr1(v, level - 1)}" for k, v in value.items()]
        more = ["..."] if len(inner) > self.maxdict else []
        return "{" + ", ".join(inner[: self.maxdict] + more) + "}"

    def _key(self, key: Any) -> str:
        return key if isinstance(key, str) and key.isidentifier() else self.repr1(key, 1)


_shown = _Shown()


def shown(value: Any) -> str:
    """A value that was found, for a message: shortened, and without the secrets of an address."""
    return _shown.repr(value)


def as_written(value: Any) -> str | None:
    """A value on one line, as a file may have it; None where it would be shortened or changed."""
    text = shown(value)
    return text if read_value(text) == value else None


def unknown(what: str, found: str, known: Iterable[str]) -> str:
    """The message for a name that is not among those known, with the nearest one."""
    names = list(known)
    return f"unknown {what} {shown(found)}{hint(found, names)} (known: {', '.join(names)})"


def sentence(keys: Iterable[str], text: str) -> str:
    """A problem with its place: `study.trials: must be ..., got ...`."""
    place = ".".join(keys)
    return f"{place}: {text}" if place else text

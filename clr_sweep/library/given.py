"""What a call is given, refused by the argument's name where it is of another kind."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from clr_sweep.common.errors import InputError


def given_text(place: str, given: Any, wanted: str) -> str:
    """A text as it is.

    Args:
        place: the argument's name.
        wanted: what it has to be, for the message.

    Raises:
        InputError: it is none, or empty.
    """
    if not isinstance(given, str):
        raise _other(place, given, wanted)
    if not given:
        raise InputError(f"{place}: must be {wanted}, got ''")
    return given


def given_file(place: str, given: Any, wanted: str) -> Path:
    """A file's path; arguments and errors as `given_text`."""
    if not isinstance(given, str | os.PathLike) or not isinstance(os.fspath(given), str):
        raise _other(place, given, wanted)
    return Path(given_text(place, os.fspath(given), wanted))


def _other(place: str, given: Any, wanted: str) -> InputError:
    found = "None" if given is None else f"a {type(given).__name__}"
    return InputError(f"{place}: must be {wanted}, got {found}")

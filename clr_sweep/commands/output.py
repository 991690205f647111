"""The file that a command writes for its user."""

from __future__ import annotations

from pathlib import Path

from clr_sweep.common.errors import InputError


def write_output(file: Path, text: str) -> None:
    """Write a file that the user named.

    Raises:
        InputError: it cannot be written.
    """
    try:
        file.write_text(text, encoding="utf-8")
    except OSError as error:
        raise InputError(f"cannot be written: {error.strerror}", str(file)) from None

"""Text for a terminal: broken between words, not where the terminal happens to end."""

from __future__ import annotations

import shutil
import sys
import textwrap

import click

_is_quiet = False


def be_quiet(is_asked: bool) -> None:
    """Whether this process is to say nothing of what goes on: `--quiet`."""
    global _is_quiet
    _is_quiet = is_asked


def is_quiet() -> bool:
    """Whether it was asked to; results, warnings and errors are shown all the same."""
    return _is_quiet


def wrapped(text: str, width: int, indent: int = 0) -> str:
    """The text with each line that is too long broken between words.

    A line keeps its indentation, and a word that is longer than the terminal, such as an address,
    stays whole.

    Args:
        width: columns of the terminal.
        indent: of the lines that follow the first of a broken line, beside its own.
    """
    return "\n".join(_broken(line, width, indent) for line in text.split("\n"))


def width() -> int | None:
    """Columns of the terminal that standard output goes to; None where it goes elsewhere."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else None


def say(text: str, err: bool = False) -> None:
    """Print a text; broken between words where it goes to a terminal, as it is elsewhere."""
    stream = sys.stderr if err else sys.stdout
    if stream.isatty():
        text = wrapped(text, shutil.get_terminal_size().columns)
    click.echo(text, err=err)


def _broken(line: str, width: int, indent: int) -> str:
    if len(line) <= width:
        return line
    own = len(line) - len(line.lstrip(" "))
    lines = textwrap.wrap(
        # Wider gaps are columns: they are kept where they are within a line.
        line[own:], max(width, own + indent + 20), initial_indent=" " * own,
        subsequent_indent=" " * (own if own > indent else indent),
        break_long_words=False, break_on_hyphens=False, replace_whitespace=False,
        drop_whitespace=True,
    )  # fmt: skip
    return "\n".join(lines)

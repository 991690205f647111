"""Parts of a text file that are written from kept runs, between two marks."""

from __future__ import annotations

import re
from pathlib import Path

_BEGIN = "<!-- {name}: written by python -m benchmarks.documented -->"
_END = "<!-- end of {name} -->"


def replaced(text: str, name: str, content: str) -> str:
    """The text with this content in the block of this name.

    Raises:
        ValueError: the text has no such block, or more than one.
    """
    begin, end = _BEGIN.format(name=name), _END.format(name=name)
    pattern = re.compile(f"{re.escape(begin)}\n.*?{re.escape(end)}", re.DOTALL)
    new, found = pattern.subn(lambda _: f"{begin}\n\n{content.strip()}\n\n{end}", text)
    if found != 1:
        raise ValueError(f"{found} blocks named {name}, where one is needed: {begin} ... {end}")
    return new


def blocks_of(file: Path) -> list[str]:
    """The names of a file's blocks."""
    text = file.read_text(encoding="utf-8")
    return re.findall(_BEGIN.format(name="([a-z-]+)").replace(".", r"\."), text)


def table(head: list[str], rows: list[list[str]]) -> str:
    """A Markdown table; columns that hold numbers alone are set to the right."""
    right = [
        all(re.fullmatch(r"[-+]?[\d.,e-]*( points)?|\*\*.*\*\*", row[i]) for row in rows)
        for i in range(len(head))
    ]
    rule = ["---:" if to_right else "---" for to_right in right]
    return "\n".join(f"| {' | '.join(line)} |" for line in (head, rule, *rows))

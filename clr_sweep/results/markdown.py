"""Markdown as MLflow's pages show it."""

from __future__ import annotations

import re
from collections.abc import Sequence

LIMIT = 8000
"""Characters: what a tag of MLflow holds; its pages show the tag mlflow.note.content."""


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table; its cells are Markdown already."""
    # MLflow draws tables without a gap between columns.
    padded = [[f"{cell} &nbsp;" if cell else "" for cell in row] for row in (head, *rows)]
    lines = [padded[0], ["---"] + ["---:"] * (len(head) - 1), *padded[1:]]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def fenced(text: str, language: str) -> str:
    """A block of code."""
    # Longer than any run of backticks within, so that no value can end the block.
    longest = max((len(run) for run in re.findall("`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}{language}\n{text.rstrip()}\n{fence}"


def inline(text: str) -> str:
    """Text in which nothing is taken for Markdown or HTML; underscores within words never are."""
    return re.sub(r"([\\`*<>\[\]|~])", r"\\\1", text)

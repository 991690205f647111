"""A table of plain text that fits the terminal, however narrow that is."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Collection, Sequence
from itertools import zip_longest

_GAP = "  "
# Narrower a column of text is not made: below it nobody can read what is broken.
_NARROWEST = 10
_NUMBER = re.compile(r"[-+]?[\d.,/]+(e[-+]?\d+)?|-|")


def text_table(
    head: Sequence[str],
    rows: Sequence[Sequence[str]],
    width: int | None,
    foldable: Collection[str] = (),
) -> str:
    """The rows below their heads, numbers to the right; nothing is ever cut.

    Args:
        head: the columns' names.
        width: columns of the terminal; None: any, as in a file.
        foldable: columns of text whose cells may be broken into lines, the widest first, where
            the table is too wide. If that is not enough, each row becomes lines `name: cell`.
    """
    columns = list(zip(head, *rows, strict=True))
    widths = [max(map(len, column)) for column in columns]
    if width is not None:
        may_fold = [place for place, name in enumerate(head) if name in foldable]
        while sum(widths) + len(_GAP) * (len(head) - 1) > width:
            wide = [place for place in may_fold if widths[place] > _NARROWEST]
            if not wide:
                return _as_lists(head, rows, width)
            widths[max(wide, key=lambda place: widths[place])] -= 1
    is_number = [bool(rows) and all(map(_NUMBER.fullmatch, cells)) for _, *cells in columns]
    lines: list[str] = []
    for row in (head, *rows):
        folded = [_folded(cell, size) for cell, size in zip(row, widths, strict=True)]
        for pieces in zip_longest(*folded, fillvalue=""):
            cells = zip(pieces, widths, is_number, strict=True)
            placed = (
                text.rjust(size) if right else text.ljust(size) for text, size, right in cells
            )
            lines.append(_GAP.join(placed).rstrip())
    return "\n".join(lines)


def _folded(cell: str, width: int) -> list[str]:
    return textwrap.wrap(cell, width) if len(cell) > width else [cell]


def _as_lists(head: Sequence[str], rows: Sequence[Sequence[str]], width: int) -> str:
    return "\n\n".join(
        "\n".join(
            line
            for name, cell in zip(head, row, strict=True)
            for line in textwrap.wrap(f"{name}: {cell}", max(width, 4), subsequent_indent="  ")
        )
        for row in rows
    )

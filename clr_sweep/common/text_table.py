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
# What a column's name is made of, as val_ and loss: it is broken nowhere else.
_PIECE = re.compile(r"[^_.\s]*[_.\s]+|[^_.\s]+")


def text_table(
    head: Sequence[str],
    rows: Sequence[Sequence[str]],
    width: int | None,
    foldable: Collection[str] = (),
) -> str:
    """The rows below their heads, numbers to the right; nothing is ever cut.

    Args:
        head: the columns' names. Where the table is too wide, long ones are broken between their
            parts. If that is not enough, the columns that have no room follow in a table below,
            beside the first column again; if there is none for two, each row becomes lines
            `name: cell`.
        width: columns of the terminal; None: any, as in a file.
        foldable: columns of text whose cells may be broken into lines too, the widest first.
    """
    columns = list(zip(head, *rows, strict=True))
    widths = [_widest(column) for column in columns]
    if width is not None and _total(widths) > width:
        least = [_least(column, column[0] in foldable) for column in columns]
        if _total(least) > width:
            return _in_blocks(head, rows, width, foldable, least)
        whole = [max(size, _widest(one[1:])) for size, one in zip(least, columns, strict=True)]
        while _total(widths) > width:  # names first, then cells
            names = [place for place, size in enumerate(widths) if size > whole[place]]
            wide = names or [place for place, size in enumerate(widths) if size > least[place]]
            widths[max(wide, key=lambda place: widths[place])] -= 1
    is_number = [bool(rows) and all(map(_NUMBER.fullmatch, cells)) for _, *cells in columns]
    lines: list[str] = []
    for place, row in enumerate((head, *rows)):
        fold = _folded if place else _folded_name
        folded = [fold(cell, size) for cell, size in zip(row, widths, strict=True)]
        if not place:  # a name's end stands above its numbers
            height = max(map(len, folded), default=0)
            folded = [[""] * (height - len(pieces)) + pieces for pieces in folded]
        for pieces in zip_longest(*folded, fillvalue=""):
            cells = zip(pieces, widths, is_number, strict=True)
            placed = (
                text.rjust(size) if right else text.ljust(size) for text, size, right in cells
            )
            lines.append(_GAP.join(placed).rstrip())
    return "\n".join(lines)


def _total(widths: Sequence[int]) -> int:
    return sum(widths) + len(_GAP) * (len(widths) - 1)


def _least(column: Sequence[str], is_foldable: bool) -> int:
    """How narrow a column may be made."""
    name, *cells = column
    least = min(_widest(cells), _NARROWEST) if is_foldable else _widest(cells)
    return max(least, min(len(name), max(_widest(_PIECE.findall(name)), _NARROWEST)))


def _widest(texts: Sequence[str]) -> int:
    return max(map(len, texts), default=0)


def _folded(cell: str, width: int) -> list[str]:
    return textwrap.wrap(cell, width) if len(cell) > width else [cell]


def _folded_name(name: str, width: int) -> list[str]:
    lines = [""]
    for piece in _PIECE.findall(name):
        if lines[-1] and len(lines[-1] + piece.rstrip()) > width:
            lines.append("")
        lines[-1] += piece
    return [line.rstrip() for line in lines]


def _in_blocks(
    head: Sequence[str],
    rows: Sequence[Sequence[str]],
    width: int,
    foldable: Collection[str],
    least: Sequence[int],
) -> str:
    """The columns in several tables, as many in each as there is room for beside the first."""
    blocks: list[list[int]] = []
    for place in range(1, len(head)):
        if not blocks or _total([least[one] for one in (*blocks[-1], place)]) > width:
            blocks.append([0])
        blocks[-1].append(place)
    if not blocks or any(_total([least[one] for one in block]) > width for block in blocks):
        return _as_lists(head, rows, width)
    return "\n\n".join(
        text_table(
            [head[one] for one in block], [[row[one] for one in block] for row in rows],
            width, foldable,
        )
        for block in blocks
    )  # fmt: skip


def _as_lists(head: Sequence[str], rows: Sequence[Sequence[str]], width: int) -> str:
    return "\n\n".join(
        "\n".join(
            line
            for name, cell in zip(head, row, strict=True)
            for line in textwrap.wrap(f"{name}: {cell}", max(width, 4), subsequent_indent="  ")
        )
        for row in rows
    )

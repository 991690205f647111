"""Tables of plain text, as wide as the terminal at most."""

from __future__ import annotations

import re

import pytest

from clr_sweep.common.text_table import text_table

HEAD = ("study", "state", "best")
ROWS = [
    ("a name that is rather long", "complete", "0.9"),
    ("short", "running", "-"),
    ("with-no-place-to-break-it-in-two", "failed", "12.25"),
]


def test_without_a_limit() -> None:
    """Text to the left, numbers to the right, two columns between."""
    assert text_table(HEAD, ROWS, None).splitlines() == [
        "study                             state      best",
        "a name that is rather long        complete    0.9",
        "short                             running       -",
        "with-no-place-to-break-it-in-two  failed    12.25",
    ]


@pytest.mark.parametrize("width", range(30, 50))
def test_a_cell_is_broken_and_not_cut(width: int) -> None:
    """No line is too long, and all that was there is there, in its column."""
    lines = text_table(HEAD, ROWS, width, ("study",)).splitlines()
    assert max(map(len, lines)) <= width
    shown = re.sub(r"\s", "", "".join(line[: width - 17] for line in lines))
    assert shown == re.sub(r"\s", "", "study" + "".join(row[0] for row in ROWS))


@pytest.mark.parametrize("width", [16, 20, 26])
def test_a_row_becomes_lines_where_there_is_no_room(width: int) -> None:
    """Each cell behind its column's name."""
    text = text_table(HEAD, ROWS, width, ("study",))
    assert max(map(len, text.splitlines())) <= width
    assert text.count("state: ") == len(ROWS)
    assert "best: 12.25" in text


def test_without_rows() -> None:
    """The heads alone."""
    assert text_table(HEAD, [], 80) == "study  state  best"

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


def test_a_long_head_is_broken_between_its_parts() -> None:
    """Its end stands above the numbers; a short one stays whole, and so does every cell."""
    head = ("trial", "val_sparse_categorical_accuracy", "init_lr", "model.units")
    rows = [("0", "0.8383", "0.01", "64"), ("1", "0.8330", "0.02", "128")]
    assert text_table(head, rows, 40).splitlines() == [
        "        val_sparse_",
        "       categorical_               model.",
        "trial      accuracy  init_lr       units",
        "    0        0.8383     0.01          64",
        "    1        0.8330     0.02         128",
    ]


@pytest.mark.parametrize("width", range(21, 33))
def test_columns_without_room_follow_below(width: int) -> None:
    """Beside the first one again: each table has all rows."""
    head = ("trial", "policy", "rate", "optimizer.momentum", "batch_size")
    rows = [("0", "triangular2", "0.5", "0.95", "32"), ("1", "cosine", "0.25", "0.9", "128")]
    text = text_table(head, rows, width)
    tables = [table.splitlines() for table in text.split("\n\n")]
    assert max(map(len, text.splitlines())) <= width
    assert len(tables) > 1
    for table in tables:
        assert [line.split()[0] for line in table[-2:]] == ["0", "1"]
    last = [" ".join(table[-1].split()[1:]) for table in tables]
    assert " ".join(last) == "cosine 0.25 0.9 128"


@pytest.mark.parametrize("width", [16, 19])
def test_a_row_becomes_lines_where_there_is_no_room(width: int) -> None:
    """Each cell behind its column's name."""
    text = text_table(HEAD, ROWS, width, ("study",))
    assert max(map(len, text.splitlines())) <= width
    assert text.count("state: ") == len(ROWS)
    assert "best: 12.25" in text


def test_without_rows() -> None:
    """The heads alone."""
    assert text_table(HEAD, [], 80) == "study  state  best"

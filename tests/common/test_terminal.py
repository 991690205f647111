"""Text for a terminal: no word is cut."""

from __future__ import annotations

import contextlib
import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clr_sweep.common.terminal import say, wrapped

_LINES = st.lists(
    st.text("abc- .:/", max_size=120).filter(lambda line: line == line.rstrip()), max_size=4
)


@given(_LINES, st.integers(40, 200))
def test_wrapping_keeps_every_word(lines: list[str], width: int) -> None:
    """The words and their order; each line fits unless it is a single word or was indented far."""
    text = "\n".join(lines)
    found = wrapped(text, width)
    assert found.split() == text.split()
    for line in found.split("\n"):
        assert len(line) <= width or len(line.split()) == 1 or line.startswith(" " * 12)


def test_a_line_that_fits_is_left_as_it_is() -> None:
    """Gaps within it too."""
    line = "    trial 0  complete     a"
    assert wrapped(line, 80) == line


def test_what_follows_is_indented() -> None:
    assert wrapped("  one two three four five six seven", 20, 4).split("\n")[1].startswith("    ")


@pytest.mark.parametrize("terminal", [True, False])
def test_say(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, terminal: bool
) -> None:
    """On a terminal broken between words; in a file as it is."""
    monkeypatch.setenv("COLUMNS", "40")
    text = "word " * 30 + "end"
    if not terminal:
        say(text)
        assert capfd.readouterr().out == text + "\n"
        return
    reader, writer = os.openpty()
    with os.fdopen(writer, "w") as file, contextlib.redirect_stdout(file):
        say(text)
        file.flush()
        lines = os.read(reader, 65536).decode().split("\r\n")
    os.close(reader)
    assert max(map(len, lines)) <= 40
    assert " ".join(lines).split() == text.split()

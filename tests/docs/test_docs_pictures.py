"""The pictures of a terminal show what a terminal would."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest
from real_runs import PROJECT

IMAGES = PROJECT / "docs" / "images"


@pytest.fixture(autouse=True)
def on_path(monkeypatch: pytest.MonkeyPatch) -> None:
    """The script's own folder, as when it runs."""
    monkeypatch.syspath_prepend(IMAGES)


def test_what_is_written_over_is_gone() -> None:
    """A bar is drawn again and again in its place, and lines come above it."""
    from terminal_screen import screen

    erased, up = "\r\x1b[2K", "\x1b[1A"
    raw = (
        f"one\r\nbar 1/2{erased}\x1b[?25l\x1b[32mtwo\x1b[0m\r\nbar 2/2\r\nlast{erased}{up}{erased}"
    )
    assert screen(raw) == ["one", "".join(f"\x1b[32m{letter}\x1b[0m" for letter in "two")]
    assert screen("x" * 85, columns=80) == ["x" * 80, "x" * 5]
    assert screen("long\rab") == ["abng"]


def test_a_program_on_the_terminal(tmp_path: Path) -> None:
    """It sees 80 columns; one that fails is an error with what it wrote."""
    from terminal_screen import as_html, screen, written

    code = "import os; print(os.get_terminal_size().columns, '<\\x1b[1mb\\x1b[0m>')"
    lines = screen("".join(written([sys.executable, "-c", code], tmp_path, os.environ)))
    shown = as_html(lines)
    assert lines[0].startswith("80 <")
    assert "80 &lt;" in shown
    assert "font-weight: bold" in shown
    with pytest.raises(SystemExit, match="exit status 3\ngone"):
        written([sys.executable, "-c", "print('gone'); exit(3)"], tmp_path, os.environ)

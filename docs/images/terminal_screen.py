"""What a terminal shows of the bytes that a program writes to it, as HTML with its colours."""

from __future__ import annotations

import codecs
import fcntl
import io
import os
import pty
import re
import struct
import subprocess
import termios
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from rich.ansi import AnsiDecoder
from rich.console import Console
from rich.terminal_theme import MONOKAI

COLUMNS, ROWS = 80, 40
_PARTS = re.compile(r"\x1b\[([0-9;?]*)([A-Za-z])|(\r\n|.)", re.DOTALL)


def written(command: Sequence[str], folder: Path, environment: Mapping[str, str]) -> list[str]:
    """What a command writes to a terminal of its own, piece by piece.

    Raises:
        SystemExit: the command ends with another status than 0.
    """
    controller, terminal = pty.openpty()
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
    known = {**environment, "TERM": "xterm-256color"}
    for name in ("COLUMNS", "LINES", "NO_COLOR"):
        known.pop(name, None)
    process = subprocess.Popen(
        command, cwd=folder, env=known, stdin=terminal, stdout=terminal, stderr=terminal,
        start_new_session=True,
    )  # fmt: skip
    os.close(terminal)
    decoder = codecs.getincrementaldecoder("utf-8")()
    pieces = []
    with suppress(OSError):  # Linux: all have closed the terminal
        while part := os.read(controller, 65536):
            pieces.append(decoder.decode(part))
    os.close(controller)
    if process.wait() != 0:
        raise SystemExit(
            f"{' '.join(command)}: exit status {process.returncode}\n{''.join(pieces)}"
        )
    return pieces


def screen(raw: str, columns: int = COLUMNS) -> list[str]:
    """The lines that are shown in the end, each with its codes of colour.

    Args:
        raw: what was written: text, carriage returns, and the codes that rich writes: a cursor that
            goes up, lines erased, colours. Other codes move nothing.
    """
    lines: list[list[str]] = [[]]
    row = column = 0
    style = ""
    for match in _PARTS.finditer(raw):
        numbers, code, character = match.groups()
        if code == "m":
            style = "" if numbers in ("", "0") else style + match[0]
        elif code == "A":
            row = max(0, row - int(numbers or 1))
        elif code == "K":
            del lines[row][0 if numbers == "2" else column :]
        elif character == "\r":
            column = 0
        elif character in ("\n", "\r\n"):
            row, column = row + 1, 0
        elif character is not None:
            if column == columns:
                row, column = row + 1, 0
            lines.extend([] for _ in range(row + 1 - len(lines)))
            cells = lines[row]
            cells.extend(" " for _ in range(column + 1 - len(cells)))
            cells[column] = f"{style}{character}\x1b[0m" if style else character
            column += 1
        lines.extend([] for _ in range(row + 1 - len(lines)))
    shown = ["".join(cells).rstrip() for cells in lines]
    while shown and not shown[-1]:
        shown.pop()
    return shown


def as_html(lines: Sequence[str]) -> str:
    """The lines in the `<pre>` of a dark terminal of 80 columns."""
    console = Console(record=True, width=COLUMNS, file=io.StringIO(), soft_wrap=True)
    for line in AnsiDecoder().decode("\n".join(lines)):
        console.print(line, soft_wrap=True)
    inner = console.export_html(theme=MONOKAI, inline_styles=True, code_format="{code}")
    return (
        "<pre style='margin:0;padding:14px 16px;border-radius:8px;background:#1e1f1c;"
        'color:#e8e8e3;font:14px/1.4 "DejaVu Sans Mono",monospace;'
        f"width:{COLUMNS}ch'>{inner}</pre>"
    )

"""What a sweep shows on a terminal, of whatever width, and what Ctrl-C there leaves said."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import struct
import termios
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest
import warm_starts
from real_runs import CLR_SWEEP, Place, definition

pytestmark = [pytest.mark.heavy, pytest.mark.timeout(900)]


@dataclass
class OnTerminal:
    """A command whose input and output is a terminal of its own, as a shell gives it."""

    process: warm_starts.Command
    controller: int
    raw: str = ""
    _parts: list[bytes] = field(default_factory=list)

    def read(self, until: str | None = None) -> str:
        """All that is shown, without codes: to the end, or until a text has come."""
        while until is None or until not in self.plain:
            try:
                part = os.read(self.controller, 65536)
            except OSError:  # Linux: all have closed the terminal
                break
            if not part:
                break
            self._parts.append(part)
            self.raw = b"".join(self._parts).decode(errors="replace")
        return self.plain

    @property
    def plain(self) -> str:
        return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", self.raw)

    @property
    def lines(self) -> list[str]:
        """Every line that was shown, also those that the next one took the place of."""
        shown = self.plain.replace("\r", "\n").split("\n")
        return [line.rstrip() for line in shown if line.strip()]


def start(place: Place, columns: int, **study: object) -> OnTerminal:
    """Start the small sweep on a terminal of so many columns."""
    file = place.write_sweep(definition(**study))
    controller, terminal = pty.openpty()
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    environment = {**place.environment, "TERM": "xterm"}
    for name in ("COLUMNS", "LINES"):
        environment.pop(name, None)
    command = (*CLR_SWEEP[2:], "run", str(file))
    process = warm_starts.start(command, place.folder, environment, os.ttyname(terminal))
    os.close(terminal)
    return OnTerminal(process, controller)


@pytest.mark.parametrize("columns", [40, 80, 120])
def test_on_a_terminal(places: Callable[..., Place], columns: int) -> None:
    """Bar and count stay, no line is longer than the terminal, and the summary comes whole."""
    running = start(places(f"terminal{columns}"), columns, trials=2)
    running.read()
    assert running.process.wait() == 0, running.raw
    os.close(running.controller)
    assert "\x1b[?25h" in running.raw, "the cursor was hidden and not shown again"
    lines = running.lines
    bars = [line for line in lines if line.startswith("trials ")]
    assert all(re.match(r"trials [━╸╺]{4,} +\d/2", bar) for bar in bars), bars
    assert any(" best " in bar and "2/2" in bar for bar in bars), bars
    # An address or a path that is longer than the terminal stays in one piece.
    assert all(len(line) <= columns or len(line.split()) == 1 for line in lines)
    assert " ".join(lines).split()[-5:] == ["clr-sweep", "export", "tiny", "-o", "best.yaml"]
    assert not any(line.startswith("trials ") for line in lines[-4:])


def test_ctrl_c_says_how_it_goes_on(places: Callable[..., Place]) -> None:
    """What is done, what waits, and that the same command goes on; then it does."""
    place = places("ctrl-c")
    running = start(place, 80, trials=3)
    running.read(until="1/3")
    os.write(running.controller, b"\x03")
    text = " ".join(running.read().split())
    assert running.process.wait() == 130, running.raw
    os.close(running.controller)
    found = re.search(r"(\d) of 3 trials have ended(, \d in training wait[^;]*)?; ", text)
    assert found, text
    assert "the same command goes on" in text
    assert text.endswith("clr-sweep: stopped by SIGINT")
    again = start(place, 80, trials=3)
    assert "3/3" in again.read()
    assert again.process.wait() == 0
    os.close(again.controller)

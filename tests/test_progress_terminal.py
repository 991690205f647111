"""What a sweep shows of its progress on a terminal."""

from __future__ import annotations

import os
import pty
import re
import subprocess
from collections.abc import Callable

import pytest
from real_runs import CLR_SWEEP, Place, definition

pytestmark = [pytest.mark.heavy, pytest.mark.timeout(900)]


def test_on_a_terminal(places: Callable[..., Place]) -> None:
    """On a terminal a bar shows the trials, and the last lines are the summary, whole."""
    place = places("terminal")
    file = place.write_sweep(definition(trials=1))
    controller, terminal = pty.openpty()
    process = subprocess.Popen(
        [*CLR_SWEEP, "run", str(file)],
        cwd=place.folder,
        env={**place.environment, "TERM": "xterm", "COLUMNS": "150"},
        stdin=terminal,
        stdout=terminal,
        stderr=terminal,
        start_new_session=True,
    )
    os.close(terminal)
    parts = []
    while True:
        try:
            part = os.read(controller, 65536)
        except OSError:  # Linux: all have closed the terminal
            break
        if not part:
            break
        parts.append(part)
    os.close(controller)
    text = b"".join(parts).decode()
    assert process.wait() == 0, text
    plain = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", text)
    assert "1/1" in plain
    assert "\x1b[?25h" in text, "the cursor was hidden and not shown again"
    lines = [line.strip() for line in plain.replace("\r", "\n").split("\n") if line.strip()]
    assert lines[-1] == "Best configuration: clr-sweep export tiny -o best.yaml"
    assert any(line.startswith("trials ") and "best val_accuracy" in line for line in lines)
    assert not any(line.startswith("trials ") for line in lines[-4:])

"""What is seen while a sweep runs, on a terminal and in a file."""

from __future__ import annotations

import contextlib
import os
import re
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from small_trials import small_config

from clr_sweep.progress import Display, Estimate
from clr_sweep.records import State, StudyRecord, TrialRecord


def record(
    number: int | None, state: State = "complete", value: float | None = None,
    reason: str | None = None, policy: str = "triangular2",
) -> TrialRecord:  # fmt: skip
    """A trial as it is stored."""
    return TrialRecord(
        kind="trial" if number is not None else "baseline", number=number, state=state,
        reason=reason, config=small_config(policy, init_lr=0.00123456, max_lr=0.25, factor=4),
        folder=Path("trials"), value=value, cpu_seconds=12.4,
    )  # fmt: skip


def study(*trials: TrialRecord) -> StudyRecord:
    """A study of these."""
    return StudyRecord("tiny", "val_accuracy", "maximize", trials, None)


class Terminal:
    """A pseudo-terminal that keeps all that is written to it."""

    def __init__(self) -> None:
        self._reader, writer = os.openpty()
        self.file = os.fdopen(writer, "w", encoding="utf-8")
        self._parts: list[bytes] = []
        self._thread = threading.Thread(target=self._read)
        self._thread.start()

    def _read(self) -> None:
        while True:
            try:
                part = os.read(self._reader, 4096)
            except OSError:  # Linux's word for the end of a terminal
                part = b""
            if not part:
                return
            self._parts.append(part)

    def text(self) -> str:
        """All that was written, without the codes of colours and of the cursor."""
        self.close()
        return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", b"".join(self._parts).decode())

    def close(self) -> None:
        """End it."""
        if not self.file.closed:
            self.file.close()
            self._thread.join()
            os.close(self._reader)


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Iterator[Terminal]:
    """A terminal of 200 columns; tests put standard error there, which pytest holds before."""
    made = Terminal()
    for name in ("NO_COLOR", "FORCE_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE", "JPY_PARENT_PID"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLUMNS", "200")
    yield made
    made.close()


def run(display: Display) -> None:
    """A sweep of ten trials, some of which have ended."""
    trials = [
        record(0, value=0.81), record(1, value=0.89), record(2, "pruned"),
        record(3, "diverged"), record(4, "running"), record(5, "interrupted"),
    ]  # fmt: skip
    with display:
        display.say("study tiny: loading [bold]fashion_mnist[/bold]")
        display.trial_ended(trials[1], "val_accuracy")
        display.update(study(*trials), running=1, missed=3)


def test_on_a_terminal(terminal: Terminal, capsys: pytest.CaptureFixture[str]) -> None:
    """A bar with what matters, and lines that stay above it; standard output is free."""
    with contextlib.redirect_stderr(terminal.file):
        run(Display(10))
    text = terminal.text()
    assert "study tiny: loading [bold]fashion_mnist[/bold]\r\n" in text
    assert "trial 1  complete  triangular2 0.001235 to 0.25, factor 4" in text
    assert "val_accuracy 0.8900 (12 CPU s)" in text
    bar = text.replace("\r", "\n").strip().split("\n")[-1]
    assert bar.startswith("trials")
    assert "4/10" in bar
    expected = (
        "1 running · 1 pruned · 1 diverged · MLflow is away, 3 calls missed · "
        "best val_accuracy 0.8900 (trial 1) · about "
    )
    assert expected in bar
    assert bar.rstrip().endswith(" left")
    assert capsys.readouterr().out == ""


def test_in_a_file(capsys: pytest.CaptureFixture[str]) -> None:
    """Plain lines, each with its time, no bar and no codes; standard output is free."""
    run(Display(10))
    found = capsys.readouterr()
    assert found.out == ""
    lines = found.err.splitlines()
    assert len(lines) == 2
    assert all(re.match(r"\d\d:\d\d:\d\d ", line) for line in lines)
    assert lines[0].endswith(" study tiny: loading [bold]fashion_mnist[/bold]")
    assert "\x1b" not in found.err


@pytest.mark.parametrize(
    ("ended", "expected"),
    [
        (record(12, value=0.5), r"  trial 12  complete  triangular2 0.001235 to 0.25, factor 4 "
                                r" +val_accuracy 0.5000 \(12 CPU s\)"),
        (record(3, "pruned", reason="pruned after epoch 2"),
         r"   trial 3  pruned    .* pruned after epoch 2 \(12 CPU s\)"),
        (record(None, value=0.75, policy="constant"),
         r"  baseline  complete  constant    0.001235 +val_accuracy 0.7500 \(12 CPU s\)"),
        (record(7, "failed", reason="Traceback (most recent call last):\n  File\nValueError: no"),
         r"   trial 7  failed    .* ValueError: no \(12 CPU s\)"),
        (record(8, "failed"), r"   trial 8  failed .* \(12 CPU s\)"),
    ],
    ids=["complete", "pruned", "baseline", "failed", "no reason"],
)  # fmt: skip
def test_the_line_of_a_trial(
    capsys: pytest.CaptureFixture[str], ended: TrialRecord, expected: str
) -> None:
    """One line a trial: how it ended, its schedule, its value or the reason, its cost."""
    Display(10).trial_ended(ended, "val_accuracy")
    (line,) = capsys.readouterr().err.splitlines()
    assert re.fullmatch(r"\d\d:\d\d:\d\d " + expected, line), line


def test_a_bar_without_trials(terminal: Terminal) -> None:
    """Before the first trial has ended there is neither a best one nor a time left."""
    with contextlib.redirect_stderr(terminal.file), Display(3) as display:
        display.update(study(), running=2, missed=0)
    bar = terminal.text().replace("\r", "\n").strip().split("\n")[-1]
    assert "0/3" in bar
    assert bar.rstrip().endswith("2 running · 0 pruned")


def test_an_estimate() -> None:
    """CPU time is that of all trials and the baseline; they share the slots."""
    cost = Estimate(trial_seconds=100.0, baseline_seconds=50.0, trials=9, slots=4)
    assert cost.cpu_seconds == 950.0
    assert cost.wall_seconds == 237.5

"""What is seen while a sweep runs, on a terminal and in a file."""

from __future__ import annotations

import contextlib
import os
import re
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from small_trials import small_config

from clr_sweep.study.progress import Display, Estimate, Field, fitting
from clr_sweep.training.records import StudyRecord, TrialRecord
from clr_sweep.training.reports import State


def record(
    number: int | None, state: State = "complete", value: float | None = None,
    reason: str | None = None, policy: str = "triangular2",
) -> TrialRecord:  # fmt: skip
    """A trial as it is stored."""
    return TrialRecord(
        kind="trial" if number is not None else "baseline", number=number, state=state,
        reason=reason, config=small_config(policy, init_lr=0.00123456, max_lr=0.25, factor=4),
        folder=Path("trials"), value=value, cpu_seconds=12.4, wall_seconds=20.0,
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


@pytest.mark.parametrize("columns", [20, 40, 60, 80, 100, 120])
def test_a_bar_on_a_narrow_terminal(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch, columns: int
) -> None:
    """Bar and count are there at any width; no line is longer; fields are whole or not there."""
    monkeypatch.setenv("COLUMNS", str(columns))
    with contextlib.redirect_stderr(terminal.file):
        display = Display(50)
        with display:
            display.expect(Estimate(100.0, 50.0, 50, 2))
            display.update(study(record(0, value=0.81), record(1, "pruned")), 2, missed=3)
    bar = terminal.text().replace("\r", "\n").strip().split("\n")[-1].rstrip()
    assert re.match(r"trials [━╸╺]{4,} +2/50", bar), bar
    assert len(bar) <= columns
    fields = bar.partition("2/50")[2].strip()
    known = {
        "2 running", "1 pruned", "MLflow is away, 3 calls missed", "MLflow is away",
        "best val_accuracy 0.8100 (trial 0)", "best 0.8100",
    }  # fmt: skip
    said = [field for field in fields.split(" · ") if field]
    assert all(
        field in known or re.fullmatch(r"(about )?\d+ (s|min) left", field) for field in said
    )
    if columns >= 40:
        assert "best 0.8100" in fields or "best val_accuracy 0.8100" in fields
    if columns >= 60:
        assert fields.rstrip().count(" left") == 1


@given(
    st.lists(st.tuples(st.integers(0, 9), st.text("ab ", min_size=1, max_size=30)), max_size=8),
    st.integers(0, 120),
)
def test_fields_fit_by_importance(found: list[tuple[int, str]], room: int) -> None:
    """They fit; a field that is left out would not have fitted beside the more important ones."""
    fields = [Field(importance, text) for importance, text in found]
    text = fitting(fields, room)
    assert len(text) <= room
    if sum(len(field.text) + 3 for field in fields) - 3 <= room:
        assert text == " · ".join(field.text for field in fields)


@pytest.mark.parametrize("columns", [40, 80])
def test_lines_are_broken_between_words(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch, columns: int
) -> None:
    """No word is cut, no line is longer than the terminal, and a trial's line is indented."""
    monkeypatch.setenv("COLUMNS", str(columns))
    said = "at most 72 min of CPU, about 36 min of training; less with pruning, the default"
    with contextlib.redirect_stderr(terminal.file):
        display = Display(10)
        display.say(said)
        display.trial_ended(record(1, value=0.89), "val_accuracy")
    lines = terminal.text().replace("\r", "").splitlines()
    assert all(len(line) <= columns for line in lines)
    first = next(i for i, line in enumerate(lines) if "trial 1" in line)
    assert " ".join(lines[:first]).split() == said.split()
    assert all(line.startswith(" " * 12) for line in lines[first + 1 :])
    assert "(12 CPU s)" in " ".join(" ".join(lines[first:]).split())


def left_of(bar: str) -> float:
    """The seconds that a bar says are left."""
    found = re.search(r"about ([\d.]+) (s|min) left", bar)
    assert found, bar
    return float(found[1]) * {"s": 1, "min": 60}[found[2]]


def shown(display: Display, terminal: Terminal, *trials: TrialRecord, running: int) -> str:
    with contextlib.redirect_stderr(terminal.file), display:
        display.update(study(*trials), running, missed=0)
    return terminal.text().replace("\r", "\n").strip().split("\n")[-1]


def test_what_is_left_before_a_trial_has_ended(terminal: Terminal) -> None:
    """It is what was said at the start."""
    with contextlib.redirect_stderr(terminal.file):
        display = Display(10)
    display.expect(Estimate(trial_seconds=20.0, baseline_seconds=20.0, trials=9, slots=2))
    assert left_of(shown(display, terminal, running=2)) == pytest.approx(100, abs=3)


def test_what_is_left_is_by_the_trials_that_have_ended(terminal: Terminal) -> None:
    """Eight of ten are left, two of them running: 20 s each, two at once."""
    with contextlib.redirect_stderr(terminal.file):
        display = Display(10, slots=2)
        done = [record(0, value=0.8), record(1, value=0.9)]
        for one in done:
            display.trial_ended(one, "val_accuracy")
    assert left_of(shown(display, terminal, *done, running=2)) == pytest.approx(70, abs=1)


def test_an_estimate() -> None:
    """CPU time is that of all trials and the baseline; they share the slots."""
    cost = Estimate(trial_seconds=100.0, baseline_seconds=50.0, trials=9, slots=4)
    assert cost.cpu_seconds == 950.0
    assert cost.wall_seconds == 237.5

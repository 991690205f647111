"""What is seen while a sweep runs: a bar on a terminal, plain log lines elsewhere."""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from clr_sweep.records import StudyRecord, TrialRecord
from clr_sweep.results.words import value
from clr_sweep.words import duration


@dataclass(frozen=True)
class Estimate:
    """What a sweep is expected to cost, before it starts: an upper bound, without pruning.

    Attributes:
        trial_seconds: CPU time of a trial of the mean length.
        trials: trials still to run, the baseline not among them.
        range_test_seconds: CPU time of all seeds of the range test, where one is still to run.
        slots: trials at once.
    """

    trial_seconds: float
    baseline_seconds: float
    trials: int
    slots: int
    range_test_seconds: float = 0.0

    @property
    def cpu_seconds(self) -> float:
        trials = self.trial_seconds * self.trials
        return trials + self.baseline_seconds + self.range_test_seconds

    @property
    def wall_seconds(self) -> float:
        return self.cpu_seconds / self.slots


# The bar says no more often how far the sweep is: each time the whole study is looked at.
UPDATE_SECONDS = 0.5


class Display:
    """Shows the state of a sweep; writes to standard error, which leaves standard output free."""

    def __init__(self, planned: int) -> None:
        self._console = Console(stderr=True, highlight=False, soft_wrap=True)
        self._planned = planned
        self._started = time.monotonic()
        self._ended_here = 0
        self._next = 0.0
        self._bar: Progress | None = None
        if self._console.is_terminal:
            self._bar = Progress(
                TextColumn("[bold]trials"),
                BarColumn(),
                MofNCompleteColumn(),
                TextColumn("{task.fields[state]}"),
                console=self._console,
            )
            self._task = self._bar.add_task("", total=planned, state="")

    def __enter__(self) -> Display:
        if self._bar:
            self._bar.start()
        return self

    def __exit__(self, *details: object) -> None:
        if self._bar:
            self._bar.stop()

    def say(self, text: str) -> None:
        """A line that stays."""
        if self._console.is_terminal:
            self._console.print(text, markup=False)
        else:
            print(time.strftime("%H:%M:%S"), text, file=sys.stderr, flush=True)

    def trial_ended(self, record: TrialRecord, metric: str) -> None:
        self._ended_here += 1
        schedule = record.config.schedule
        rates = (
            f"{schedule.init_lr:.4g} to {schedule.max_lr:.4g}, factor {schedule.step_size_factor}"
        )
        if not schedule.is_cyclical:
            rates = f"{schedule.max_lr:.4g}"
        # Of a traceback, the last line names the exception; all of it is in the trial's log.
        reason = (record.reason or "").rstrip().rpartition("\n")[2]
        found = f"{metric} {value(record.value)}" if record.value is not None else reason
        self.say(
            f"{record.label:>10}  {record.state:9} {schedule.policy:11} {rates:32} "
            f"{found} ({record.cpu_seconds:.0f} CPU s)"
        )

    def is_due(self, *, at_end: bool) -> bool:
        """Whether there is a bar, and it is to be brought up to date: at the end in any case."""
        return self._bar is not None and (at_end or time.monotonic() >= self._next)

    def update(self, study: StudyRecord, running: int, missed: int) -> None:
        """Refresh the bar.

        Args:
            missed: calls that MLflow has missed so far.
        """
        if not self._bar:
            return
        self._next = time.monotonic() + UPDATE_SECONDS
        best = study.best
        parts = [f"{running} running", f"{study.count('pruned')} pruned"]
        for state in ("diverged", "failed"):
            if count := study.count(state):
                parts.append(f"{count} {state}")
        if missed:
            parts.append(f"MLflow is away, {missed} calls missed")
        if best is not None and best.value is not None:
            parts.append(f"best {study.metric} {value(best.value)} (trial {best.number})")
        if self._ended_here:
            each = (time.monotonic() - self._started) / self._ended_here
            parts.append(f"about {duration(each * max(0, self._planned - study.ended))} left")
        self._bar.update(self._task, completed=study.ended, state=" · ".join(parts))

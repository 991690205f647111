"""What is seen while a sweep runs: a bar on a terminal or in a notebook, plain lines elsewhere."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TaskID,
    TextColumn,
)
from rich.table import Column
from rich.text import Text

from clr_sweep.common.durations import duration
from clr_sweep.common.secrets import hidden
from clr_sweep.common.standard_streams import aside
from clr_sweep.common.terminal import is_quiet, wrapped
from clr_sweep.definition.comparison import ComparisonConfig
from clr_sweep.results.words import value
from clr_sweep.study.notebook import NotebookBar, in_notebook, stream
from clr_sweep.training.records import StudyRecord, TrialRecord


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

    def comparison_seconds(self, comparison: ComparisonConfig, trials: int) -> float:
        """CPU time of what a comparison trains at most, each for the whole budget of epochs.

        Args:
            trials: of the study that is compared, in all.
        """
        return sum(comparison.trainings(trials)) * self.baseline_seconds


# The bar says no more often how far the sweep is: each time the whole study is looked at.
UPDATE_SECONDS = 0.5
# The lines below the first of a trial's begin under its state.
_INDENT = 12


_JOINT = " · "


@dataclass(frozen=True)
class Field:
    """Something that is said beside the bar.

    Attributes:
        importance: the lowest go first where there is no room for all.
        short: takes the place of the text where there is no room for that.
    """

    importance: int
    text: str
    short: str = ""


def fitting(fields: Sequence[Field], room: int) -> str:
    """As many of the fields as fit into so many columns, in the order given, none of them cut.

    Short texts make room for further fields first; then they give way to the long ones.
    """
    shown: dict[int, str] = {}
    by_importance = sorted(range(len(fields)), key=lambda i: -fields[i].importance)
    for shortened in (True, False):
        for index in by_importance:
            field = fields[index]
            tried = {**shown, index: field.short if shortened and field.short else field.text}
            if len(_joined(tried)) <= room:
                shown = tried
    return _joined(shown)


def _joined(texts: Mapping[int, str]) -> str:
    return _JOINT.join(text for _, text in sorted(texts.items()))


class _Fields(ProgressColumn):
    """The fields of a task, `task.fields["fields"]`, as far as there is room on the line.

    Args:
        taken: columns of all that stands before it but the count of trials.
    """

    def __init__(self, console: Console, taken: int) -> None:
        super().__init__(table_column=Column(no_wrap=True))
        self._console = console
        self._taken = taken

    def render(self, task: Task) -> Text:
        count = 2 * len(str(int(task.total or 0))) + 1
        return Text(fitting(task.fields["fields"], self._console.width - self._taken - count))


class Display:
    """Shows the state of a sweep; writes to standard error, which leaves standard output free.

    With `--quiet` it warns and does nothing else.

    Args:
        planned: trials in all.
        slots: trials at once, as far as known.
    """

    def __init__(self, planned: int, slots: int = 1) -> None:
        self._console = Console(stderr=True, highlight=False, soft_wrap=True)
        self._planned = planned
        self.slots = slots
        self._expected_end: float | None = None
        self._took: list[float] = []
        self._next = 0.0
        self._bar: Progress | NotebookBar | None = None
        self._task = TaskID(0)
        if in_notebook() and not is_quiet():
            self._bar = NotebookBar(planned)
        elif self._console.is_terminal and not is_quiet():
            # The bar shrinks before the count beside it is cut.
            width = max(4, min(40, self._console.width // 6))
            fields = _Fields(self._console, taken=len("trials  ") + width + 2)
            bar = Progress(
                TextColumn("[bold]trials"),
                BarColumn(bar_width=width),
                MofNCompleteColumn(),
                fields,
                console=self._console,
            )
            self._task = bar.add_task("", total=planned, fields=[])
            self._bar = bar

    def __enter__(self) -> Display:
        if self._bar:
            self._bar.start()
        return self

    def __exit__(self, *details: object) -> None:
        if self._bar:
            self._bar.stop()

    def say(self, text: str, indent: int = 0) -> None:
        """A line of what goes on.

        Args:
            indent: of the lines that follow the first.
        """
        if not is_quiet():
            self.warn(text, indent)

    def warn(self, text: str, indent: int = 0) -> None:
        """A line that stays, without secrets; on a terminal broken between words."""
        text = hidden(text)
        if self._console.is_terminal:
            self._console.print(wrapped(text, self._console.width, indent), markup=False)
        else:
            aside(f"{time.strftime('%H:%M:%S')} {text}", stream())

    def expect(self, estimate: Estimate) -> None:
        """What is left is told by this until trials have ended."""
        self._expected_end = time.monotonic() + estimate.wall_seconds

    def trial_ended(self, record: TrialRecord, metric: str) -> None:
        if record.number is not None:
            self._took.append(record.wall_seconds)
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
            f"{found} ({record.cpu_seconds:.0f} CPU s)",
            _INDENT,
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
        fields = [Field(3, f"{running} running"), Field(2, f"{study.count('pruned')} pruned")]
        for state in ("diverged", "failed"):
            if count := study.count(state):
                fields.append(Field(4, f"{count} {state}"))
        if missed:
            fields.append(Field(5, f"MLflow is away, {missed} calls missed", "MLflow is away"))
        if best is not None and best.value is not None:
            reached = value(best.value)
            text = f"best {study.metric} {reached} (trial {best.number})"
            fields.append(Field(7, text, f"best {reached}"))
        if (left := self._seconds_left(study.ended, running)) is not None:
            fields.append(Field(6, f"about {duration(left)} left", f"{duration(left)} left"))
        self._bar.update(self._task, completed=study.ended, fields=fields)

    def _seconds_left(self, ended: int, running: int) -> float | None:
        """By the mean of the trials that have ended here; those that run are half done, on average.

        Before any has ended, by what was expected at the start; None where nothing was.
        """
        left = max(0, self._planned - ended)
        if not self._took:
            if self._expected_end is None:
                return None
            return max(0.0, self._expected_end - time.monotonic())
        in_flight = min(running, left)
        mean = sum(self._took) / len(self._took)
        return mean * (left - in_flight / 2) / min(self.slots, max(1, left))

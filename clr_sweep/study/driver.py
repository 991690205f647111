"""The sweep: ask for a trial, run it, report its epochs, prune or go on, tell the study.

The only place that joins search, engine and tracking. One driver process talks to the study and
to MLflow; the trials' processes write into their own folders alone.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import optuna
from optuna.exceptions import StorageInternalError
from sqlalchemy.exc import SQLAlchemyError

from clr_sweep.common.errors import (
    ClrSweepError,
    DiskFullError,
    GpuLostError,
    LockLostError,
    OutOfMemoryError,
    TrialFailedError,
)
from clr_sweep.common.secrets import hidden
from clr_sweep.common.stopping import InterruptedSweepError, StopRequest
from clr_sweep.common.words import duration
from clr_sweep.definition.sweep import Sweep
from clr_sweep.engines.base import Died, Done, Engine, Event, Failed, Message
from clr_sweep.search.attributes import BASELINE, STATE
from clr_sweep.search.enqueued import EnqueuedTrialError
from clr_sweep.search.reading import StudyReader, read_baseline
from clr_sweep.search.sampling import Sampling, stored
from clr_sweep.search.space import baseline_config
from clr_sweep.study.background import Background
from clr_sweep.study.flights import BaselineFlight, Flight, TrialFlight, deadline
from clr_sweep.study.progress import Display
from clr_sweep.training.folder import TrialFolder
from clr_sweep.training.records import EpochReport, TrialRecord, TrialResult
from clr_sweep.training.requests import RUN_TRIAL, DataFacts, Inspection, TrialJob

FAILURES_IN_A_ROW = 3


@dataclass
class Driver:
    """Runs one study to its planned number of trials.

    Args:
        background: it is started when a trial has shown that the user's model works: before,
            no run is made for anything.
        folder: of the study; each trial has a folder below it.
        provenance: stored with every trial.
        inspected: told what the first steps of a trial have shown, once.
    """

    sweep: Sweep
    study: optuna.Study
    engine: Engine
    background: Background
    display: Display
    stop: StopRequest
    facts: DataFacts
    folder: Path
    search_path: tuple[Path, ...]
    provenance: Mapping[str, Any]
    inspected: Callable[[Inspection], None] = lambda _: None
    _flights: dict[str, Flight] = field(default_factory=dict)
    _ended_trials: list[TrialRecord] = field(default_factory=list)
    _failures: int = 0

    def __post_init__(self) -> None:
        self._left = trials_left(self.study, self.sweep.study.trials)
        baseline = self.study.user_attrs.get(BASELINE, {})
        self._baseline_waits = baseline.get(STATE) in (None, "running", "interrupted")
        self._reader = StudyReader(self.study)
        self._sampling = Sampling(
            self.study, self.sweep, self.facts.train, self.folder, self.provenance
        )

    def run(self) -> str:
        """Run until the planned number of trials has ended, or until `study.timeout`.

        Returns:
            Why it ended before all trials had, or an empty text.

        Raises:
            InterruptedSweepError: after a signal; what finished is kept, the rest waits.
            TrialFailedError: the first trial of the study raised an exception.
            ClrSweepError: three trials failed in a row, or the disk is full.
        """
        ends_by = deadline(self.sweep.study.timeout)
        try:
            while self._start_jobs():
                for event in self.engine.wait(timeout=0.5):
                    self._handle(event)
                if self.stop:
                    raise self.stop.error()
                self._end_overdue()
                if time.monotonic() >= ends_by:
                    return self._out_of_time()
        except BaseException as error:
            in_flight = len(self._flights)
            self._interrupt(hidden(str(error)).split("\n")[0])
            if isinstance(error, InterruptedSweepError):
                self.display.say(self._standing(in_flight))
            raise
        return ""

    def _standing(self, in_flight: int) -> str:
        """What is done and what waits, of a sweep that was asked to stop.

        Args:
            in_flight: trainings that were stopped, the baseline's among them.
        """
        trials = self.sweep.study.trials
        parts = [f"{trials - self._left} of {trials} trials have ended"]
        if in_flight:
            parts.append(f"{in_flight} in training wait after their last whole epoch")
        return f"{', '.join(parts)}; the same command goes on"

    def _start_jobs(self) -> bool:
        """Fill the free slots; False when nothing runs and nothing is left to run."""
        if self._baseline_is_due() and self.engine.has_room:
            self._start_baseline()
        while self.engine.has_room and self._trials_are_due():
            self._start_trial()
        self._tell_of_ended()
        running = len(self.engine.running)
        if self.display.is_due(at_end=not running):
            study = self._reader.read()
            self.display.update(study, running, self.background.missed)
        return bool(running)

    def _trials_are_due(self) -> bool:
        in_flight = len(self._flights) - (BASELINE in self._flights)
        return self._left > in_flight and self._sampling.may_ask()

    def _baseline_is_due(self) -> bool:
        return self._baseline_waits and BASELINE not in self._flights

    def _start_baseline(self) -> None:
        record = read_baseline(self.study) or TrialRecord(
            kind="baseline",
            number=None,
            state="running",
            reason=None,
            config=baseline_config(self.sweep, self.facts.train),
            folder=self.folder / BASELINE,
        )
        limit = self.sweep.study.trial_timeout
        self._start(BaselineFlight(self.study, record, limit, self.provenance))

    def _start_trial(self) -> None:
        try:
            asked = self._sampling.ask()
        except EnqueuedTrialError as refused:
            self.display.say(str(refused))
            self._left -= 1
            return
        record = self._reader.trial(stored(asked.trial))
        self._start(
            TrialFlight(
                self.study, record, self.sweep.study.trial_timeout, asked,
                self._sampling, self._reader, self.sweep.objective.metric,
            )
        )  # fmt: skip

    def _start(self, flight: Flight) -> None:
        record = flight.record
        self._flights[record.key] = flight
        job = TrialJob(
            record.config,
            self.facts.materialized,
            record.folder,
            self.search_path,
            record.kind,
            record.number,
            inspect=not self.background.has_started,
        )
        self.engine.start(record.key, RUN_TRIAL, job, TrialFolder(record.folder).log_file)
        self.background.trial_started(record)

    def _handle(self, event: Event) -> None:
        key = str(event.key)
        if isinstance(event, Message) and isinstance(event.value, Inspection):
            self.engine.answer(key, True)
            self._works(event.value)
        elif isinstance(event, Message):
            self._epoch(key, event.value)
        elif isinstance(event, Done):
            self._ended(key, event.value)
        elif isinstance(event, Failed):
            self._raised(key, event)
        elif isinstance(event, Died) and not self.stop:
            # A signal to the whole group ends the trials too: they are interrupted, not failed.
            self._lost(key, event.reason)

    def _works(self, found: Inspection) -> None:
        """A trial has taken its first steps."""
        if not self.background.has_started:
            self.background.start()
            self.inspected(found)

    def _epoch(self, key: str, report: EpochReport) -> None:
        flight = self._flights[key]
        go_on = flight.epoch(report)
        self.engine.answer(key, go_on)
        self.background.epoch(flight.record, report)

    def _ended(self, key: str, result: TrialResult) -> None:
        self.background.start()
        self._note_end(self._flights.pop(key).ended(result))
        self._failures = 0

    def _raised(self, key: str, event: Failed) -> None:
        """A trial's code raised an exception."""
        if isinstance(event.error, (DiskFullError, GpuLostError)):
            raise event.error
        if isinstance(event.error, OutOfMemoryError):
            self._lost(key, str(event.error))
        elif not self.background.has_started:
            if isinstance(event.error, ClrSweepError):
                raise event.error
            raise TrialFailedError(f"the model or data code failed:\n{event.traceback}")
        elif not any(record.has_ended for record in self._reader.read().all):
            label = self._flights[key].record.label
            raise TrialFailedError(
                f"{label}, the first to end, raised an exception; it waits for the next start:\n"
                f"{event.traceback}"
            )
        else:
            self._failed(key, event.traceback)

    def _lost(self, key: str, reason: str) -> None:
        """A trial ended through no failure of its own: it goes on where it was, if it may."""
        flight, limit = self._flights[key], self.sweep.study.retries
        reasons = (*flight.record.retried, reason)
        if len(reasons) > limit:
            attempts = f", at attempt {len(reasons)} (study.retries is {limit})"
            self._failed(key, reason + attempts)
            return
        del self._flights[key]
        flight.retried(reasons)
        self.display.say(
            f"{flight.record.label:>10}  {reason}: it goes on, retry {len(reasons)} of {limit}"
        )
        self.background.trial_stopped(flight.record, "interrupted", reason)

    def _end_overdue(self) -> None:
        """End the trials that have passed `study.trial_timeout`."""
        for key in [key for key, flight in self._flights.items() if flight.is_overdue]:
            self.engine.stop(key)
            limit = self.sweep.study.trial_timeout or 0
            epochs = len(TrialFolder(self._flights[key].record.folder).reports())
            self._failed(
                key,
                f"stopped in epoch {epochs + 1}: it took longer than study.trial_timeout, "
                f"{duration(limit)}",
            )

    def _failed(self, key: str, reason: str) -> None:
        self._note_end(self._flights.pop(key).failed(reason))
        self._failures += 1
        if self._failures >= FAILURES_IN_A_ROW:
            raise ClrSweepError(f"{self._failures} trials failed in a row: {reason}")

    def _note_end(self, record: TrialRecord) -> None:
        """A trial has ended, and that is stored; it is told when its successor has started."""
        if record.number is None:
            self._baseline_waits = False
        else:
            self._left -= 1
        self._ended_trials.append(record)

    def _tell_of_ended(self) -> None:
        for record in self._ended_trials:
            self.display.trial_ended(record, self.sweep.objective.metric)
            self.background.trial_ended(record)
        if self._ended_trials and self.background.is_refresh_due:
            began = time.monotonic()
            study = self._reader.read()
            self.background.refresh(study, time.monotonic() - began)
        self._ended_trials.clear()

    def _out_of_time(self) -> str:
        limit = duration(self.sweep.study.timeout or 0)
        reason = f"stopped by study.timeout after {limit}; {self._left} trials have not ended"
        for flight in tuple(self._flights.values()):
            self.background.trial_stopped(flight.record, "interrupted", reason)
        self._interrupt(reason)
        self.display.say(reason)
        return reason

    def _interrupt(self, reason: str) -> None:
        """Stop what runs; it waits under its number and parameters for the next start."""
        self.engine.stop_all()
        for flight in self._flights.values():
            # A storage that takes no more is why it stops, perhaps; the next start mends it. So
            # does the process that has taken over the study.
            with contextlib.suppress(StorageInternalError, SQLAlchemyError, LockLostError):
                flight.put_back(reason)
        self._flights.clear()
        self._tell_of_ended()


def trials_left(study: optuna.Study, planned: int) -> int:
    """Trials that have not ended yet, of those planned."""
    ended = sum(t.state.is_finished() for t in study.get_trials(deepcopy=False))
    return max(0, planned - ended)

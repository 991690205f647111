"""What comes back from a trial's process: its epochs, and how it ended."""

from __future__ import annotations

from clr_sweep.common.durations import duration
from clr_sweep.common.errors import (
    ClrSweepError,
    DiskFullError,
    FolderHeldError,
    GpuLostError,
    OutOfMemoryError,
    TrialFailedError,
)
from clr_sweep.engines.base import Died, Done, Event, Failed, Message
from clr_sweep.results.warnings import training_warnings
from clr_sweep.search.attributes import BASELINE
from clr_sweep.search.studied_model import keep_model
from clr_sweep.study.under_way import UnderWay
from clr_sweep.tracking.trial_contents import has_model
from clr_sweep.training.folder import TrialFolder
from clr_sweep.training.records import TrialRecord
from clr_sweep.training.reports import EpochReport, TrialResult
from clr_sweep.training.requests import Inspection
from clr_sweep.training.unloadable import warning as unloadable

FAILURES_IN_A_ROW = 3


class Arrivals:
    """Tells the study, and then the thread that tells MLflow, of each event."""

    def __init__(self, sweep: UnderWay) -> None:
        self._sweep = sweep
        self._failures = 0
        self._warned: set[str] = set()

    def handle(self, event: Event) -> None:
        """Store what an event says.

        Raises:
            TrialFailedError: the first trial of the study failed.
            ClrSweepError: three trials failed in a row, or the disk is full.
        """
        key = str(event.key)
        if isinstance(event, Message) and isinstance(event.value, Inspection):
            self._sweep.engine.answer(key, True)
            self._works(key, event.value)
        elif isinstance(event, Message):
            self._epoch(key, event.value)
        elif isinstance(event, Done):
            self._ended(key, event.value)
        elif isinstance(event, Failed):
            self._raised(key, event)
        elif isinstance(event, Died) and not self._sweep.stop:
            # A signal to the whole group ends the trials too: they are interrupted, not failed.
            self._lost(key, event.reason)

    def end_overdue(self) -> None:
        """End the trials that have passed `study.trial_timeout`."""
        sweep = self._sweep
        for key in [key for key, flight in sweep.flights.items() if flight.is_overdue]:
            sweep.engine.stop(key)
            limit = sweep.definition.study.trial_timeout or 0
            epochs = len(TrialFolder(sweep.flights[key].record.folder).reports())
            self._failed(
                key,
                f"stopped in epoch {epochs + 1}: it took longer than study.trial_timeout, "
                f"{duration(limit)}",
            )

    def _works(self, key: str, found: Inspection) -> None:
        """A trial has taken its first steps."""
        if key == BASELINE and found.model is not None:
            # The others' models may have arguments that are searched.
            keep_model(self._sweep.study, found.model)
        if not self._sweep.background.has_started:
            self._sweep.background.start()
            self._sweep.inspected(found)

    def _epoch(self, key: str, report: EpochReport) -> None:
        flight = self._sweep.flights[key]
        go_on = flight.epoch(report)
        self._sweep.engine.answer(key, go_on)
        self._sweep.background.epoch(flight.record, report)

    def _ended(self, key: str, result: TrialResult) -> None:
        self._sweep.background.start()
        record = self._sweep.flights.pop(key).ended(result)
        self._sweep.landed(record)
        self._failures = 0
        if texts := training_warnings([record]):
            self._warn_once("training", *texts)
        if "file" not in self._warned and has_model(record):
            # A process that was killed has left none; MLflow's thread makes it then.
            text = unloadable(record.label, TrialFolder(record.folder).signature())
            if text:
                self._warn_once("file", text)

    def _warn_once(self, of: str, *texts: str) -> None:
        if of not in self._warned:
            self._warned.add(of)
            for text in texts:
                self._sweep.display.warn(f"warning: {text}")

    def _raised(self, key: str, event: Failed) -> None:
        sweep = self._sweep
        if isinstance(event.error, (DiskFullError, GpuLostError)):
            raise event.error
        if isinstance(event.error, (OutOfMemoryError, FolderHeldError)):
            self._lost(key, event.reason)
        elif not sweep.background.has_started:
            if isinstance(event.error, ClrSweepError):
                raise event.error
            raise TrialFailedError(f"the model or data code failed:\n{event.reason}")
        elif self._nothing_has_ended():
            label = sweep.flights[key].record.label
            is_ours = isinstance(event.error, ClrSweepError)
            ended = "failed" if is_ours else "raised an exception"
            sweep.flights.pop(key).put_back(event.reason)
            raise TrialFailedError(
                f"{label}, the first to end, {ended}; it waits for the next start:\n{event.reason}"
            )
        else:
            self._failed(key, event.reason)

    def _lost(self, key: str, reason: str) -> None:
        """A trial ended through no failure of its own: it goes on where it was, if it may."""
        sweep = self._sweep
        flight, limit = sweep.flights[key], sweep.definition.study.retries
        reasons = (*flight.record.retried, reason)
        if len(reasons) > limit:
            reason += f", at attempt {len(reasons)} (study.retries is {limit})"
            if not sweep.background.has_started and self._nothing_has_ended():
                raise TrialFailedError(
                    f"{flight.record.label}, the first to start, did not come to its first step: "
                    f"{reason}; it waits for the next start; {_printed(flight.record)}"
                )
            self._failed(key, reason)
            return
        del sweep.flights[key]
        flight.retried(reasons)
        again = "it goes on" if sweep.definition.training.is_continued else "it starts over"
        sweep.display.warn(
            f"{flight.record.label:>10}  {reason}: {again}, retry {len(reasons)} of {limit}"
        )
        sweep.background.trial_stopped(flight.record, "interrupted", reason)

    def _nothing_has_ended(self) -> bool:
        return not any(record.has_ended for record in self._sweep.reader.read().all)

    def _failed(self, key: str, reason: str) -> None:
        flight = self._sweep.flights.pop(key)
        self._sweep.landed(flight.failed(reason))
        self._failures += 1
        if self._failures >= FAILURES_IN_A_ROW:
            raise ClrSweepError(
                f"{self._failures} trials failed in a row; {_printed(flight.record)}; the last: "
                f"{reason}"
            )


def _printed(record: TrialRecord) -> str:
    """Where a trial's last words stand."""
    return f"what it printed is in {TrialFolder(record.folder).log_file}"

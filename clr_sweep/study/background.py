"""MLflow is told in a thread of its own: the driver answers its trials and never waits for it."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable
from functools import partial
from types import TracebackType
from typing import Any

from clr_sweep.common.errors import LockLostError
from clr_sweep.study.publishing import Publisher
from clr_sweep.training.records import StudyRecord, TrialRecord
from clr_sweep.training.reports import EpochReport, State

# Of the time that passes, the sweep's own run takes at most so much: its description and its
# figures show the whole study, and take the longer the longer that gets.
_REFRESH_SHARE = 0.05
_REFRESH_SECONDS = 1.0


class Background:
    """Makes a publisher's calls, one after the other, in the order in which they were asked for.

    What is asked for before `start` waits for it. What waits of a trial is told as one: its epochs,
    and with its end all of it, so a driver that is ahead of MLflow costs MLflow less.
    At the end of the block all is told that was asked for; without a start, nothing is, nor what
    waits when another process has taken over the study: MLflow is told by that one now.

    An error that the publisher raises (no server that is away, which it takes itself) is raised
    by the next call, or at the end of the block.

    Args:
        keep: called before each call: it raises LockLostError where the study is another's.
    """

    def __init__(self, publisher: Publisher, keep: Callable[[], None] = lambda: None) -> None:
        self._publisher = publisher
        self._keep = keep
        self._calls: queue.SimpleQueue[Callable[[], Any] | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._work, name="MLflow", daemon=True)
        self._lock = threading.Lock()
        # What waits, by trial.
        self._starts: dict[str, list[TrialRecord]] = {}
        self._epochs: dict[str, list[EpochReport]] = {}
        self._error: BaseException | None = None
        self._next_refresh = 0.0
        self._is_taken_over = False

    def __enter__(self) -> Background:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self.has_started:
            self._is_taken_over = isinstance(error, LockLostError)
            self._calls.put(None)
            self._thread.join()
        if error is None:
            self._raise()

    @property
    def has_started(self) -> bool:
        return self._thread.ident is not None

    @property
    def missed(self) -> int:
        """Calls that MLflow has missed so far."""
        return self._publisher.link.missed

    def start(self) -> None:
        """Begin with what was asked for; more calls of this do nothing."""
        if not self.has_started:
            self._thread.start()

    def wait(self) -> None:
        """Let all be told that was asked for."""
        told = threading.Event()
        self.call(told.set)
        while not told.wait(0.1):
            self._raise()

    def call(self, call: Callable[[], Any]) -> None:
        """Make a call after those asked for so far."""
        self._raise()
        self._calls.put(call)

    def trial_started(self, record: TrialRecord) -> None:
        """See `Publisher.trial_started`."""
        waiting = [record]
        with self._lock:
            self._epochs.pop(record.key, None)  # a later epoch is told after this
            self._starts[record.key] = waiting
        self.call(partial(self._tell_start, record.key, waiting))

    def epoch(self, record: TrialRecord, report: EpochReport) -> None:
        """A trial's next epoch."""
        with self._lock:
            if (waiting := self._epochs.get(record.key)) is not None:
                waiting.append(report)
                return
            waiting = self._epochs[record.key] = [report]
        self.call(partial(self._tell_epochs, record, waiting))

    def trial_ended(self, record: TrialRecord) -> None:
        """See `Publisher.trial_ended`; a start and epochs that wait are told with it."""
        with self._lock:
            for of_all in (self._starts, self._epochs):
                if (waiting := of_all.get(record.key)) is not None:
                    waiting.clear()
        self._tell(record.key, partial(self._publisher.trial_ended, record))

    def trial_stopped(self, record: TrialRecord, state: State, reason: str) -> None:
        """See `Publisher.trial_stopped`."""
        self._tell(record.key, partial(self._publisher.trial_stopped, record, state, reason))

    @property
    def is_refresh_due(self) -> bool:
        """Whether the sweep's own run may be brought up to date again."""
        return time.monotonic() >= self._next_refresh

    def refresh(self, study: StudyRecord, took: float) -> None:
        """See `Publisher.refresh`.

        Args:
            took: seconds that it took to read the study.
        """
        self._next_refresh = float("inf")  # until this one is done
        self.call(partial(self._refresh, study, took))

    def _tell(self, key: str, call: Callable[[], None]) -> None:
        with self._lock:
            self._starts.pop(key, None)  # what is asked for later is told after this
            self._epochs.pop(key, None)
        self.call(call)

    def _tell_start(self, key: str, waiting: list[TrialRecord]) -> None:
        with self._lock:
            if self._starts.get(key) is waiting:
                del self._starts[key]
            records = list(waiting)
        for record in records:
            self._publisher.trial_started(record)

    def _tell_epochs(self, record: TrialRecord, waiting: list[EpochReport]) -> None:
        with self._lock:
            if self._epochs.get(record.key) is waiting:
                del self._epochs[record.key]
            reports = list(waiting)
        if reports:
            self._publisher.epochs(record, reports)

    def _refresh(self, study: StudyRecord, took: float) -> None:
        began = time.monotonic()
        self._publisher.refresh(study)
        ended = time.monotonic()
        pause = (took + ended - began) / _REFRESH_SHARE
        self._next_refresh = ended + max(_REFRESH_SECONDS, pause)

    def _work(self) -> None:
        while (call := self._calls.get()) is not None and not self._is_taken_over:
            try:
                self._keep()
                call()
            except BaseException as error:
                self._error = error
                return

    def _raise(self) -> None:
        if self._error is not None:
            raise self._error

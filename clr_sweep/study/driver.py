"""The sweep's loop: start a job, take in what comes back, until nothing is left.

With `Departures` and `Arrivals` the only place that joins search, engine and tracking. One driver
process talks to the study and to MLflow; the trials' processes write into their own folders alone.
"""

from __future__ import annotations

import contextlib
import time

from optuna.exceptions import StorageInternalError
from sqlalchemy.exc import SQLAlchemyError

from clr_sweep.common.counts import have, plural
from clr_sweep.common.durations import duration
from clr_sweep.common.errors import LockLostError
from clr_sweep.common.secrets import hidden
from clr_sweep.common.stopping import InterruptedSweepError
from clr_sweep.study.arrivals import Arrivals
from clr_sweep.study.departures import Departures
from clr_sweep.study.flights import deadline
from clr_sweep.study.under_way import UnderWay


class Driver:
    """Runs one study to its planned number of trials."""

    def __init__(self, sweep: UnderWay) -> None:
        self.sweep = sweep
        self._departures = Departures(sweep)
        self._arrivals = Arrivals(sweep)

    def run(self) -> str:
        """Run until the planned number of trials has ended, or as `study` says: until its
        `stop_when` or its `timeout`.

        Returns:
            Why it ended before all trials had, or an empty text.

        Raises:
            InterruptedSweepError: after a signal; what finished is kept, the rest waits.
            TrialFailedError: the first trial of the study raised an exception.
            ClrSweepError: three trials failed in a row, or the disk is full.
        """
        sweep = self.sweep
        ends_by = deadline(sweep.definition.study.timeout)
        try:
            # One start a turn: it takes a while to sample a trial and to store it, and what runs
            # meanwhile comes to the end of its epoch and waits.
            while self._goes_on(started := self._departures.start_next()):
                for event in sweep.engine.wait(timeout=0.0 if started else 0.5):
                    self._arrivals.handle(event)
                if sweep.stop:
                    raise sweep.stop.error()
                self._arrivals.end_overdue()
                if time.monotonic() >= ends_by:
                    return self._out_of_time()
        except BaseException as error:
            in_flight = len(sweep.flights)
            self._interrupt(hidden(str(error)))
            if isinstance(error, InterruptedSweepError):
                sweep.display.warn(sweep.standing(in_flight))
            raise
        if reason := self._departures.why_stopped:
            are = "is" if sweep.left == 1 else "are"
            sweep.display.say(f"{reason}; {sweep.left} of the trials planned {are} not begun")
        return reason

    def _goes_on(self, started: bool) -> bool:
        """Tell of what has ended; False when nothing runs and nothing is left to run."""
        sweep = self.sweep
        self._tell_of_ended()
        running = len(sweep.engine.running)
        if sweep.display.is_due(at_end=not running):
            sweep.display.update(sweep.reader.read(), running, sweep.background.missed)
        return started or bool(running) or self._departures.wait_for_room()

    def _tell_of_ended(self) -> None:
        sweep = self.sweep
        for record in sweep.ended:
            sweep.display.trial_ended(record, sweep.definition.objective.metric)
            sweep.background.trial_ended(record)
        if sweep.ended and sweep.background.is_refresh_due:
            began = time.monotonic()
            study = sweep.reader.read()
            sweep.background.refresh(study, time.monotonic() - began)
        sweep.ended.clear()

    def _out_of_time(self) -> str:
        sweep = self.sweep
        limit = duration(sweep.definition.study.timeout or 0)
        reason = (
            f"stopped by study.timeout after {limit}; {plural(sweep.left, 'trial')} "
            f"{have(sweep.left)} not ended"
        )
        for flight in tuple(sweep.flights.values()):
            sweep.background.trial_stopped(flight.record, "interrupted", reason)
        self._interrupt(reason)
        sweep.display.warn(reason)
        return reason

    def _interrupt(self, reason: str) -> None:
        """Stop what runs; it waits under its number and parameters for the next start."""
        self.sweep.engine.stop_all()
        for flight in self.sweep.flights.values():
            # A storage that takes no more is why it stops, perhaps; the next start mends it. So
            # does the process that has taken over the study.
            with contextlib.suppress(StorageInternalError, SQLAlchemyError, LockLostError):
                flight.put_back(reason)
        self.sweep.flights.clear()
        self._tell_of_ended()

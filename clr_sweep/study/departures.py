"""What starts: the study is asked for a trial, and a job trains it."""

from __future__ import annotations

from dataclasses import replace

from clr_sweep.search.attributes import BASELINE
from clr_sweep.search.configurations import baseline_config
from clr_sweep.search.enqueued_trials import EnqueuedTrialError
from clr_sweep.search.reading import read_baseline
from clr_sweep.search.sampling import Sampling, stored
from clr_sweep.study.flights import BaselineFlight, Flight, TrialFlight
from clr_sweep.study.under_way import UnderWay
from clr_sweep.training.comparison_records import FINALS
from clr_sweep.training.folder import TrialFolder
from clr_sweep.training.records import TrialRecord
from clr_sweep.training.requests import RUN_TRIAL, TrialJob


class Departures:
    """Starts what the engine has room for: the baseline first, then the trials that are left."""

    def __init__(self, sweep: UnderWay) -> None:
        self._sweep = sweep
        self._sampling = Sampling(
            sweep.study, sweep.definition, sweep.facts.train, sweep.folder, sweep.provenance
        )
        self._judged: tuple[tuple[int, int], str] = ((-1, -1), "")

    def start_next(self) -> bool:
        """Start one job, if one may start; False if none may.

        An enqueued trial that cannot be trained ends at once, said so.
        """
        if not self._sweep.engine.has_room:
            return False
        if self._baseline_is_due():
            self._start_baseline()
        elif self._trials_are_due():
            self._start_trial()
        else:
            return False
        return True

    def wait_for_room(self) -> bool:
        """Whether something is due that the engine has no room for."""
        due = self._baseline_is_due() or self._trials_are_due()
        return due and not self._sweep.engine.has_room

    def _trials_are_due(self) -> bool:
        flights = self._sweep.flights
        in_flight = len(flights) - (BASELINE in flights)
        is_left = self._sweep.left > in_flight and self._sampling.may_ask()
        return is_left and not self._is_stopped(in_flight)

    def _is_stopped(self, in_flight: int) -> bool:
        """Whether `study.stop_when` lets no further trial begin.

        Asked in each turn of the loop, it is looked up again where a trial has begun or ended.
        """
        state = (self._sweep.left, in_flight)
        if self._judged[0] != state:
            self._judged = (state, self._sampling.why_stopped())
        return bool(self._judged[1])

    @property
    def why_stopped(self) -> str:
        """Why `study.stop_when` let no further trial begin, as it was last asked, or empty."""
        return self._judged[1] if self._sweep.left else ""

    def _baseline_is_due(self) -> bool:
        return self._sweep.baseline_waits and BASELINE not in self._sweep.flights

    def _start_baseline(self) -> None:
        sweep = self._sweep
        record = read_baseline(sweep.study) or TrialRecord(
            kind="baseline",
            number=None,
            state="running",
            reason=None,
            config=baseline_config(sweep.definition, sweep.facts.train),
            folder=sweep.folder / BASELINE,
        )
        record = replace(record, provenance=sweep.provenance)  # that of this start
        limit = sweep.definition.study.trial_timeout
        self._start(BaselineFlight(sweep.study, record, limit))

    def _start_trial(self) -> None:
        sweep = self._sweep
        try:
            asked = self._sampling.ask()
        except EnqueuedTrialError as refused:
            sweep.display.warn(str(refused))
            sweep.left -= 1
            return
        record = sweep.reader.trial(stored(asked.trial))
        self._start(
            TrialFlight(
                sweep.study, record, sweep.definition.study.trial_timeout, asked,
                self._sampling.followed, sweep.reader, sweep.definition.objective.metric,
            )
        )  # fmt: skip

    def _start(self, flight: Flight) -> None:
        sweep, record = self._sweep, flight.record
        sweep.flights[record.key] = flight
        job = TrialJob(
            record.config,
            sweep.facts.stored,
            record.folder,
            sweep.search_path,
            record.kind,
            record.number,
            inspect=not sweep.background.has_started,
            with_test=record.seed_run is not None and record.seed_run.stage == FINALS,
        )
        sweep.engine.start(record.key, RUN_TRIAL, job, TrialFolder(record.folder).log_file)
        sweep.background.trial_started(record)

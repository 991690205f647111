"""A trial, or the baseline, while it is trained: what the study is told of it.

The baseline is no trial of the study's, since the sampler must not learn from it; it is stored
beside them, and the driver treats both alike.
"""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from dataclasses import replace

import optuna

from clr_sweep.search import writing as trials
from clr_sweep.search.known_trials import FollowedStudy
from clr_sweep.search.reading import StudyReader, read_baseline
from clr_sweep.search.sampling import Asked, stored
from clr_sweep.training.records import EpochReport, State, TrialRecord, TrialResult


class Flight(ABC):
    """Of either kind.

    Args:
        record: as it starts.
        limit: `study.trial_timeout`, in seconds; None for none. What the epochs of earlier
            attempts took counts.
    """

    def __init__(self, study: optuna.Study, record: TrialRecord, limit: float | None) -> None:
        self.record = record
        self._study = study
        taken = sum(report.wall_seconds for report in record.reports)
        self._ends_by = deadline(limit if limit is None else limit - taken)

    @property
    def is_overdue(self) -> bool:
        return time.monotonic() >= self._ends_by

    @abstractmethod
    def epoch(self, report: EpochReport) -> bool:
        """Store the end of an epoch; False if the trial is to be pruned."""

    @abstractmethod
    def ended(self, result: TrialResult) -> TrialRecord:
        """Store how it ended, and return it as it stands in the study then."""

    @abstractmethod
    def failed(self, reason: str) -> TrialRecord:
        """Store that it failed, and return it as it stands in the study then."""

    @abstractmethod
    def retried(self, reasons: tuple[str, ...]) -> None:
        """Store that it waits for its next attempt, and why the earlier ones ended."""

    @abstractmethod
    def put_back(self, reason: str) -> None:
        """Store that it waits for the next start."""


class TrialFlight(Flight):
    """A trial of the study.

    Args:
        asked: the trial as it was sampled.
        metric: the objective's.
    """

    def __init__(
        self,
        study: optuna.Study,
        record: TrialRecord,
        limit: float | None,
        asked: Asked,
        followed: FollowedStudy,
        reader: StudyReader,
        metric: str,
    ) -> None:
        super().__init__(study, record, limit)
        self._asked, self._followed, self._reader, self._metric = asked, followed, reader, metric

    def epoch(self, report: EpochReport) -> bool:
        value = report.metrics.get(self._metric)
        if value is None:
            return True
        trials.record_epoch(self._study, self._asked.trial, report.epoch, value)
        trial = stored(self._asked.trial)
        return not self._followed.is_to_be_pruned(trial, self._asked.seen)

    def ended(self, result: TrialResult) -> TrialRecord:
        trials.record_result(self._study, self._asked.trial, result)
        return self._as_stored()

    def failed(self, reason: str) -> TrialRecord:
        trials.record_failure(self._study, self._asked.trial, reason)
        return self._as_stored()

    def retried(self, reasons: tuple[str, ...]) -> None:
        trials.record_retry(self._study, self._asked.trial, list(reasons))
        self._followed.follow()

    def put_back(self, reason: str) -> None:  # noqa: ARG002 - Optuna keeps none of a waiting trial
        trials.put_back(self._study, self._asked.trial)

    def _as_stored(self) -> TrialRecord:
        return self._reader.trial(self._followed.follow()[self._asked.trial.number])


class BaselineFlight(Flight):
    """The baseline."""

    def __init__(self, study: optuna.Study, record: TrialRecord, limit: float | None) -> None:
        super().__init__(study, record, limit)
        self._store("running")

    def epoch(self, report: EpochReport) -> bool:  # noqa: ARG002 - it is never pruned
        return True

    def ended(self, result: TrialResult) -> TrialRecord:
        self._store(result.state, result.reason, result)
        return self._as_stored()

    def failed(self, reason: str) -> TrialRecord:
        self._store("failed", reason)
        return self._as_stored()

    def retried(self, reasons: tuple[str, ...]) -> None:
        self._store("interrupted", reasons[-1], retried=reasons)

    def put_back(self, reason: str) -> None:
        self._store("interrupted", reason)

    def _store(
        self,
        state: State,
        reason: str | None = None,
        result: TrialResult | None = None,
        retried: tuple[str, ...] = (),
    ) -> None:
        retried = retried or self.record.retried
        record = replace(self.record, state=state, reason=reason, retried=retried)
        trials.record_baseline(self._study, record, result)

    def _as_stored(self) -> TrialRecord:
        record = read_baseline(self._study)
        assert record is not None
        return record


def deadline(seconds: float | None) -> float:
    """The moment in so many seconds, on the monotonic clock; without a number it never comes."""
    return float("inf") if seconds is None else time.monotonic() + seconds

"""A trial, or the baseline, while it is trained: what the study is told of it.

The baseline is no trial of the study's, since the sampler must not learn from it; it is stored
beside them, and the driver treats both alike.
"""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from dataclasses import dataclass, replace

import optuna

from clr_sweep.search import writing as trials
from clr_sweep.search.known_trials import FollowedStudy
from clr_sweep.search.reading import StudyReader, read_baseline
from clr_sweep.search.sampling import Asked, stored
from clr_sweep.training.records import TrialRecord
from clr_sweep.training.reports import EpochReport, State, TrialResult


@dataclass(eq=False)
class Flight(ABC):
    """Of either kind.

    Args:
        record: as it starts.
        limit: `study.trial_timeout`, in seconds; None for none. What the epochs of earlier
            attempts took counts.
    """

    study: optuna.Study
    record: TrialRecord
    limit: float | None

    def __post_init__(self) -> None:
        taken = sum(report.wall_seconds for report in self.record.reports)
        self._ends_by = deadline(None if self.limit is None else self.limit - taken)

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


@dataclass(eq=False)
class TrialFlight(Flight):
    """A trial of the study.

    Args:
        asked: the trial as it was sampled.
        metric: the objective's.
    """

    asked: Asked
    followed: FollowedStudy
    reader: StudyReader
    metric: str

    def epoch(self, report: EpochReport) -> bool:
        value = report.metrics.get(self.metric)
        if value is None:
            return True
        trials.record_epoch(self.study, self.asked.trial, report.epoch, value)
        trial = stored(self.asked.trial)
        return not self.followed.is_to_be_pruned(trial, self.asked.seen)

    def ended(self, result: TrialResult) -> TrialRecord:
        trials.record_result(self.study, self.asked.trial, result)
        return self._as_stored()

    def failed(self, reason: str) -> TrialRecord:
        trials.record_failure(self.study, self.asked.trial, reason)
        return self._as_stored()

    def retried(self, reasons: tuple[str, ...]) -> None:
        trials.record_retry(self.study, self.asked.trial, list(reasons))
        self.followed.follow()

    def put_back(self, reason: str) -> None:  # noqa: ARG002 - Optuna keeps none of a waiting trial
        trials.put_back(self.study, self.asked.trial)

    def _as_stored(self) -> TrialRecord:
        return self.reader.trial(self.followed.follow()[self.asked.trial.number])


class BaselineFlight(Flight):
    """The baseline."""

    def __post_init__(self) -> None:
        super().__post_init__()
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
        trials.record_baseline(self.study, record, result)

    def _as_stored(self) -> TrialRecord:
        record = read_baseline(self.study)
        assert record is not None
        return record


def deadline(seconds: float | None) -> float:
    """The moment in so many seconds, on the monotonic clock; without a number it never comes."""
    return float("inf") if seconds is None else time.monotonic() + seconds

"""What a driver tells MLflow of a study, a tracker that fails, and what is right in the end."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import Any

from mlflow.exceptions import MlflowException
from mlflow.tracking import MlflowClient
from small_studies import SmallStudy

from clr_sweep.study.publishing import Publisher
from clr_sweep.training.folder import TrialFolder
from clr_sweep.training.records import TrialRecord


class Sweep:
    """The calls of a driver for the trials of a stored study, each with its folder written."""

    def __init__(self, study: SmallStudy, publisher: Publisher) -> None:
        self.study = study
        self.publisher = publisher

    def start(self, record: TrialRecord) -> None:
        self.publisher.trial_started(replace(record, reports=()))

    def epoch(self, record: TrialRecord, number: int) -> None:
        reports = TrialFolder(record.folder).reports()
        if number <= len(reports):
            self.publisher.epochs(record, [reports[number - 1]])

    def end(self, record: TrialRecord) -> None:
        self.publisher.trial_ended(record)
        self.publisher.refresh(self.study.record)

    def whole(self, record: TrialRecord) -> None:
        self.start(record)
        for number in (1, 2):
            self.epoch(record, number)
        self.end(record)


class Flaky:
    """A client of which some calls fail, before or after they were done."""

    def __init__(self, client: MlflowClient, seed: int) -> None:
        self._client = client
        self._random = random.Random(seed)
        self.failing = False
        self.failed = 0

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._client, name)
        if not callable(found):
            return found

        def call(*args: Any, **kwargs: Any) -> Any:
            drawn = self._random.random() if self.failing else 1.0
            if drawn < 0.1:
                self.failed += 1
                raise MlflowException("the server is away")
            value = found(*args, **kwargs)
            if drawn < 0.15:
                self.failed += 1
                raise MlflowException("its answer was lost")
            return value

        return call


def assert_nothing_is_wrong(study: SmallStudy, publisher: Publisher) -> None:
    """Every run once, whole, with every value once."""
    assert publisher.trial_runs.reconcile(study.record, mend=False) == []
    found = publisher.runs.children()
    assert sorted(found) == ["0", "1", "2", "3", "baseline"]
    assert {len(runs) for runs in found.values()} == {1}
    assert len(publisher.runs.parents()) == 1

"""What MLflow holds after it was away for a while, or refuses."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from mlflow.exceptions import MlflowException
from mlflow.protos.databricks_pb2 import PERMISSION_DENIED
from small_studies import SmallStudy
from told_sweep import Flaky, Sweep, assert_nothing_is_wrong

from clr_sweep.common.errors import StoreError
from clr_sweep.study.parent_run import publisher_of
from clr_sweep.tracking.link import Link
from clr_sweep.tracking.store import connect


@pytest.mark.heavy
@pytest.mark.parametrize("seed", range(4))
def test_calls_that_fail(study: SmallStudy, seed: int) -> None:
    """At any moment, done or not: in the end every run is whole, and nothing is there twice."""
    publisher = study.publisher()
    client = Flaky(publisher.runs.client, seed)
    publisher.runs.client = client  # type: ignore[assignment]
    sweep = Sweep(study, publisher)
    client.failing = True
    for record in study.record.all:
        sweep.whole(record)
    assert client.failed > 3
    assert publisher.link.missed
    client.failing = False
    assert publisher.finish(study.record)
    assert publisher.link.missed == 0
    assert_nothing_is_wrong(study, publisher)


def test_what_was_missed_is_made_up_for_at_once(study: SmallStudy) -> None:
    """By the first call after the tracker is back, not only at the end of the sweep."""
    publisher = study.publisher()
    client = Flaky(publisher.runs.client, 0)
    publisher.runs.client = client  # type: ignore[assignment]
    client._random.random = lambda: 0.0  # type: ignore[method-assign]
    sweep, records = Sweep(study, publisher), study.record.all
    client.failing = True
    for record in records[:3]:
        sweep.whole(record)
    assert publisher.link.away
    assert publisher.link.missed > 10
    client.failing = False
    sweep.whole(records[3])
    assert publisher.link.missed == 0
    sweep.whole(records[4])
    assert_nothing_is_wrong(study, publisher)


@pytest.mark.heavy
@pytest.mark.parametrize("calls", [0, 2, 9])
def test_a_tracker_that_is_away_when_the_runs_are_opened(study: SmallStudy, calls: int) -> None:
    """They are opened when it is back, however many calls the first attempts had made."""
    store = connect(f"sqlite:///{study.place / 'mlflow.db'}")
    publisher = publisher_of(study.study, store, Link(print))
    client = Flaky(publisher.runs.client, 0)
    publisher.runs.client = client  # type: ignore[assignment]
    client.failing = True
    at_start = replace(study.record, trials=(), baseline=None)
    opened: list[int] = []

    def opening() -> None:
        opened.append(len(opened))
        if len(opened) < 3:
            draws = iter([0.5] * calls + [0.0])
            client._random.random = draws.__next__  # type: ignore[method-assign]
        study.open_parent(publisher)
        publisher.reconcile(at_start)

    publisher.open(opening)
    assert publisher.link.away
    sweep, records = Sweep(study, publisher), study.record.all
    sweep.start(records[0])
    assert publisher.link.away
    client.failing = False
    for record in records:
        sweep.whole(record)
    assert opened == [0, 1, 2]
    assert publisher.link.missed == 0
    assert publisher.finish(study.record)
    assert_nothing_is_wrong(study, publisher)


def test_a_tracker_that_refuses_the_runs(study: SmallStudy) -> None:
    """It would refuse them again at every call: the sweep is told at once."""
    publisher = study.publisher()
    publisher.runs.client._tracking_client.tracking_uri = "https://me:s3cr3t@host"

    def opening() -> None:
        raise MlflowException("no permission\nat all", PERMISSION_DENIED)

    refused = "the MLflow store https://me:***@host refuses the sweep's runs: no permission"
    with pytest.raises(StoreError, match=f"{re.escape(refused)}$"):
        publisher.open(opening)


@pytest.mark.heavy
def test_a_sweep_that_ends_while_the_tracker_is_away(study: SmallStudy) -> None:
    """It is said that not all was told; the next start mends it."""
    publisher = study.publisher()
    client = Flaky(publisher.runs.client, 0)
    publisher.runs.client = client  # type: ignore[assignment]
    client._random.random = lambda: 0.0  # type: ignore[method-assign]
    client.failing = True
    for record in study.record.all:
        Sweep(study, publisher).whole(record)
    assert not publisher.finish(study.record)
    assert publisher.link.missed
    again = study.publisher()
    assert len(again.trial_runs.reconcile(study.record)) == 5
    again.conclude(study.record)
    assert_nothing_is_wrong(study, again)

"""Trials that MLflow is told of when they have ended already: their runs are as of others."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from small_studies import SmallStudy
from sqlalchemy import Engine
from statements import statements
from told_sweep import Flaky, Sweep, assert_nothing_is_wrong

from clr_sweep.study.publishing import Publisher
from clr_sweep.tracking import tags
from clr_sweep.tracking.link import Link
from clr_sweep.training.records import TrialRecord


def shown(publisher: Publisher, record: TrialRecord) -> dict[str, Any]:
    """All that a trial's run holds, but its own names and moments."""
    client, run_id = publisher.runs.client, publisher.run_id(record)
    assert run_id is not None
    run = client.get_run(run_id)
    assert run.inputs is not None
    assert run.outputs is not None
    return {
        "name": run.info.run_name,
        "status": run.info.status,
        "tags": {key: value for key, value in run.data.tags.items() if key != tags.PARENT},
        "is_below_the_sweep": run.data.tags[tags.PARENT] == publisher.runs.parent_id,
        "params": run.data.params,
        "values": {
            name: sorted((m.step, m.value) for m in client.get_metric_history(run_id, name))
            for name in run.data.metrics
        },
        "latest": run.data.metrics,
        "files": publisher.runs.files(run_id),
        "inputs": [one.dataset.to_dictionary() for one in run.inputs.dataset_inputs],
        "models": len(run.outputs.model_outputs),
    }


@pytest.mark.heavy
def test_their_runs_are_as_if_they_had_been_followed(study: SmallStudy) -> None:
    """To the last value, in whatever state they have ended; and as long as the training was."""
    followed, at_the_end = (
        study.publisher(uri=f"sqlite:///{study.place / name}.db") for name in ("mlflow", "other")
    )
    for record in study.record.all:
        Sweep(study, followed).whole(record)
        at_the_end.trial_ended(record)
        assert shown(at_the_end, record) == shown(followed, record)
        run_id = at_the_end.run_id(record)
        assert run_id is not None
        info = at_the_end.runs.client.get_run(run_id).info
        assert info.end_time - info.start_time >= 1000 * record.wall_seconds - 1
    assert at_the_end.link.missed == 0
    assert_nothing_is_wrong(study, at_the_end)


def test_one_that_an_earlier_attempt_was_told_of(study: SmallStudy) -> None:
    """What it had is completed, whether or not the start of its last attempt was told."""
    publisher = study.publisher()
    sweep, records = Sweep(study, publisher), study.record.all
    sweep.start(records[0])
    sweep.epoch(records[0], 1)
    publisher.trial_stopped(replace(records[0], reports=()), "interrupted", "it was killed")
    for record in records:
        publisher.trial_ended(record)
    assert_nothing_is_wrong(study, publisher)


@pytest.mark.heavy
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_calls_that_fail(study: SmallStudy, seed: int) -> None:
    """What a run lacks then is made up for, and nothing is there twice."""
    publisher = study.publisher(Link(lambda _: None))
    client = publisher.runs.client = Flaky(publisher.runs.client, seed)  # type: ignore[assignment]
    client.failing = True
    for record in study.record.all:
        publisher.trial_ended(record)
    assert client.failed
    client.failing = False
    assert publisher.finish(study.record)
    assert_nothing_is_wrong(study, publisher)


def test_they_cost_few_statements(study: SmallStudy) -> None:
    """Of a trial without a model, followed from start to end, and told when it had ended."""
    counts = []
    for name in ("mlflow", "other"):
        publisher = study.publisher(uri=f"sqlite:///{study.place / name}.db")
        *others, failed = study.record.trials
        publisher.trial_ended(others[0])  # after which the store knows the data set
        with statements(Engine) as said:
            if name == "mlflow":
                publisher.trial_started(replace(failed, reports=()))
                publisher.epochs(failed, failed.reports)
            publisher.trial_ended(failed)
        counts.append(len(said))
    assert counts == [73, 47]

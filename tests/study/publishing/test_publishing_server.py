"""A real MLflow server that is stopped and started again."""

from __future__ import annotations

import mlflow_servers
import pytest
from small_studies import SmallStudy
from told_sweep import Sweep, assert_nothing_is_wrong

from clr_sweep.tracking.link import Link


@pytest.mark.heavy
def test_a_server_that_is_stopped_and_started_again(
    study: SmallStudy, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In the middle of a trial: calls go on without it, and in the end it has everything once."""
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    for name, value in mlflow_servers.PATIENT.items():
        monkeypatch.setenv(name, value)
    with mlflow_servers.running() as server:
        said: list[str] = []
        publisher = study.publisher(Link(said.append), server.url)
        sweep, records = Sweep(study, publisher), study.record.all
        sweep.whole(records[0])
        sweep.start(records[1])
        sweep.epoch(records[1], 1)
        assert publisher.link.missed == 0
        server.kill()
        sweep.epoch(records[1], 2)
        sweep.end(records[1])
        sweep.start(records[2])
        sweep.epoch(records[2], 1)
        assert publisher.link.away
        assert "training goes on" in said[1]
        server.start()
        sweep.epoch(records[2], 2)
        assert not publisher.link.away
        sweep.end(records[2])
        sweep.whole(records[3])
        sweep.whole(records[4])
        assert publisher.link.missed == 0
        assert publisher.finish(study.record)
        assert_nothing_is_wrong(study, publisher)
        assert any(text.startswith("MLflow answers again") for text in said)

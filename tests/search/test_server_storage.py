"""A small study on a real PostgreSQL server and on a real MariaDB."""

from __future__ import annotations

import gc
import threading
from pathlib import Path

import pytest
from database_servers import Server
from optuna.exceptions import StorageInternalError
from small_studies import FACTS, begin, result, sweep

from clr_sweep.common.errors import StoreError
from clr_sweep.search import lost_connections, storage
from clr_sweep.search import writing as trials
from clr_sweep.search.reading import read_study

# PyMySQL leaves open the sockets of refused connections; they are collected in this module.
pytestmark = [
    pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]


def test_a_small_study(server: Server, tmp_path: Path) -> None:
    """Begun, interrupted, continued with the same parameters, and read."""
    made = sweep({"study.deterministic": True})
    store = storage.open_storage(server.url("small"))
    study = storage.open_study(store, made, "text", FACTS)
    first = begin(study, made, tmp_path)
    trials.record_epoch(study, first.trial, 1, 0.5)
    again = storage.open_study(store, made, "text", FACTS)
    assert trials.waiting_again(again) == [0]
    second = begin(again, made, tmp_path)
    assert (second.trial.params, second.config) == (first.trial.params, first.config)
    trials.record_epoch(again, second.trial, 1, 0.5)
    trials.record_result(again, second.trial, result())
    trials.record_progress(again, "complete", 1)
    record = read_study(storage.load_study(store, "example"))
    assert [(t.number, t.state, t.value) for t in record.trials] == [(0, "complete", 0.9)]
    assert record.state == "complete"
    store.engine.dispose()  # type: ignore[attr-defined]


@pytest.mark.heavy
def test_a_server_that_is_restarted(server: Server) -> None:
    """A sweep waits for it: what is read and written next is read and written when it is back."""
    store = storage.open_storage(server.url("restarted"))
    study = storage.open_study(store, sweep({}), "text", FACTS)
    server.stop()
    start = threading.Timer(1, server.start)
    start.start()
    study.set_user_attr("number", 1)
    start.join()
    gc.collect()
    assert study.user_attrs["number"] == 1
    store.engine.dispose()  # type: ignore[attr-defined]


@pytest.mark.heavy
def test_a_server_that_stays_away(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is not waited for for ever; one that never answered is not waited for at all."""
    url = server.url("away")
    store = storage.open_storage(url)
    study = storage.open_study(store, sweep({}), "text", FACTS)
    server.stop()
    try:
        with pytest.raises(StoreError, match="cannot be used"):
            storage.open_storage(url)
        monkeypatch.setattr(lost_connections, "AWAY_SECONDS", 0.0)
        with pytest.raises(StorageInternalError):
            study.set_user_attr("number", 1)
    finally:
        server.start()
        gc.collect()
    store.engine.dispose()  # type: ignore[attr-defined]

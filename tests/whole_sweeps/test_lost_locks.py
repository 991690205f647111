"""A sweep whose lock is lost on the way, on real servers: it goes on, or writes no more."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from database_servers import Server, running
from held_locks import HOLD, holding
from real_runs import Place
from sqlalchemy import text

pytestmark = pytest.mark.heavy


@pytest.fixture(scope="module", params=["postgresql", "mariadb"])
def server(request: pytest.FixtureRequest) -> Iterator[Server]:
    with running(request.param) as started:
        yield started


def rows(server: Server, database: str) -> dict[str, list[str]]:
    """All that Optuna has stored."""
    from optuna.storages._rdb.models import BaseModel

    with server.engine(database).connect() as connection:
        return {
            name: sorted(
                repr(tuple(row)) for row in connection.execute(text(f"SELECT * FROM {name}"))
            )
            for name in BaseModel.metadata.tables
        }


@pytest.mark.parametrize("loss", ["end_sessions", "restart"])
def test_it_goes_on(server: Server, places: Callable[[str], Place], loss: str) -> None:
    """The lock is taken again, that is said, and a second driver is kept out as before."""
    place = places("lost")
    url = server.url(f"on_{loss}")
    file = place.write_held_sweep(trials=1)
    sweep = place.start_held(file, "--storage", url)  # in the baseline
    getattr(server, loss)()
    place.hold(2)
    place.release(1)
    sweep.wait_until(lambda: place.trainings == 2, "the trial")
    assert "the lock of study 'tiny' was lost, and has been taken again" in sweep.output
    second = Place(place.folder / "second")
    second.write_held_sweep(trials=1)
    refused = second.sweep("run", "t.yaml", "--storage", url, status=2)
    assert "is run by another process" in refused.output
    place.release(2)
    assert sweep.wait() == 0, sweep.output


def test_another_process_has_taken_the_study(
    server: Server, places: Callable[[str], Place]
) -> None:
    """The first one ends in words at its next write; neither study nor MLflow hears of it."""
    place = places("lost")
    url = server.url("taken")
    file = place.write_held_sweep(trials=1)
    sweep = place.start_held(file, "--storage", url)
    told = "the first epoch of the baseline in MLflow"
    sweep.wait_until(lambda: any("val_loss" in run.data.metrics for run in place.runs()), told)
    server.end_sessions()
    with holding(HOLD, url, "tiny"):
        before = rows(server, "taken"), [run.to_dictionary() for run in place.runs()]
        place.release(1)
        assert sweep.wait() == 1, sweep.output
        assert "Traceback" not in sweep.output
        assert "another process holds it" in sweep.output
        assert "writes no more" in sweep.output
        after = rows(server, "taken"), [run.to_dictionary() for run in place.runs()]
    assert after == before
    place.sweep("run", str(file), "--storage", url, status=0)
    place.sweep("doctor", "--storage", url, status=0)

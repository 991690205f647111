"""A study's lock on a real PostgreSQL server and on a real MariaDB: kept, lost, taken again."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from typing import Any

import pytest
from database_servers import Server
from held_locks import HOLD, holding
from lost_moments import losing_a_new_connection
from small_studies import FACTS, sweep

from clr_sweep.common.errors import InputError, LockLostError
from clr_sweep.search import storage, storage_locks
from clr_sweep.search.one_driver import is_run, only_driver


@pytest.fixture(params=["end_sessions", "restart"])
def lose(request: pytest.FixtureRequest, server: Server) -> Callable[[], None]:
    """Takes a lock's connection away, each way that a server does."""
    way: Callable[[], None] = getattr(server, request.param)
    return way


def taken(url: str, study: str) -> None:
    """A lock may be taken, at the latest when the server has seen the end of a session."""
    for attempt in range(600):
        try:
            with only_driver(url, study):
                return
        except InputError:
            if attempt == 599:
                raise
            time.sleep(0.05)


@pytest.mark.heavy
def test_a_second_process_is_refused(server: Server) -> None:
    """Another study is not; the lock goes with the process, killed or not."""
    url = server.url()
    assert is_run(url, "mine") is False
    with holding(HOLD, url, "mine"):
        assert (is_run(url, "mine"), is_run(url, "other")) == (True, False)
        with pytest.raises(InputError, match=r"study 'mine' in .* is run by another"):  # noqa: SIM117
            with only_driver(url, "mine"):
                pytest.fail("there are two drivers")
        with only_driver(url, "other"):
            pass
    taken(url, "mine")


def test_studies_of_one_name_in_two_databases(server: Server) -> None:
    """They are two studies, on one server too; names may be long and odd."""
    name = 'it\'s "mine", ' + "x" * 200
    with (
        holding(HOLD, server.url(), name),
        only_driver(server.url("second"), name),
        pytest.raises(InputError),
        only_driver(server.url("second"), name),
    ):
        pytest.fail("there are two drivers")


def test_a_lost_lock_is_taken_again(server: Server, lose: Callable[[], None]) -> None:
    """Before the next write, and it is said; then nobody else gets in."""
    url, said = server.url("again"), list[str]()
    store = storage.open_storage(url)
    with only_driver(url, "example", said.append) as holder, holder.guarding(store):
        study = storage.open_study(store, sweep({}), "text", FACTS)
        holder.sign(study)
        for number in range(2):
            lose()
            study.set_user_attr("number", number)
            assert said == ["the lock of study 'example' was lost, and has been taken again"]
            said.clear()
            study.set_user_attr("number", number)
            assert said == []
            with pytest.raises(InputError), only_driver(url, "example"):
                pytest.fail("there are two drivers")
    assert study.user_attrs["number"] == 1
    taken(url, "example")
    store.engine.dispose()  # type: ignore[attr-defined]


@pytest.mark.parametrize("number", [1, 2, 3])
def test_a_connection_is_lost_again_while_the_lock_is_taken(server: Server, number: int) -> None:
    """The storage's own, that of the lock, and the one that asks for the last writer."""
    url, said = server.url("twice"), list[str]()
    store = storage.open_storage(url)
    with only_driver(url, "example", said.append) as holder, holder.guarding(store):
        study = storage.open_study(store, sweep({}), "text", FACTS)
        holder.sign(study)
        server.end_sessions()
        with losing_a_new_connection(server, number) as lost:
            study.set_user_attr("number", number)
        assert lost == [number]
        assert study.user_attrs["number"] == number
        assert set(said) == {"the lock of study 'example' was lost, and has been taken again"}
        with pytest.raises(InputError), only_driver(url, "example"):
            pytest.fail("there are two drivers")
    store.engine.dispose()  # type: ignore[attr-defined]


@pytest.mark.heavy
def test_a_lock_that_is_lost_before_its_holder_has_signed(
    server: Server, lose: Callable[[], None]
) -> None:
    """A study that another process has run before is no other's for that."""
    url = server.url("unsigned")
    for _ in range(2):
        store = storage.open_storage(url)
        with only_driver(url, "example") as holder, holder.guarding(store):
            lose()
            study = storage.open_study(store, sweep({}), "text", FACTS)
            lose()
            study.set_user_attr("number", 1)
            lose()
            holder.sign(study)
            lose()
            study.set_user_attr("number", 2)
        taken(url, "example")
        store.engine.dispose()  # type: ignore[attr-defined]


def test_a_server_that_has_not_noticed_the_loss(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It keeps the lock for a session that nobody speaks to any more, which is waited for."""
    url = server.url("ghost")
    store = storage.open_storage(url)
    with only_driver(url, "example") as holder, holder.guarding(store):
        study = storage.open_study(store, sweep({}), "text", FACTS)
        ghost = cut_off(holder._lock)
        slept = list[float]()

        def sleep(seconds: float) -> None:
            if not slept:
                os.close(ghost)
            slept.append(seconds)
            real(seconds)

        real = time.sleep
        monkeypatch.setattr(storage_locks.time, "sleep", sleep)
        study.set_user_attr("number", 1)
        monkeypatch.undo()
        assert slept
    assert study.user_attrs["number"] == 1
    store.engine.dispose()  # type: ignore[attr-defined]


def cut_off(lock: Any) -> int:
    """Take the socket away from under a lock's connection; the server's end goes on with it."""
    connection = lock._connection.connection.dbapi_connection
    file = getattr(connection, "_sock", connection).fileno()
    kept, nowhere = os.dup(file), os.open(os.devnull, os.O_RDWR)
    os.dup2(nowhere, file)
    os.close(nowhere)
    return kept


@pytest.mark.heavy
def test_another_process_has_it_meanwhile(server: Server, lose: Callable[[], None]) -> None:
    """The first holder writes nothing any more, now and when the other has gone."""
    url = server.url("meanwhile")
    store = storage.open_storage(url)
    with only_driver(url, "example") as holder, holder.guarding(store):
        study = storage.open_study(store, sweep({}), "text", FACTS)
        trial = study.ask()
        lose()
        with holding(HOLD, url, "example"):
            before = content(server, "meanwhile")
            for write in writes(study, trial):
                with pytest.raises(LockLostError, match=r"another process holds it .* writes no"):
                    write()
        with pytest.raises(LockLostError):
            study.set_user_attr("number", 1)
        assert content(server, "meanwhile") == before
        assert study.get_trials()[-1].number == trial.number  # it may be read
    store.engine.dispose()  # type: ignore[attr-defined]


def test_another_process_has_had_it(server: Server, lose: Callable[[], None]) -> None:
    """One that has written into the study and gone: what the first knows of it is out of date."""
    url = server.url("had")
    store, other = storage.open_storage(url), storage.open_storage(url)
    with only_driver(url, "example") as holder, holder.guarding(store):
        study = storage.open_study(store, sweep({}), "text", FACTS)
        holder.sign(study)
        lose()
        taken(url, "example")
        with only_driver(url, "example") as second, second.guarding(other):
            second.sign(storage.open_study(other, sweep({}), "text", FACTS))
        before = content(server, "had")
        for _ in range(2):
            with pytest.raises(LockLostError, match="has written into the study meanwhile"):
                study.set_user_attr("number", 1)
        assert content(server, "had") == before
    for opened in (store, other):
        opened.engine.dispose()  # type: ignore[attr-defined]


def writes(study: object, trial: object) -> list[Callable[[], object]]:
    """All ways in which Optuna writes into a storage that holds a study."""
    from optuna.distributions import FloatDistribution
    from optuna.study import StudyDirection
    from optuna.trial import TrialState

    kept, number, known = study._storage, study._study_id, trial._trial_id  # type: ignore[attr-defined]
    return [
        lambda: kept.create_new_study([StudyDirection.MINIMIZE], "another"),
        lambda: kept.set_study_user_attr(number, "number", 1),
        lambda: kept.set_study_system_attr(number, "number", 1),
        lambda: kept.create_new_trial(number),
        lambda: kept.set_trial_param(known, "x", 0.5, FloatDistribution(0, 1)),
        lambda: kept.set_trial_intermediate_value(known, 1, 0.5),
        lambda: kept.set_trial_user_attr(known, "number", 1),
        lambda: kept.set_trial_system_attr(known, "number", 1),
        lambda: kept.set_trial_state_values(known, TrialState.COMPLETE, [0.5]),
        lambda: kept.delete_study(number),
    ]


def content(server: Server, database: str) -> dict[str, list[tuple[object, ...]]]:
    """All rows of Optuna's tables."""
    from optuna.storages._rdb.models import BaseModel

    with server.engine(database).connect() as connection:
        return {
            name: sorted((tuple(row) for row in connection.execute(table.select())), key=repr)
            for name, table in BaseModel.metadata.tables.items()
        }

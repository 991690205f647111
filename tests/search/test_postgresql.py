"""PostgreSQL as the study's storage: which driver serves it, and what its sessions are told."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from database_servers import PostgreSQL, running
from own_process import python
from small_studies import FACTS, begin, result, sweep
from sqlalchemy import text
from sqlalchemy.engine import make_url

from clr_sweep.common.errors import StoreError
from clr_sweep.search import storage
from clr_sweep.search import writing as trials
from clr_sweep.search.one_driver import only_driver
from clr_sweep.search.postgresql import with_driver
from clr_sweep.search.reading import read_study

SECRET = "s3cr3t-of-mine"


@pytest.fixture(scope="module")
def server() -> Iterator[PostgreSQL]:
    with running("postgresql") as started:
        yield started


def by(url: str, driver: str) -> str:
    return make_url(url).set(drivername=driver).render_as_string(hide_password=False)


def without(folder: Path, *drivers: str) -> str:
    """A folder for PYTHONPATH where these packages cannot be imported."""
    for name in drivers:
        (folder / f"{name}.py").write_text(f"raise ImportError('there is no {name}')")
    return str(folder)


@pytest.mark.parametrize("driver", ["postgresql", "postgresql+psycopg", "postgresql+psycopg2"])
def test_a_small_study(server: PostgreSQL, tmp_path: Path, driver: str) -> None:
    """The same with either driver, and with an address that names none."""
    url, made = by(server.url(f"small {driver}"), driver), sweep({})
    store = storage.open_storage(url)
    with only_driver(url, "example") as holder, holder.guarding(store):
        study = storage.open_study(store, made, "text", FACTS)
        holder.sign(study)
        asked = begin(study, made, tmp_path)
        trials.record_epoch(study, asked.trial, 1, 0.5)
        trials.record_result(study, asked.trial, result())
    record = read_study(storage.load_study(store, "example"))
    assert [(t.number, t.state, t.value) for t in record.trials] == [(0, "complete", 0.9)]
    assert store.engine.url.drivername == (  # type: ignore[attr-defined]
        driver if "+" in driver else "postgresql+psycopg"
    )
    store.engine.dispose()  # type: ignore[attr-defined]


SERVES = """
import sys
from clr_sweep.search.postgresql import with_driver
print(with_driver(sys.argv[1]))
"""
OPENS = """
import sys
from clr_sweep.common.errors import StoreError
from clr_sweep.search.storage import open_storage
try:
    open_storage(sys.argv[1])
except StoreError as error:
    print(error)
"""


@pytest.mark.parametrize(
    ("missing", "expected"), [([], "psycopg"), (["psycopg"], "psycopg2"), (["psycopg2"], "psycopg")]
)
def test_the_driver_that_is_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, missing: list[str], expected: str
) -> None:
    """Whatever SQLAlchemy's release would choose; the rest of the address stays as it is."""
    monkeypatch.setenv("PYTHONPATH", without(tmp_path, *missing), prepend=":")
    rest = f"://me:{SECRET}%2F@host/x?application_name=a%20b"
    assert python("-c", SERVES, f"postgresql{rest}").stdout == f"postgresql+{expected}{rest}\n"


@pytest.mark.parametrize(
    ("kind", "missing", "reason"),
    [
        ("postgresql", ["psycopg", "psycopg2"], "no Python driver for PostgreSQL is installed: "),
        ("postgresql+psycopg", ["psycopg"], "is not installed (there is no psycopg): "),
    ],
)
def test_no_driver(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str, missing: list[str], reason: str
) -> None:
    """The cure is named, and no password."""
    monkeypatch.setenv("PYTHONPATH", without(tmp_path, *missing), prepend=":")
    said = python("-c", OPENS, f"{kind}://me:{SECRET}@127.0.0.1:1/x").stdout
    assert said.startswith(f"the study storage {kind}://me:***@127.0.0.1:1/x cannot be used: ")
    assert said.endswith(f"{reason}pip install 'clr-sweep[postgresql]'\n")
    assert SECRET not in said


@pytest.mark.parametrize(
    "url", ["sqlite:///optuna.db", "postgresql+pg8000://h/x", "postgresqlx://h/x", "mysql://h/x"]
)
def test_other_addresses_stay(url: str) -> None:
    """A driver that is named is the one that is meant."""
    assert with_driver(url) == url


@pytest.mark.parametrize("driver", ["postgresql+psycopg", "postgresql+psycopg2"])
def test_errors_name_no_password(driver: str) -> None:
    """Whatever a driver repeats of what it was given."""
    for url in (
        f"{driver}://me:{SECRET}@127.0.0.1:1/x",
        f"{driver}://127.0.0.1:1/x?password={SECRET}",
    ):
        with pytest.raises(StoreError, match="cannot be used") as error:
            storage.open_storage(url)
        assert SECRET not in str(error.value)


KEEPALIVES = {"idle": "10", "interval": "5", "count": "4"}


@pytest.mark.heavy
@pytest.mark.parametrize("driver", ["postgresql+psycopg", "postgresql+psycopg2"])
def test_a_machine_that_is_gone_is_noticed(server: PostgreSQL, driver: str) -> None:
    """By the sessions of storage and lock, as the server itself has it, and for good."""
    url = by(server.tcp_url("tcp"), driver)
    store = storage.open_storage(url)
    with only_driver(url, "mine") as holder:
        sessions = [store.engine, holder._lock._connection]  # type: ignore[attr-defined]
        for session in sessions:
            for _ in range(2):  # a transaction that is rolled back takes no setting along
                found = {name: setting(session, name) for name in KEEPALIVES}
                assert found == KEEPALIVES
    store.engine.dispose()  # type: ignore[attr-defined]


def setting(session: object, name: str) -> str:
    """What the socket of a session has been told."""
    asked = text(f"SHOW tcp_keepalives_{name}")
    if hasattr(session, "execute"):
        return str(session.execute(asked).scalar())
    with session.connect() as connection:  # type: ignore[attr-defined]
        found = str(connection.execute(asked).scalar())
        connection.rollback()
    return found

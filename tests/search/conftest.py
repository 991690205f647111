"""A study storage for each test, and real database servers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import optuna
import pytest
from database_servers import Server, running
from small_studies import FACTS, begin
from written_sweeps import sweep

from clr_sweep.search import storage
from clr_sweep.search.sampling import Asked


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'optuna.db'}"


@pytest.fixture
def opened(url: str) -> Iterator[optuna.storages.BaseStorage]:
    store = storage.open_storage(url)
    yield store
    store.engine.dispose()  # type: ignore[attr-defined]


@pytest.fixture
def study(opened: optuna.storages.BaseStorage) -> optuna.Study:
    """The study of an unchanged sweep, begun."""
    return storage.open_study(opened, sweep(), "", FACTS)


@pytest.fixture
def ask(study: optuna.Study, tmp_path: Path) -> Callable[[], Asked]:
    """Asks it for a trial, as a driver does that has just started."""
    return lambda: begin(study, sweep(), tmp_path)


@pytest.fixture(
    scope="session", params=["postgresql", pytest.param("mariadb", marks=pytest.mark.heavy)]
)
def server(request: pytest.FixtureRequest) -> Iterator[Server]:
    """A real server of each kind; a test has a database of its own there."""
    with running(request.param) as started:
        yield started

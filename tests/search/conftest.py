"""A study storage for each test, and real database servers."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import optuna
import pytest
from database_servers import Server, running

from clr_sweep.search import storage


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'optuna.db'}"


@pytest.fixture
def opened(url: str) -> Iterator[optuna.storages.BaseStorage]:
    store = storage.open_storage(url)
    yield store
    store.engine.dispose()  # type: ignore[attr-defined]


@pytest.fixture(scope="session", params=["postgresql", "mariadb"])
def server(request: pytest.FixtureRequest) -> Iterator[Server]:
    """A real server of each kind; a test has a database of its own there."""
    with running(request.param) as started:
        yield started

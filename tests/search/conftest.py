"""A study storage for each test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import optuna
import pytest

from clr_sweep.search import storage


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'optuna.db'}"


@pytest.fixture
def opened(url: str) -> Iterator[optuna.storages.BaseStorage]:
    store = storage.open_storage(url)
    yield store
    store.engine.dispose()  # type: ignore[attr-defined]

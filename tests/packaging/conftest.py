"""Processes that run pieces of code, each as the first of its process."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from import_pieces import MODEL, Forks, Run


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty folder, outside of the project, in which all of them run."""
    return tmp_path_factory.mktemp("elsewhere")


@pytest.fixture(scope="module")
def run(folder: Path) -> Iterator[Run]:
    """Runs code in a fresh process, on the backend that imports the least."""
    forks = Forks(folder, "keras", KERAS_BACKEND="jax")
    forks.run(MODEL)
    yield forks.run
    forks.close()


@pytest.fixture(scope="module")
def library(folder: Path) -> Iterator[Run]:
    """Runs code in a fresh process, in which what the driver imports comes fast."""
    forks = Forks(folder, "clr_sweep.study.stages")
    yield forks.run
    forks.close()

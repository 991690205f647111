"""A study that has ended, of which each test tells MLflow."""

from __future__ import annotations

from pathlib import Path

import pytest
from small_studies import SmallStudy, copied

from clr_sweep.search.writing import record_progress
from clr_sweep.tracking import link
from clr_sweep.tracking.store import connect


@pytest.fixture(scope="session")
def ended(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A study that has ended, of which MLflow has been told nothing."""
    folder = tmp_path_factory.mktemp("ended")
    study = SmallStudy(folder).whole("complete", "complete", "pruned", "failed")
    record_progress(study.study, "complete", 4)
    connect(f"sqlite:///{folder / 'mlflow.db'}")
    return folder


@pytest.fixture
def study(ended: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SmallStudy:
    """A copy of it, in the current folder; a tracker that is away is tried at every call."""
    copied(ended, tmp_path / "copy")
    monkeypatch.chdir(tmp_path / "copy")
    monkeypatch.setattr(link, "FIRST_PAUSE", 0.0)
    monkeypatch.setattr(link, "LONGEST_PAUSE", 0.0)
    return SmallStudy(tmp_path / "copy")

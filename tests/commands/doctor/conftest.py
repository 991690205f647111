"""A finished study that each test may spoil."""

from __future__ import annotations

from pathlib import Path

import pytest
from small_studies import SmallStudy, copied
from whole_study import Whole


@pytest.fixture(scope="module")
def finished_study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A study of two complete trials, a pruned one and a baseline."""
    folder = tmp_path_factory.mktemp("finished")
    with pytest.MonkeyPatch.context() as patched:
        patched.chdir(folder)
        SmallStudy(folder).whole("complete", "complete", "pruned").finish()
    return folder


@pytest.fixture
def whole(finished_study: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Whole:
    """A copy of it, which is the current folder."""
    for name in ("MLFLOW_EXPERIMENT_NAME", "MLFLOW_EXPERIMENT_ID"):
        monkeypatch.delenv(name, raising=False)
    folder = tmp_path / "copy"
    copied(finished_study, folder)
    monkeypatch.chdir(folder)
    # MLflow keeps a store open under its URI, and a relative one would be another test's.
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{folder / 'mlflow.db'}")
    return Whole(folder)

"""A folder with two studies, one of them with what a comparison made, and copies to spoil."""

from __future__ import annotations

from pathlib import Path

import pytest
from small_studies import SmallStudy, copied

from clr_sweep.search.attributes import FACTS
from clr_sweep.study.part import SEARCH


@pytest.fixture(scope="session")
def two_studies(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`example` with trials of all kinds, a rival's search of it, and `other`."""
    folder = tmp_path_factory.mktemp("two")
    with pytest.MonkeyPatch.context() as patched:
        patched.chdir(folder)
        study = SmallStudy(folder)
        study.whole("complete", "complete", "pruned", "diverged", "failed").finish()
        SmallStudy(folder, "other").whole("complete").finish()
        rival = SmallStudy(folder, "example.constant")
        rival.add("complete")
        rival.finish()
        facts = rival.study.user_attrs[FACTS]
        rival.study.set_user_attr(FACTS, {**facts, **SEARCH.facts})
    return folder


@pytest.fixture
def place(two_studies: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of it, which is the current folder."""
    folder = tmp_path / "copy"
    copied(two_studies, folder)
    monkeypatch.chdir(folder)
    # MLflow keeps a store open under its URI, and a relative one would be another test's.
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{folder / 'mlflow.db'}")
    return folder

"""A folder with two studies, one of them with what a comparison made, and copies to spoil."""

from __future__ import annotations

from pathlib import Path

import pytest
from small_studies import SmallStudy, copied

from clr_sweep.search.attributes import FACTS


@pytest.fixture(scope="session")
def two_studies(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`example` with trials of all kinds, a rival's search of it, and `other`."""
    folder = tmp_path_factory.mktemp("two")
    with pytest.MonkeyPatch.context() as patched:
        patched.chdir(folder)
        study = SmallStudy(folder)
        for state in ("complete", "complete", "pruned", "diverged", "failed"):
            study.add(state)  # type: ignore[arg-type]
        study.add_baseline()
        study.test_best()
        study.finish()
        for name in ("example.constant", "other"):
            more = SmallStudy(folder, name)
            more.add("complete")
            if name == "other":
                more.add_baseline()
                more.test_best()
            more.finish()
            facts = more.study.user_attrs[FACTS]
            more.study.set_user_attr(FACTS, {**facts, "is_tested": name == "other"})
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

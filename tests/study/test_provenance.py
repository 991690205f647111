"""Where a result comes from, asked of real repositories."""

from __future__ import annotations

import importlib.metadata
import platform
import subprocess
from pathlib import Path

import pytest

from clr_sweep.study import provenance as module
from clr_sweep.study.provenance import provenance


@pytest.fixture(autouse=True)
def _git_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Git that knows neither the user's settings nor a repository above."""
    for name in ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", "/dev/null")
    monkeypatch.setenv("GIT_CONFIG_SYSTEM", "/dev/null")
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))


def git(folder: Path, *arguments: str) -> str:
    """Run git there."""
    who = ("-c", "user.name=A", "-c", "user.email=a@example.org")
    done = subprocess.run(
        ["git", *who, *arguments], cwd=folder, capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A repository with one commit and nothing changed since."""
    git(tmp_path, "init", "-q")
    (tmp_path / "sweep.yaml").write_text("name: a\n")
    (tmp_path / "sub").mkdir()
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-q", "-m", "begin")
    return tmp_path


def test_the_commit(repository: Path) -> None:
    """The commit of the repository that the folder lies in, at any depth."""
    commit = git(repository, "rev-parse", "HEAD")
    for folder in (repository, repository / "sub"):
        found = provenance(folder)
        assert (found["git_commit"], found["git_dirty"]) == (commit, False)


@pytest.mark.parametrize("change", ["modified", "new", "staged"])
def test_changes_since(repository: Path, change: str) -> None:
    """A change that no commit holds is told, wherever it lies and whatever it is."""
    (repository / ("new.py" if change == "new" else "sweep.yaml")).write_text("name: b\n")
    if change == "staged":
        git(repository, "add", ".")
    found = provenance(repository / "sub")
    assert found["git_commit"] == git(repository, "rev-parse", "HEAD")
    assert found["git_dirty"] is True


def test_no_commit(tmp_path: Path) -> None:
    """Outside a repository, in one without a commit, in a folder that is not there."""
    outside = provenance(tmp_path)
    assert (outside["git_commit"], outside["git_dirty"]) == (None, None)
    git(tmp_path, "init", "-q")
    empty = provenance(tmp_path)
    assert (empty["git_commit"], empty["git_dirty"]) == (None, None)
    assert provenance(tmp_path / "not there")["git_commit"] is None


def test_no_git(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine without git."""
    monkeypatch.setenv("PATH", str(repository))
    assert provenance(repository)["git_commit"] is None


def test_versions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Those of the packages that are installed; None for one that is not."""
    monkeypatch.setattr(module, "PACKAGES", (*module.PACKAGES, "not-an-installed-package"))
    found = provenance(tmp_path)
    assert found["python"] == platform.python_version()
    packages = found["packages"]
    assert isinstance(packages, dict)
    assert packages.pop("not-an-installed-package") is None
    assert {"tensorflow", "keras", "optuna", "mlflow", "numpy"} <= set(packages)
    assert packages["numpy"] == importlib.metadata.version("numpy")

"""A study's folder that was copied or moved: `doctor` works on the one that it is run in alone."""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path

import pytest
from real_runs import Place
from small_studies import copied, text_of


@pytest.fixture
def original(finished_study: Path, tmp_path: Path) -> Path:
    """The study's folder: the one that is copied."""
    folder = tmp_path / "original"
    # Renamed paths: as if it had been made here.
    copied(finished_study, folder)
    return folder


def run(folder: Path, *arguments: str) -> tuple[int, str]:
    """Exit status and output of `clr-sweep ...` in a process of its own, in a folder."""
    done = Place(folder).sweep(*arguments)
    output = done.output
    done.output_file.unlink()
    return done.wait(), output


def state(folder: Path) -> dict[str, str]:
    """All that is stored in a folder: times of change too, so that a write leaves a trace."""
    files = {
        str(file.relative_to(folder)): f"{file.stat().st_mtime_ns} "
        + hashlib.sha256(file.read_bytes()).hexdigest()
        for file in sorted(folder.rglob("*"))
        if file.is_file()
    }
    folders = [str(item) for item in sorted(folder.rglob("*")) if item.is_dir()]
    return {**files, "folders": "\n".join(folders)}


def damage(folder: Path) -> None:
    """Take away a figure of the sweep's run, the best configuration and a whole run's files."""
    (figure,) = folder.glob("mlruns/*/*/artifacts/figures/history.png")
    figure.unlink()
    (folder / "trials" / "example" / "best.yaml").unlink()
    for config in folder.glob("mlruns/*/*/artifacts/config.yaml"):
        config.unlink()


@pytest.mark.heavy
def test_mending_a_copy_leaves_the_original_alone(original: Path, tmp_path: Path) -> None:
    """Neither its files nor its databases are touched; the copy has all again."""
    copy = tmp_path / "copy"
    shutil.copytree(original, copy)
    damage(copy)
    before = state(original)
    code, output = run(copy, "doctor")
    assert code == 1
    assert f"was moved or copied here from {original}" in output
    for _ in range(2):
        code, output = run(copy, "doctor", "--fix")
        assert code == 0, output
    assert output == "study example: all is well\n"
    assert (copy / "trials" / "example" / "best.yaml").is_file()
    assert len(list(copy.glob("mlruns/*/*/artifacts/figures/history.png"))) == 1
    assert state(original) == before
    for database in ("mlflow.db", "optuna.db"):
        assert str(original) not in text_of(copy / database)
    # The original is well, too, and says nothing of a copy.
    assert run(original, "doctor") == (0, "study example: all is well\n")


@pytest.mark.heavy
def test_a_moved_folder(original: Path, tmp_path: Path) -> None:
    """All that was in it is found where it is now, by its run's number too."""
    moved = tmp_path / "moved"
    original.rename(moved)
    assert run(moved, "doctor")[0] == 1
    code, output = run(moved, "doctor", "--fix")
    assert code == 0, output
    assert "(mended)" in output
    assert not original.exists()
    assert run(moved, "doctor") == (0, "study example: all is well\n")
    (history,) = moved.glob("mlruns/*/*/artifacts/figures/history.png")
    code, exported = run(moved, "export", history.parents[2].name)
    assert code == 0, exported
    assert exported == (moved / "trials" / "example" / "best.yaml").read_text()
    assert not original.exists()

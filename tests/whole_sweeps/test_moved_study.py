"""A sweep's folder that was copied, and a storage without its folders: what `run` does and says."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from real_runs import Place

pytestmark = pytest.mark.heavy


def digests(folder: Path) -> dict[str, str]:
    """Every file below a folder, by its content."""
    return {
        str(file.relative_to(folder)): hashlib.sha256(file.read_bytes()).hexdigest()
        for file in sorted(folder.rglob("*"))
        if file.is_file()
    }


def copy(place: Place, places: Callable[[str], Place], *left_out: str) -> Place:
    """A place with copies of all files but those of these names."""
    made = places("copied")
    shutil.copytree(
        place.folder, made.folder, dirs_exist_ok=True, ignore=shutil.ignore_patterns(*left_out)
    )
    return made


def test_it_goes_on_in_a_copy(finished: Place, places: Callable[[str], Place]) -> None:
    """One more trial is trained there, and the original is not touched."""
    before = digests(finished.folder)
    copied = copy(finished, places)
    done = copied.sweep("run", "t.yaml", "--trials", "3", status=0)
    assert "lost" not in done.output
    assert (copied.folder / "trials" / "tiny" / "0002" / "model.keras").exists()
    copied.sweep("doctor", status=0)
    assert digests(finished.folder) == before


def test_what_is_lost_is_said(finished: Place, places: Callable[[str], Place]) -> None:
    """At each start, until it is there again."""
    copied = copy(finished, places, "trials")
    for _ in range(2):
        done = copied.sweep("run", "t.yaml", status=0)
        where = copied.folder / "trials" / "tiny"
        assert f"lost: baseline, trial 0, trial 1: not in {where}" in done.output
    shutil.copytree(finished.folder / "trials", copied.folder / "trials", dirs_exist_ok=True)
    done = copied.sweep("run", "t.yaml")
    assert "found again: what baseline, trial 0, trial 1 left" in done.output
    assert "lost" not in copied.sweep("run", "t.yaml").output

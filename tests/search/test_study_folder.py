"""A study's folder: one driver at a time, and nothing left behind by one that was killed."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from held_locks import holding

from clr_sweep.common.errors import InputError, StoreError
from clr_sweep.search.study_folder import (
    left_behind,
    only_driver_here,
    refuse_trials_of_another,
    work_folder,
    write_best,
)

HOLD = """
import sys
from pathlib import Path
from clr_sweep.search.study_folder import only_driver_here, work_folder
folder = Path(sys.argv[1])
with only_driver_here(folder, "mine"), work_folder(folder) as work:
    (work / "data.npy").write_bytes(b"data")
    print("held", flush=True)
    sys.stdin.readline()
"""


def test_a_second_process_is_refused_until_the_first_is_gone(tmp_path: Path) -> None:
    """Which process runs it is said; SIGKILL leaves data there, and the next start removes it."""
    folder = tmp_path / "trials" / "mine"
    with (
        holding(HOLD, str(folder)) as process,
        pytest.raises(InputError, match=rf"'mine' is run by another.*\(process {process.pid}\)"),
        only_driver_here(folder, "mine"),
    ):
        pytest.fail("there are two drivers")
    (left,) = left_behind(folder)
    assert (left / "data.npy").exists()
    with only_driver_here(folder, "mine"):
        assert (folder / "driver.lock").read_text() == f"process {os.getpid()}\n"
        with work_folder(folder) as work:
            assert left_behind(folder) == [work]
            assert not left.exists()
    assert left_behind(folder) == []


def test_trials_of_another_study_are_kept(tmp_path: Path) -> None:
    """What a range test or a start without a trial left is no reason; a trial or baseline is."""
    for name in ("work-abc", "range_test"):
        (tmp_path / name).mkdir()
    for name in ("driver.lock", "range_test.yaml", "best.yaml"):
        (tmp_path / name).touch()
    refuse_trials_of_another(tmp_path, "mine")
    for name, shown in (("baseline", "baseline"), ("0000", "0000, ...")):
        (tmp_path / name).mkdir()
        with pytest.raises(
            InputError, match=rf"'mine' .* but {tmp_path} holds .*\({shown}\), .*--s"
        ):
            refuse_trials_of_another(tmp_path, "mine")


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    """It is named."""
    (tmp_path / "trials").write_text("a file")
    with (
        pytest.raises(StoreError, match=r"trials/mine cannot be written"),
        only_driver_here(tmp_path / "trials" / "mine", "mine"),
    ):
        pytest.fail("there is no such folder")


def test_the_work_folder_goes_after_an_error_too(tmp_path: Path) -> None:
    """With all that is in it."""
    with pytest.raises(KeyError), work_folder(tmp_path) as work:  # noqa: PT012
        (work / "data.npy").write_bytes(b"data")
        raise KeyError
    assert list(tmp_path.iterdir()) == []


def test_the_best_configuration_is_written_whole(tmp_path: Path) -> None:
    """In place of the one before; nothing else is left there."""
    for text in ("first: 1\n", "second: é\n"):
        write_best(tmp_path, text)
        assert (tmp_path / "best.yaml").read_text(encoding="utf-8") == text
    assert [file.name for file in tmp_path.iterdir()] == ["best.yaml"]
    with pytest.raises(StoreError, match=r"best\.yaml cannot be written"):
        write_best(tmp_path / "no", "x")

"""Files that are whole or not there, and a disk without space."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest
from own_process import python

from clr_sweep.common.errors import DiskFullError
from clr_sweep.training.durable import (
    append_text,
    named_when_full,
    part_files,
    replaced,
    write_text,
)


class Killed(BaseException):
    """Stands for the end of the process."""


def write_half(file: Path, error: BaseException) -> None:
    """Write a part of a file, and no more."""
    with replaced(file) as part:
        part.write_text("half")
        raise error


def test_a_text_is_put_in_place_and_added_to(tmp_path: Path) -> None:
    """Nothing but the file is left."""
    file = tmp_path / "a.json"
    write_text(file, "eins\n")
    append_text(file, "zwölf\n")
    assert file.read_text(encoding="utf-8") == "eins\nzwölf\n"
    write_text(file, "one")
    assert file.read_text() == "one"
    assert list(tmp_path.iterdir()) == [file]


def test_the_content_is_on_the_disk_before_the_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The part is synced, then renamed, then the folder is synced."""
    done: list[str] = []
    sync, replace = os.fsync, os.replace

    def synced(handle: int) -> None:
        done.append(f"sync {Path(os.readlink(f'/proc/self/fd/{handle}')).name}")
        sync(handle)

    def renamed(part: Path, file: Path) -> None:
        done.append(f"rename {part.name} {file.name}")
        replace(part, file)

    monkeypatch.setattr(os, "fsync", synced)
    monkeypatch.setattr(os, "replace", renamed)
    write_text(tmp_path / "a.json", "text")
    append_text(tmp_path / "a.json", "more")
    assert done == [
        "sync a.part.json",
        "rename a.part.json a.json",
        f"sync {tmp_path.name}",
        "sync a.json",
    ]


def test_an_error_leaves_the_old_and_no_part(tmp_path: Path) -> None:
    """What cannot be written whole is not written."""
    file = tmp_path / "a.json"
    write_text(file, "old")
    with pytest.raises(RuntimeError):
        write_half(file, RuntimeError())
    assert file.read_text() == "old"
    assert list(tmp_path.iterdir()) == [file]


def test_what_a_killed_process_leaves(tmp_path: Path) -> None:
    """Its part files are found, and nothing else is taken for one."""
    file = tmp_path / "model.keras"
    with pytest.raises(Killed):
        write_half(file, Killed())
    assert not file.exists()
    left = ["curve.part.npz", "part.keras", "result.json.part", "tmpx8nuqhsp"]
    for name in (*left, "config.json", "log.txt", "departed.keras", "lock"):
        (tmp_path / name).write_text("")
    assert [found.name for found in part_files(tmp_path)] == sorted([*left, "model.part.keras"])


@pytest.mark.parametrize(
    ("number", "cure"),
    [
        (errno.ENOSPC, "free some space"),
        (errno.EDQUOT, "free some space"),
        (errno.EFBIG, "raise the limit on the size of a file"),
    ],
)
def test_a_full_disk_is_named(tmp_path: Path, number: int, cure: str) -> None:
    """With the file and what to do; a quota is a disk of one's own, a limit a disk for one file."""
    with pytest.raises(DiskFullError) as caught, named_when_full(tmp_path / "f"):
        raise OSError(number, "as h5py words it")
    assert caught.value.exit_status == 1
    assert str(caught.value) == (
        f"{tmp_path / 'f'}: cannot be written: {os.strerror(number)}; {cure} and start "
        f"the same command again: it goes on from here"
    )


def test_other_errors_pass(tmp_path: Path) -> None:
    """They have another cure."""
    with pytest.raises(PermissionError), named_when_full(tmp_path / "f"):
        raise PermissionError(errno.EACCES, "no")


def test_a_real_full_device(tmp_path: Path) -> None:
    """The error that the system gives; the part is gone and the old file is there."""
    file = tmp_path / "a.json"
    write_text(file, "old")
    (tmp_path / "a.part.json").symlink_to("/dev/full")
    with pytest.raises(DiskFullError, match=r"a\.json: cannot be written: No space left"):
        write_text(file, "new")
    assert list(tmp_path.iterdir()) == [file]
    assert file.read_text() == "old"
    (tmp_path / "full.jsonl").symlink_to("/dev/full")
    with pytest.raises(DiskFullError, match=r"full\.jsonl: cannot be written: No space left"):
        append_text(tmp_path / "full.jsonl", "more")


def test_a_real_limit_on_the_size_of_a_file(tmp_path: Path) -> None:
    """As `ulimit -f` sets it: the system's signal ends nobody, and the old file is there."""
    code = """
import resource, sys
from pathlib import Path
from clr_sweep.common.errors import DiskFullError
from clr_sweep.training.durable import write_text
file = Path(sys.argv[1])
write_text(file, "old")
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
try:
    write_text(file, 2000 * "x")
except DiskFullError as error:
    print(error)
"""
    file = tmp_path / "a.json"
    done = python("-c", code, file)
    assert done.stdout.startswith(f"{file}: cannot be written: File too large; raise the limit")
    assert file.read_text() == "old"

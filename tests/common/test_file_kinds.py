"""Where a file is needed and something else is there: said at once, never waited for."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from pathlib import Path

import pytest
from own_process import python

from clr_sweep.common.errors import DataError, InputError, StoreError
from clr_sweep.common.file_kinds import other_than_file
from clr_sweep.definition.yaml_file import read_mapping
from clr_sweep.search.storage import open_storage
from clr_sweep.tracking.store import connect
from clr_sweep.training.data.npz import find_npz

KINDS = [("a folder", Path.mkdir), ("a named pipe (FIFO)", os.mkfifo)]
each_kind = pytest.mark.parametrize(("name", "make"), KINDS, ids=["folder", "pipe"])


def test_kinds(tmp_path: Path) -> None:
    """Each is named; a file and nothing at all are no other kind."""
    assert other_than_file(tmp_path) == "a folder"
    os.mkfifo(tmp_path / "pipe")
    assert other_than_file(tmp_path / "pipe") == "a named pipe (FIFO)"
    with socket.socket(socket.AF_UNIX) as opened:
        opened.bind(str(tmp_path / "s"))
        assert other_than_file(tmp_path / "s") == "a socket"
    assert other_than_file(Path("/dev/zero")) == "a device"
    (tmp_path / "file").touch()
    assert other_than_file(tmp_path / "file") == ""
    assert other_than_file(tmp_path / "nothing") == ""


@each_kind
def test_data(tmp_path: Path, name: str, make: Callable[[Path], None]) -> None:
    """It is not asked whether its own name was meant."""
    make(tmp_path / "data.npz")
    with pytest.raises(DataError) as caught:
        find_npz("data.npz", [tmp_path])
    assert str(caught.value) == f"{tmp_path / 'data.npz'}: must be an .npz file, got {name}"


@each_kind
def test_a_sweep_file(tmp_path: Path, name: str, make: Callable[[Path], None]) -> None:
    """A configuration for `train` is read in the same way."""
    make(tmp_path / "sweep.yaml")
    with pytest.raises(InputError, match="must be a YAML file, got ") as caught:
        read_mapping(tmp_path / "sweep.yaml")
    assert name in str(caught.value)


@each_kind
def test_databases(tmp_path: Path, name: str, make: Callable[[Path], None]) -> None:
    """Neither the study's storage nor MLflow's store."""
    make(tmp_path / "some.db")
    for opened in (open_storage, connect):
        with pytest.raises(StoreError) as caught:
            opened(f"sqlite:///{tmp_path / 'some.db'}")
        assert f"is {name}, not a file: name another" in str(caught.value)


def test_the_command_does_not_wait(tmp_path: Path) -> None:
    """Nobody will ever write into this pipe."""
    os.mkfifo(tmp_path / "sweep.yaml")
    ran = python("-m", "clr_sweep", "check", "sweep.yaml", folder=tmp_path, status=2)
    assert ran.stderr == "clr-sweep: sweep.yaml: must be a YAML file, got a named pipe (FIFO)\n"

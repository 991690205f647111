"""A standard output that is closed or full, as a shell gives it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import optuna
import pytest
from own_process import modules
from platforms import needs_linux

pytestmark = needs_linux  # for /dev/full

FULL = "clr-sweep: cannot write to standard output: No space left on device\n"


def typed(line: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """What became of `clr-sweep LINE`, as a shell reads it."""
    return subprocess.run(
        ["sh", "-c", f'"$PYTHON" -m clr_sweep {line}'],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": modules(), "PYTHON": sys.executable},
        capture_output=True,
        text=True,
        timeout=250,
        check=False,
    )


@pytest.mark.parametrize("command", ["--help", "list --help", "--version", "schema", "list"])
def test_a_full_output_is_said_in_a_line(tmp_path: Path, command: str) -> None:
    """What click prints by itself, texts that are longer than a buffer, and results."""
    optuna.create_study(study_name="one", storage=f"sqlite:///{tmp_path / 'optuna.db'}")
    done = typed(f"{command} >/dev/full", tmp_path)
    assert (done.returncode, done.stderr) == (1, FULL)


def test_a_pipe_that_nobody_reads_is_no_error(tmp_path: Path) -> None:
    """As in `clr-sweep schema | head`."""
    assert typed("schema | true", tmp_path).stderr == ""


def test_a_refusal_tells_by_its_status_where_it_cannot_be_read(tmp_path: Path) -> None:
    for line in ("check absent.yaml 2>/dev/full", "check absent.yaml 2>&-"):
        done = typed(line, tmp_path)
        assert (done.returncode, done.stdout, done.stderr) == (2, "", "")


def test_without_standard_streams_a_command_does_the_same(tmp_path: Path) -> None:
    """As with /dev/null; the storage, which is opened next, does not become the output."""
    storage = f"sqlite:///{tmp_path / 'optuna.db'}"
    optuna.create_study(study_name="one", storage=storage)
    for line in ("list >&-", "list <&- >&- 2>&-"):
        done = typed(line, tmp_path)
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert optuna.get_all_study_names(storage) == ["one"]

"""Silence on standard error while TensorFlow is imported."""

from __future__ import annotations

import os
import sys

import pytest

from clr_sweep.training.quiet import quiet_standard_error


def test_it_silences_c_code_and_python(capfd: pytest.CaptureFixture[str]) -> None:
    """What goes to descriptor 2 within the block is dropped; standard output is not."""
    os.write(2, b"before\n")
    with quiet_standard_error():
        os.write(2, b"hidden\n")
        print("hidden too", file=sys.__stderr__, flush=True)
        os.write(1, b"shown\n")
    os.write(2, b"after\n")
    found = capfd.readouterr()
    assert found.err == "before\nafter\n"
    assert found.out == "shown\n"


def test_exceptions_pass_and_descriptors_are_put_back(capfd: pytest.CaptureFixture[str]) -> None:
    """An exception leaves the block, after which standard error works and no descriptor leaks."""
    before = len(os.listdir("/proc/self/fd")) if os.path.isdir("/proc/self/fd") else 0
    with pytest.raises(RuntimeError, match="told"), quiet_standard_error():
        raise RuntimeError("told")
    os.write(2, b"heard\n")
    assert capfd.readouterr().err == "heard\n"
    if before:
        assert len(os.listdir("/proc/self/fd")) == before

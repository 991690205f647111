"""Options as whoever called writes them."""

from __future__ import annotations

from pathlib import Path

import pytest

import clr_sweep
from clr_sweep.common.door import another_study, in_python, is_python, option


def test_an_option_is_an_argument_in_python() -> None:
    """On the command line as it is; within a call, however deep, as Python has it."""
    assert option("--tracking-uri") == "--tracking-uri"
    assert another_study() == "`clr-sweep run --study NAME`"
    with in_python():
        with in_python():
            assert is_python()
        assert option("--tracking-uri") == "tracking_uri="
        assert option("--study", "NAME") == "study=..."
        assert another_study() == "`clr_sweep.run(..., study=...)`"
    assert not is_python()


def test_messages_of_the_library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """They name what a call has."""
    monkeypatch.chdir(tmp_path)
    with pytest.raises(clr_sweep.ClrSweepError, match=r"or name the storage with storage="):
        clr_sweep.load_study("none")
    with pytest.raises(clr_sweep.InputError, match=r"^tracking_uri: "):
        clr_sweep.load_study("none", tracking_uri="nonsense://")
    with pytest.raises(clr_sweep.InputError, match=r"^study\.trials: must be .*, got 0"):
        clr_sweep.Sweep.from_file("fashion_mnist", {"study.trials": 0})

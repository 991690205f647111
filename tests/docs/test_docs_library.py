"""The page of the library: its code is one script, which a user would run beside a module."""

from __future__ import annotations

from pathlib import Path

import pytest
from documentation import LIBRARY, OWN_MODEL, blocks
from own_process import python

CHECKED = """
import os, psutil, signal

def state():  # what is imported sets variables of its own
    names = ("KERAS_BACKEND", "MLFLOW_TRACKING_URI", "MLFLOW_RUN_ID", "TMPDIR")
    return signal.getsignal(signal.SIGINT), [os.environ.get(name) for name in names]

before = state()
{code}
assert state() == before
left = [process.cmdline() for process in psutil.Process().children()]
assert not [words for words in left if "forkserver" in " ".join(words)], left
print("done")
"""


@pytest.mark.heavy
@pytest.mark.timeout(900)
@pytest.mark.slow
def test_the_code_of_the_page_runs(tmp_path: Path) -> None:
    """All blocks after each other, in a program without a guard; no process trains on after it.

    The trials' processes do not run the program again: it says `done` once.
    """
    (rings,) = (block for _, block in blocks(OWN_MODEL, "python") if "def network" in block)
    (tmp_path / "rings.py").write_text(rings, encoding="utf-8")
    code = "".join(block for _, block in blocks(LIBRARY, "python"))
    (tmp_path / "page.py").write_text(CHECKED.format(code=code), encoding="utf-8")
    done = python("page.py", folder=tmp_path, timeout=800, TF_CPP_MIN_LOG_LEVEL="3")
    assert done.stdout.count("done") == 1
    assert "rings-in-python: 3 trials: 3 complete" in done.stdout
    assert "not decidable" in done.stdout
    for name in ("bounds.png", "rates.png", "verdict.png", "range_test.png", "rings.html"):
        assert (tmp_path / name).stat().st_size > 1000, name

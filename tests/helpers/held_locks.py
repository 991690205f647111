"""Another process that holds something until the test has seen it."""

from __future__ import annotations

import contextlib
import subprocess
import sys
from collections.abc import Iterator

# Holds the lock of a study, whose storage and name are its arguments.
HOLD = """
import sys
from clr_sweep.search.one_driver import only_driver
with only_driver(sys.argv[1], sys.argv[2]):
    print("held", flush=True)
    sys.stdin.readline()
"""


@contextlib.contextmanager
def holding(code: str, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    """Runs `code`, which prints `held` and then waits; at the end of the block it is killed."""
    process = subprocess.Popen(
        [sys.executable, "-c", code, *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        yield process
    finally:
        process.kill()
        process.communicate()

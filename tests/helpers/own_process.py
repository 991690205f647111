"""Python in a process of its own: what is imported first, and what a user's process finds."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path


def modules() -> str:
    """Where this process finds modules, for another one's PYTHONPATH."""
    return os.pathsep.join(path for path in sys.path if path)


def python(
    *arguments: object,
    folder: Path | None = None,
    status: int = 0,
    timeout: int = 250,
    **variables: str,
) -> subprocess.CompletedProcess[str]:
    """Run it to its end, which must have this exit status; with what it wrote.

    Args:
        arguments: of Python itself: `-c` and a program, `-m` and a module, or a file, with theirs.
        folder: the current one of the process; None: that of the tests.
        timeout: in seconds.
        variables: added to the environment.
    """
    done = subprocess.run(
        [sys.executable, *map(str, arguments)], cwd=folder, env=os.environ | variables,
        capture_output=True, text=True, timeout=timeout, check=False,
    )  # fmt: skip
    assert done.returncode == status, done.stderr
    return done

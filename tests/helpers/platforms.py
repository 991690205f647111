"""Marks of tests that need something of the machine.

A fresh Debian machine on which `tests/run` is run as root has all of it, and skips nothing.
"""

from __future__ import annotations

import os
import shutil
import sys

import pytest

needs_linux = pytest.mark.skipif(sys.platform != "linux", reason="needs Linux's forkserver")
needs_posix = pytest.mark.skipif(
    os.name != "posix", reason="needs the permissions, signals and names of POSIX"
)
needs_apt = pytest.mark.skipif(shutil.which("apt-get") is None, reason="needs Debian's apt")
needs_root = pytest.mark.skipif(
    os.name != "posix" or os.geteuid() != 0, reason="only root can give a folder away"
)

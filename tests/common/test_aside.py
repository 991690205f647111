"""Lines beside the work, where nobody can be told."""

from __future__ import annotations

import os

import pytest
from platforms import needs_linux

from clr_sweep.common.standard_streams import aside


@needs_linux
def test_a_full_disk() -> None:
    """The line is lost, and no exception raised; so is one that waits in a buffer."""
    with open("/dev/full", "w", encoding="utf-8") as stream:
        aside("a line", stream)
        aside("another", stream)
        with pytest.raises(OSError, match="No space left"):
            stream.flush()
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def test_a_pipe_that_nobody_reads() -> None:
    read, write = os.pipe()
    with os.fdopen(write, "w", encoding="utf-8") as stream:
        aside("a line", stream)
        assert os.read(read, 100) == b"a line\n"
        os.close(read)
        aside("another", stream)
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())

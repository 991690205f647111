"""Importing TensorFlow without its greetings."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator


@contextlib.contextmanager
def quiet_standard_error() -> Iterator[None]:
    """Drop what is written to standard error, by C++ code too, for as long as the block runs.

    TensorFlow's notes on the processor and on missing GPUs come before its logging is set up,
    so no setting silences them. Exceptions are not affected.
    """
    # What it says later, at the first operation.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    kept = os.dup(2)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)

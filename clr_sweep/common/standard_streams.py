"""Standard input, output and error of a process that was started without them, or cannot write."""

from __future__ import annotations

import contextlib
import os
import sys
from typing import TextIO

_STREAMS = (("stdin", "r"), ("stdout", "w"), ("stderr", "w"))


def hold_numbers() -> None:
    """Open to nowhere what of the descriptors 0, 1 and 2 is closed.

    The next file that is opened, a database or a socket, would have their number, and be written
    into by what prints, here or in a process that is started from here.
    """
    for number in range(len(_STREAMS)):
        try:
            os.fstat(number)
        except OSError:
            # The lowest number that is free, so this one; unlike others it is to be inherited.
            os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)


def open_missing() -> None:
    """Give this process the standard streams that it was started without: they lead nowhere."""
    hold_numbers()
    for number, (name, mode) in enumerate(_STREAMS):
        if getattr(sys, name) is None:
            stream = open(number, mode, closefd=False)  # noqa: SIM115 - as long as the process
            setattr(sys, name, stream)
            setattr(sys, f"__{name}__", stream)


def aside(text: str, stream: TextIO) -> None:
    """A line of what goes on, which itself goes on where the line cannot be written.

    At Ctrl-C `tee`, which a sweep's output is piped to, ends at once; and a disk that a log is on
    may be full while the study's is not.
    """
    with contextlib.suppress(OSError):
        print(text, file=stream, flush=True)


def drop_unwritten() -> None:
    """Forget what could not be written: Python would try again at its end, and complain."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError:
            with contextlib.suppress(OSError), open(os.devnull, "wb") as nowhere:
                os.dup2(nowhere.fileno(), stream.fileno())

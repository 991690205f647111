"""Imported by the server of trials in place of clr_sweep.engines.server, which it imports."""

from benchmarks.start.marks import mark

mark("server began")
import clr_sweep.engines.server  # noqa: E402, F401

mark("server up")
